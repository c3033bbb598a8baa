//! The registry of endpoints, which have a path of their own, and of connections that were reserved for clients to come.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::event::Filter;
use crate::gateway::admin::connections::{
    ConnectionAddr, ConnectionInfo, ConnectionStatus, NamedConnection, PIECE_BYTES, parse_open_id,
};
use crate::gateway::admin::endpoint_path::{EndpointError, check_path};
use crate::gateway::admin::state::{StateStore, Table};
use crate::gateway::delivery::StreamOwner;
use crate::gateway::stream::options::StreamOptions;
use crate::net::EndReason;

/// Endpoints at once.
const ENDPOINTS_MAX: usize = 1024;
/// Most connections that are reserved at once.
const RESERVED_MAX: usize = 10_000;
/// Bytes that the filters of endpoints and made connections may take together, about.
const FILTER_BYTES: usize = 16 << 20;
/// Endpoints, or made connections, that are listed in one go.
const PIECE: usize = 32;
/// Shortest time between two looks for reserved connections that nobody came to: each walks over all of them.
const SWEEP: Duration = Duration::from_secs(1);
/// Paths and ids remembered that were ended on purpose. Clients of older ones are told to come back later, as those of
/// an earlier process are.
const ENDED_MAX: usize = 4096;
/// Longest time for which a reserved connection waits for its client, and for it to come back.
const RESERVED_FOR: Duration = Duration::from_secs(300);

/// An endpoint, as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointInfo {
    /// The path at which clients connect.
    pub path: String,
    /// The topics that they can get there.
    pub filter: Filter,
    /// The options of their streams.
    pub options: StreamOptions,
    /// Open connections.
    pub connections: u64,
}

/// The offer of an endpoint or a reserved connection to whoever connects there.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct EndpointSpec {
    pub(in crate::gateway) filter: Filter,
    pub(in crate::gateway) options: StreamOptions,
    pub(in crate::gateway) owner: StreamOwner,
    /// The stream that has the reserved connection now.
    pub(in crate::gateway) occupant: Option<NamedConnection>,
}

/// An endpoint, and the group that its streams name as their owner.
struct Endpoint {
    group: u32,
    info: EndpointInfo,
}

/// The endpoints and reserved connections of a server.
pub(in crate::gateway) struct Endpoints {
    frame_log: usize,
    /// Paths of the program's own routes, behind which no endpoint would be reached.
    taken: HashSet<String>,
    /// Keeps what is made; `None`: it is gone with the process.
    store: Option<StateStore>,
    /// Held from a change here until it is queued for the journal, so that the rows come to be what is here.
    order: Mutex<()>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    endpoints: BTreeMap<String, Endpoint>,
    reserved: HashMap<u32, ReservedConnection>,
    by_id: BTreeMap<String, u32>,
    /// The paths of endpoints by group.
    paths: HashMap<u32, String>,
    /// Reserved connections that have a stream.
    with_stream: usize,
    /// Bytes of all filters, about.
    bytes: usize,
    /// The names that were ended on purpose, the newest last.
    ended: VecDeque<String>,
    last: u32,
    /// The time of the last search for those who waited too long.
    swept: Option<Instant>,
}

/// A reserved connection as it is known here, and the address of its stream, if it has one.
pub(in crate::gateway) struct KnownConnection {
    pub(in crate::gateway) info: ConnectionInfo,
    pub(in crate::gateway) addr: Option<ConnectionAddr>,
}

/// A connection that was reserved for a client to come.
struct ReservedConnection {
    filter: Filter,
    options: StreamOptions,
    /// Without a stream since.
    since: Instant,
    addr: Option<ConnectionAddr>,
    info: ConnectionInfo,
}

impl ReservedConnection {
    fn bytes(&self) -> usize {
        weight(&self.info.filter)
    }
}

/// The bytes that a filter takes, as it is kept and as text, about.
fn weight(filter: &str) -> usize {
    2 * filter.len()
}

impl Inner {
    fn next(&mut self) -> u32 {
        // 0 stands for none in a `StreamOwner`.
        self.last = self.last.wrapping_add(1).max(1);
        self.last
    }

    /// Forgets connections whose clients have not come for too long; returns their ids.
    fn sweep(&mut self, now: Instant) -> Vec<String> {
        let mut ids = Vec::new();
        if self.swept.is_some_and(|swept| now - swept < SWEEP) {
            return ids;
        }
        // Swept when somebody looks: a list that nobody looks at needs no timer, only a bound.
        self.swept = Some(now);
        let gone = |reserved: &ReservedConnection| {
            reserved.addr.is_none() && now - reserved.since > RESERVED_FOR
        };
        let (by_id, bytes) = (&mut self.by_id, &mut self.bytes);
        self.reserved.retain(|_, reserved| {
            let keep = !gone(reserved);
            if !keep {
                by_id.remove(&reserved.info.id);
                *bytes -= reserved.bytes();
                ids.push(reserved.info.id.clone());
            }
            keep
        });
        ids
    }

