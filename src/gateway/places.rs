//! Places: endpoints with a path of their own, and connections that were made before their clients came.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connections::{ConnectionInfo, ConnectionStatus, Place, parse_open_id};
use super::endpoint::{EndpointError, check_path};
use super::options::StreamOptions;
use crate::event::Filter;
use crate::reactor::{EndReason, Tag};

/// Endpoints at once.
const ENDPOINTS_MAX: usize = 1024;
/// Connections that are made, at once.
const MADE_MAX: usize = 10_000;
/// How long a connection that was made waits for its client, and for it to come back.
const WAITS: Duration = Duration::from_secs(300);

/// An endpoint, as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointInfo {
    /// Where clients connect.
    pub path: String,
    /// The topics that they can get there.
    pub filter: Filter,
    /// How their streams behave.
    pub options: StreamOptions,
    /// Open connections.
    pub connections: u64,
}

/// What a place offers to whoever connects there.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) filter: Filter,
    pub(super) options: StreamOptions,
    pub(super) tag: Tag,
    /// The stream that has the place now.
    pub(super) taken: Option<(String, Place)>,
}

/// All places of a server.
pub(super) struct Places {
    frame_log: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    endpoints: BTreeMap<String, (u32, EndpointInfo)>,
    made: HashMap<u32, Made>,
    by_id: HashMap<String, u32>,
    last: u32,
}

/// A connection that was made.
struct Made {
    filter: Filter,
    options: StreamOptions,
    /// Without a stream since.
    since: Instant,
    place: Option<Place>,
    info: ConnectionInfo,
}

impl Inner {
    fn next(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1).max(1);
        self.last
    }

    /// Forgets connections whose clients have not come for too long.
    fn sweep(&mut self, now: Instant) {
        let gone = |made: &Made| made.place.is_none() && now - made.since > WAITS;
        let by_id = &mut self.by_id;
        self.made.retain(|_, made| {
            let keep = !gone(made);
            if !keep {
                by_id.remove(&made.info.id);
            }
            keep
        });
    }

    fn find(&mut self, id: &str) -> Option<&mut Made> {
        let name = self.by_id.get(id)?;
        self.made.get_mut(name)
    }
}