    /// Makes room for a filter of `bytes`.
    fn take_bytes(&mut self, bytes: usize) -> Result<(), EndpointError> {
        if self.bytes + bytes > FILTER_BYTES {
            let limit = FILTER_BYTES;
            return Err(EndpointError::TooLong { limit });
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Removes an endpoint; returns its group.
    fn remove(&mut self, path: &str) -> Option<u32> {
        let Endpoint { group, info } = self.endpoints.remove(path)?;
        self.paths.remove(&group);
        self.bytes -= weight(&info.filter.to_string());
        Some(group)
    }

    fn note_end(&mut self, name: &str) {
        if self.ended.len() >= ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(name.to_owned());
    }

    fn find(&mut self, id: &str) -> Option<&mut ReservedConnection> {
        let name = self.by_id.get(id)?;
        self.reserved.get_mut(name)
    }
}

impl Endpoints {
    /// `frame_log`: the bytes of a frame log, which some options go by; `taken`: the paths of the program's routes.
    pub(in crate::gateway) fn new(frame_log: usize, taken: HashSet<String>) -> Self {
        Self {
            frame_log,
            taken,
            store: None,
            order: Mutex::default(),
            inner: Mutex::default(),
        }
    }

    /// Keeps what is made from here on.
    pub(in crate::gateway) fn keep_in(&mut self, store: Option<StateStore>) {
        self.store = store;
    }

    /// The place where what is made is kept; `None`: it is gone with the process.
    pub(in crate::gateway) fn store(&self) -> Option<&StateStore> {
        self.store.as_ref()
    }

    /// The turn of one change, for as long as the guard is kept: until it is queued for the journal, never until it is
    /// committed. Two changes of one name would otherwise be queued in another order than they were made in.
    pub(in crate::gateway) fn turn(&self) -> MutexGuard<'_, ()> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks, after a look for connections whose clients never came.
    fn lock_swept(&self, now: Instant) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        let gone = inner.sweep(now);
        if let Some(store) = self.store.as_ref().filter(|_| !gone.is_empty()) {
            store.forget(Table::Connections, gone);
        }
        inner
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, options: &StreamOptions) -> Result<(), EndpointError> {
        if let Some((field, feature)) = options.lacks() {
            return Err(EndpointError::Feature { field, feature });
        }
        match options.first_fault(self.frame_log) {
            Some((field, reason)) => Err(EndpointError::Option { field, reason }),
            None => Ok(()),
        }
    }

    // -- Endpoints

    /// Returns whether the program has this path: for a route, or for an endpoint of its own.
    pub(in crate::gateway) fn is_taken(&self, path: &str) -> bool {
        self.taken.contains(path) || self.lock().endpoints.contains_key(path)
    }

    /// Makes an endpoint; returns its group.
    pub(in crate::gateway) fn create(
        &self,
        path: &str,
        filter: Filter,
        options: StreamOptions,
    ) -> Result<u32, EndpointError> {
        check_path(path)?;
        self.check(&options)?;
        let path = path.to_owned();
        if self.taken.contains(&path) {
            let reason = "is a route of the program";
            return Err(EndpointError::Path { path, reason });
        }
        let mut inner = self.lock();
        if inner.endpoints.contains_key(&path) {
            return Err(EndpointError::Exists { path });
        }
        if inner.endpoints.len() >= ENDPOINTS_MAX {
            let limit = ENDPOINTS_MAX;
            return Err(EndpointError::TooMany { limit });
        }
        inner.take_bytes(weight(&filter.to_string()))?;
        let group = inner.next();
        inner.paths.insert(group, path.clone());
        // It is there again, so its path is no longer one for which giving up is right.
        inner.ended.retain(|ended| *ended != path);
        let info = EndpointInfo {
            path: path.clone(),
            filter,
            options,
            connections: 0,
        };
        inner.endpoints.insert(path, Endpoint { group, info });
        Ok(group)
    }

    /// Removes an endpoint; returns the group whose streams are to end.
    pub(in crate::gateway) fn remove(&self, path: &str) -> Result<u32, EndpointError> {
        let mut inner = self.lock();
        let group = inner.remove(path).ok_or_else(|| EndpointError::Unknown {
            path: path.to_owned(),
        })?;
        inner.note_end(path);
        Ok(group)
    }

    /// Takes back an endpoint that was made and is not kept; `group`: as it was made. Another one may have its path by now.
    pub(in crate::gateway) fn undo_create(&self, path: &str, group: u32) {
        let mut inner = self.lock();
        let own = |endpoint: &Endpoint| endpoint.group == group;
        if inner.endpoints.get(path).is_some_and(own) {
            // Nobody has ended it: as far as others know, it was never there.
            inner.remove(path);
        }
    }

    /// Takes back a connection that was made and is not kept.
    pub(in crate::gateway) fn undo_reserve(&self, id: &str) {
        if self.forget(id).is_some() {
            self.lock().ended.retain(|ended| ended != id);
        }
    }

    /// Returns whether an endpoint or a connection that was made was ended on purpose, as far as it is remembered.
    pub(in crate::gateway) fn was_ended(&self, name: &str) -> bool {
        self.lock().ended.iter().any(|ended| ended == name)
    }

    pub(in crate::gateway) fn endpoints(&self) -> Vec<EndpointInfo> {
        let inner = self.lock();
        let endpoints = inner.endpoints.values();
        endpoints.map(|endpoint| endpoint.info.clone()).collect()
    }

    /// Endpoints after a path: the next piece of their list, empty when there are no more.
    pub(in crate::gateway) fn endpoints_after(&self, path: &str) -> Vec<EndpointInfo> {
        let inner = self.lock();
        let after = (Bound::Excluded(path), Bound::Unbounded);
        let mut bytes = 0;
        let mut piece = Vec::new();
        for (_, Endpoint { info, .. }) in inner.endpoints.range::<str, _>(after).take(PIECE) {
            if bytes >= PIECE_BYTES {
                break;
            }
            bytes += info
                .filter
                .patterns()
                .iter()
                .map(|p| p.as_str().len())
                .sum::<usize>();
            piece.push(info.clone());
        }
        piece
    }

    /// Returns the offer of the endpoint at a path.
    pub(in crate::gateway) fn endpoint(&self, path: &str) -> Option<EndpointSpec> {
        let inner = self.lock();
        let Endpoint { group, info } = inner.endpoints.get(path)?;
        Some(EndpointSpec {
            filter: info.filter.clone(),
            options: info.options,
            owner: StreamOwner {
                endpoint: *group,
                connection: 0,
            },
            occupant: None,
        })
    }

    /// The group of an endpoint.
    pub(in crate::gateway) fn group_of(&self, path: &str) -> Option<u32> {
        self.lock()
            .endpoints
            .get(path)
            .map(|endpoint| endpoint.group)
    }

    pub(super) fn path_of(&self, group: u32) -> Option<String> {
        if group == 0 {
            return None;
        }
        self.lock().paths.get(&group).cloned()
    }

    // -- Connections

    /// Makes a connection for a client that will come; returns its id.
    pub(in crate::gateway) fn reserve(
        &self,
        filter: Filter,
        options: StreamOptions,
    ) -> Result<String, EndpointError> {
        let id = uuid::Uuid::now_v7().to_string();
        self.reserve_as(&id, filter, options)?;
        Ok(id)
    }

    /// The same, by an id that it had before a restart.
    pub(in crate::gateway) fn reserve_as(
        &self,
        id: &str,
        filter: Filter,
        options: StreamOptions,
    ) -> Result<(), EndpointError> {
        self.check(&options)?;
        let now = Instant::now();
        // First: those whose clients never came must not take the room of those who do.
        let mut inner = self.lock_swept(now);
        if inner.reserved.len() >= RESERVED_MAX {
            let limit = RESERVED_MAX;
            return Err(EndpointError::TooMany { limit });
        }
        let text = filter.to_string();
        inner.take_bytes(weight(&text))?;
        let name = inner.next();
        let info = ConnectionInfo {
            id: id.to_owned(),
            status: ConnectionStatus::Connecting,
            endpoint: None,
            filter: text,
            peer: None,
            open: Duration::ZERO,
            last_event_ago: None,
            delivered: 0,
            missed: 0,
            bytes: 0,
            lag: 0,
        };
        let reserved = ReservedConnection {
            filter,
            options,
            since: now,
            addr: None,
            info,
        };
        inner.reserved.insert(name, reserved);
        inner.by_id.insert(id.to_owned(), name);
        Ok(())
    }

    /// Returns the offer of a reserved connection to its client.
    pub(in crate::gateway) fn reserved(&self, id: &str) -> Option<EndpointSpec> {
        let inner = self.lock_swept(Instant::now());
        let name = *inner.by_id.get(id)?;
        let reserved = inner.reserved.get(&name)?;
        Some(EndpointSpec {
            filter: reserved.filter.clone(),
            options: reserved.options,
            owner: StreamOwner {
                endpoint: 0,
                connection: name,
            },
            occupant: reserved.addr.map(|addr| NamedConnection {
                id: id.to_owned(),
                addr,
            }),
        })
    }

    /// Forgets a connection that was reserved; returns where its stream is, if it has one.
    pub(in crate::gateway) fn forget(&self, id: &str) -> Option<Option<ConnectionAddr>> {
        let mut inner = self.lock();
        let name = inner.by_id.remove(id)?;
        inner.note_end(id);
        let reserved = inner.reserved.remove(&name)?;
        inner.bytes -= reserved.bytes();
        inner.with_stream -= usize::from(reserved.addr.is_some());
        Some(reserved.addr)
    }

    /// Returns the number of reserved connections without a stream.
    pub(in crate::gateway) fn without_stream(&self) -> u64 {
        let inner = self.lock_swept(Instant::now());
        (inner.reserved.len() - inner.with_stream) as u64
    }

    /// Connections that were reserved, after an id and by id, `max` at most: the next piece of their list.
    pub(super) fn reserved_after(&self, id: &str, max: usize) -> Vec<KnownConnection> {
        let inner = self.lock_swept(Instant::now());
        let after = (Bound::Excluded(id), Bound::Unbounded);
        let mut bytes = 0;
        let mut piece = Vec::new();
        for (_, name) in inner.by_id.range::<str, _>(after).take(max.min(PIECE)) {
            if bytes >= PIECE_BYTES {
                break;
            }
            let Some(reserved) = inner.reserved.get(name) else {
                continue;
            };
            bytes += reserved.info.filter.len();
            piece.push(KnownConnection {
                info: reserved.info.clone(),
                addr: reserved.addr,
            });
        }
        piece
    }

    /// Returns what is known of a reserved connection without a stream.
    pub(in crate::gateway) fn last_known(&self, id: &str) -> Option<ConnectionInfo> {
        self.lock().find(id).map(|reserved| reserved.info.clone())
    }

    /// Returns the address of the stream of a connection, reserved or not.
    pub(in crate::gateway) fn addr_of(&self, id: &str) -> Option<ConnectionAddr> {
        match self.lock().find(id) {
            Some(reserved) => reserved.addr,
            None => parse_open_id(id),
        }
    }

    /// The same for several; those that have none are left out.
    pub(in crate::gateway) fn addrs_of(&self, ids: &[String]) -> Vec<NamedConnection> {
        let addrs = ids.iter().map(|id| (id, self.addr_of(id)));
        addrs
            .filter_map(|(id, addr)| {
                Some(NamedConnection {
                    id: id.clone(),
                    addr: addr?,
                })
            })
            .collect()
    }

    pub(super) fn name_of(&self, name: u32) -> Option<String> {
        if name == 0 {
            return None;
        }
        self.lock()
            .reserved
            .get(&name)
            .map(|reserved| reserved.info.id.clone())
    }

    /// Notes that a stream has begun.
    pub(in crate::gateway) fn started(&self, owner: StreamOwner, addr: ConnectionAddr) {
        // Nearly all streams are on no endpoint and were not reserved: they need not take the lock of all reactors.
        if owner == StreamOwner::default() {
            return;
        }
        let mut inner = self.lock();
        if let Some(endpoint) = inner.endpoint_of(owner.endpoint) {
            endpoint.connections += 1;
        }
        if let Some(reserved) = inner.reserved.get_mut(&owner.connection) {
            // Who comes back before its old stream is seen to be gone has two for a moment, and counts once.
            let fresh = reserved.addr.replace(addr).is_none();
            reserved.info.status = ConnectionStatus::Connected;
            inner.with_stream += usize::from(fresh);
        }
    }

    /// Notes that a stream has ended.
    pub(in crate::gateway) fn ended(
        &self,
        owner: StreamOwner,
        addr: ConnectionAddr,
        why: EndReason,
        delivered: u64,
        bytes: u64,
    ) {
        if owner == StreamOwner::default() {
            return;
        }
        let mut inner = self.lock();
        if let Some(endpoint) = inner.endpoint_of(owner.endpoint) {
            endpoint.connections = endpoint.connections.saturating_sub(1);
        }
        // Another stream may have taken its place already.
        if let Some(reserved) = inner.reserved.get_mut(&owner.connection)
            && reserved.addr == Some(addr)
        {
            reserved.addr = None;
            reserved.since = Instant::now();
            reserved.info.status = match why {
                EndReason::Reset
                | EndReason::Stalled
                | EndReason::HalfSent
                | EndReason::TooSlow
                | EndReason::StopDeadline => ConnectionStatus::Error,
                _ => ConnectionStatus::Disconnected,
            };
            reserved.info.delivered += delivered;
            reserved.info.bytes += bytes;
            inner.with_stream -= 1;
        }
    }
}

impl Inner {
    fn endpoint_of(&mut self, group: u32) -> Option<&mut EndpointInfo> {
        let path = self.paths.get(&group)?;
        self.endpoints
            .get_mut(path)
            .map(|endpoint| &mut endpoint.info)
    }
}