impl Places {
    /// `frame_log`: the bytes of a frame log, which some options go by.
    pub(super) fn new(frame_log: usize) -> Self {
        Self {
            frame_log,
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, options: &StreamOptions) -> Result<(), EndpointError> {
        match options.first_fault(self.frame_log) {
            Some((field, reason)) => Err(EndpointError::Option { field, reason }),
            None => Ok(()),
        }
    }

    // -- Endpoints

    pub(super) fn create(
        &self,
        path: &str,
        filter: Filter,
        options: StreamOptions,
    ) -> Result<(), EndpointError> {
        check_path(path)?;
        self.check(&options)?;
        let mut inner = self.lock();
        let path = path.to_owned();
        if inner.endpoints.contains_key(&path) {
            return Err(EndpointError::Exists { path });
        }
        if inner.endpoints.len() >= ENDPOINTS_MAX {
            let limit = ENDPOINTS_MAX;
            return Err(EndpointError::TooMany { limit });
        }
        let group = inner.next();
        let info = EndpointInfo {
            path: path.clone(),
            filter,
            options,
            connections: 0,
        };
        inner.endpoints.insert(path, (group, info));
        Ok(())
    }

    /// Removes an endpoint; returns the group whose streams are to end.
    pub(super) fn remove(&self, path: &str) -> Result<u32, EndpointError> {
        let removed = self.lock().endpoints.remove(path);
        let path = path.to_owned();
        removed
            .map(|(group, _)| group)
            .ok_or(EndpointError::Unknown { path })
    }

    pub(super) fn endpoints(&self) -> Vec<EndpointInfo> {
        let inner = self.lock();
        inner.endpoints.values().map(|(_, e)| e.clone()).collect()
    }

    /// What the endpoint of a path offers.
    pub(super) fn endpoint(&self, path: &str) -> Option<Offer> {
        let inner = self.lock();
        let (group, endpoint) = inner.endpoints.get(path)?;
        Some(Offer {
            filter: endpoint.filter.clone(),
            options: endpoint.options,
            tag: Tag {
                group: *group,
                name: 0,
            },
            taken: None,
        })
    }

    /// The group of an endpoint.
    pub(super) fn group_of(&self, path: &str) -> Option<u32> {
        self.lock().endpoints.get(path).map(|(group, _)| *group)
    }

    pub(super) fn path_of(&self, group: u32) -> Option<String> {
        if group == 0 {
            return None;
        }
        let inner = self.lock();
        let found = inner.endpoints.iter().find(|(_, (of, _))| *of == group);
        found.map(|(path, _)| path.clone())
    }

    // -- Connections

    /// Makes a connection for a client that will come; returns its id.
    pub(super) fn make(
        &self,
        filter: Filter,
        options: StreamOptions,
    ) -> Result<String, EndpointError> {
        self.check(&options)?;
        let now = Instant::now();
        let mut inner = self.lock();
        inner.sweep(now);
        if inner.made.len() >= MADE_MAX {
            let limit = MADE_MAX;
            return Err(EndpointError::TooMany { limit });
        }
        let name = inner.next();
        let id = uuid::Uuid::now_v7().to_string();
        let info = ConnectionInfo {
            id: id.clone(),
            status: ConnectionStatus::Connecting,
            endpoint: None,
            filter: filter.to_string(),
            peer: None,
            open: Duration::ZERO,
            last_event_ago: None,
            delivered: 0,
            missed: 0,
            bytes: 0,
            lag: 0,
        };
        let made = Made {
            filter,
            options,
            since: now,
            place: None,
            info,
        };
        inner.made.insert(name, made);
        inner.by_id.insert(id.clone(), name);
        Ok(id)
    }

    /// What the connection of an id offers to its client.
    pub(super) fn made(&self, id: &str) -> Option<Offer> {
        let mut inner = self.lock();
        inner.sweep(Instant::now());
        let name = *inner.by_id.get(id)?;
        let made = inner.made.get(&name)?;
        Some(Offer {
            filter: made.filter.clone(),
            options: made.options,
            tag: Tag { group: 0, name },
            taken: made.place.map(|place| (id.to_owned(), place)),
        })
    }

    /// Forgets a connection that was made; returns where its stream is, if it has one.
    pub(super) fn forget(&self, id: &str) -> Option<Option<Place>> {
        let mut inner = self.lock();
        let name = inner.by_id.remove(id)?;
        inner.made.remove(&name).map(|made| made.place)
    }

    /// Connections that were made and have no stream.
    pub(super) fn waiting(&self) -> Vec<ConnectionInfo> {
        let mut inner = self.lock();
        inner.sweep(Instant::now());
        let waiting = inner.made.values().filter(|made| made.place.is_none());
        waiting.map(|made| made.info.clone()).collect()
    }

    /// What is known of a connection without a stream.
    pub(super) fn last_known(&self, id: &str) -> Option<ConnectionInfo> {
        self.lock().find(id).map(|made| made.info.clone())
    }

    /// Where the stream of a connection is, whoever made it.
    pub(super) fn place_of(&self, id: &str) -> Option<Place> {
        match self.lock().find(id) {
            Some(made) => made.place,
            None => parse_open_id(id),
        }
    }

    /// The same for several; those that have none are left out.
    pub(super) fn places_of(&self, ids: &[String]) -> Vec<(String, Place)> {
        let places = ids.iter().map(|id| (id, self.place_of(id)));
        places
            .filter_map(|(id, place)| Some((id.clone(), place?)))
            .collect()
    }

    pub(super) fn name_of(&self, name: u32) -> Option<String> {
        if name == 0 {
            return None;
        }
        self.lock().made.get(&name).map(|made| made.info.id.clone())
    }

    /// A stream has begun.
    pub(super) fn started(&self, tag: Tag, place: Place) {
        if tag == Tag::default() {
            return;
        }
        let mut inner = self.lock();
        if let Some(endpoint) = inner.endpoint_of(tag.group) {
            endpoint.connections += 1;
        }
        if let Some(made) = inner.made.get_mut(&tag.name) {
            made.place = Some(place);
            made.info.status = ConnectionStatus::Connected;
        }
    }

    /// A stream has ended.
    pub(super) fn ended(&self, tag: Tag, place: Place, why: EndReason, (sent, bytes): (u64, u64)) {
        if tag == Tag::default() {
            return;
        }
        let mut inner = self.lock();
        if let Some(endpoint) = inner.endpoint_of(tag.group) {
            endpoint.connections = endpoint.connections.saturating_sub(1);
        }
        // Another stream may have taken the place already.
        if let Some(made) = inner.made.get_mut(&tag.name)
            && made.place == Some(place)
        {
            made.place = None;
            made.since = Instant::now();
            made.info.status = match why {
                EndReason::Reset
                | EndReason::Stalled
                | EndReason::HalfSent
                | EndReason::TooSlow
                | EndReason::StopDeadline => ConnectionStatus::Error,
                _ => ConnectionStatus::Disconnected,
            };
            made.info.delivered += sent;
            made.info.bytes += bytes;
        }
    }
}

impl Inner {
    fn endpoint_of(&mut self, group: u32) -> Option<&mut EndpointInfo> {
        let mut endpoints = self.endpoints.values_mut();
        endpoints
            .find(|(of, _)| group != 0 && *of == group)
            .map(|(_, info)| info)
    }
}
