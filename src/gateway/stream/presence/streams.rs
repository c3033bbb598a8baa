//! The presence of streams: each attends its topics in the hub, is told who joins and leaves if it wants, and ends with
//! its topic.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::delivery::{OpenStreams, StreamFilter};
use crate::gateway::stream::presence::watchers::Watchers;
use crate::hub::{EndReason, Hub, PresenceConfig, PresenceEvent, PresenceHandle, Present};
use crate::mailbox::{Mailbox, Pushed};
use crate::net::{DisconnectReason, Handle, StreamId};
use crate::ring::Notify;

/// Streams that begin to be present in a turn.
const ENTERED_MAX: usize = 512;
/// Ids that one answer lists; the count is of all.
const LISTED_MAX: usize = 1000;

/// The presence handles of one reactor's streams: one for all that have the same filter.
pub(in crate::gateway) struct Presence {
    is_on: bool,
    reactor: usize,
    /// Streams that have begun and are not present yet.
    fresh: Vec<StreamId>,
    handles: HashMap<StreamFilter, Arc<PresenceHandle>>,
    changed: Arc<ChangedFilters>,
    watchers: Watchers,
}

/// The filters whose streams were told something.
struct ChangedFilters {
    filters: Mailbox<StreamFilter>,
    reactor: Arc<dyn Notify>,
}

struct FilterWaker {
    changed: Arc<ChangedFilters>,
    filter: StreamFilter,
}

impl Notify for FilterWaker {
    fn notify(&self) {
        // One for each member that is ended, at most: so many there were.
        if let Ok(Pushed::First) = self.changed.filters.push(self.filter.clone()) {
            self.changed.reactor.notify();
        }
    }
}

impl Presence {
    pub(in crate::gateway) fn new(handle: &Handle, is_on: bool) -> Self {
        Self {
            is_on,
            reactor: handle.reactor(),
            fresh: Vec::new(),
            handles: HashMap::new(),
            watchers: Watchers::default(),
            changed: Arc::new(ChangedFilters {
                filters: Mailbox::new(usize::MAX),
                reactor: handle.notifier(),
            }),
        }
    }

    pub(in crate::gateway) fn started(&mut self, stream: StreamId) {
        if self.is_on {
            self.fresh.push(stream);
        }
    }

    pub(in crate::gateway) fn ended(&mut self, stream: StreamId, filter: &StreamFilter) {
        if let Some(handle) = self.handles.get(filter) {
            handle.leave(stream.to_bits());
            if handle.is_empty() {
                self.handles.remove(filter);
            }
        }
    }

    /// Enters streams that are new, and does for others what they were told. Once a turn.
    pub(in crate::gateway) fn update(&mut self, hub: &Hub, streams: &mut OpenStreams<'_, '_>) {
        let more = self.fresh.len() > ENTERED_MAX;
        for stream in self
            .fresh
            .drain(..ENTERED_MAX.min(self.fresh.len()))
            .collect::<Vec<_>>()
        {
            if let Some(info) = streams.get(stream) {
                self.enter(hub, info.key, stream);
                if info.key.presence {
                    self.watchers.add(stream);
                }
            }
        }
        let wake = self.changed.reactor.clone();
        let watch = || hub.watch_presence(wake.clone());
        if self.watchers.tell(watch, streams) || more {
            // The rest is for the next turn: the poll is not to sleep over it.
            wake.notify();
        }
        if !self.changed.filters.has_items() {
            return;
        }
        let mut changed = VecDeque::new();
        self.changed.filters.take_into(&mut changed);
        // A filter is here once for each of its members that was ended.
        let told: HashSet<StreamFilter> = changed.into_iter().collect();
        let mut over = HashMap::new();
        for filter in told {
            if let Some(why) = self.pass_on(&filter, streams) {
                over.insert(filter, why);
            }
        }
        if !over.is_empty() {
            // One look at all streams, however many filters they have.
            streams.end_those(|filter| over.get(filter).copied());
        }
    }

    fn enter(&mut self, hub: &Hub, filter: &StreamFilter, stream: StreamId) {
        let there = self.handles.get(filter).cloned();
        let handle = match there {
            Some(handle) => handle,
            None => {
                let Ok(handle) = hub.open_presence(self.config_of(filter)) else {
                    return;
                };
                let handle = Arc::new(handle);
                self.handles.insert(filter.clone(), handle.clone());
                handle
            }
        };
        handle.enter(stream.to_bits());
    }

    fn config_of(&self, filter: &StreamFilter) -> PresenceConfig {
        let notify = Arc::new(FilterWaker {
            changed: self.changed.clone(),
            filter: filter.clone(),
        });
        let name = format!("c{}-", self.reactor);
        PresenceConfig::new(name, filter.wanted.clone(), notify)
            .within(filter.limits().cloned().collect())
    }

    /// Ends streams of a filter that were disconnected; returns why all of them are over, if they are.
    fn pass_on(
        &mut self,
        filter: &StreamFilter,
        streams: &mut OpenStreams<'_, '_>,
    ) -> Option<DisconnectReason> {
        let handle = self.handles.get(filter).cloned()?;
        while let Some(told) = handle.take() {
            match told {
                PresenceEvent::Ended { number } => {
                    streams.end(StreamId::from_bits(number), DisconnectReason::Disconnected);
                }
                PresenceEvent::Closed { reason } => {
                    self.handles.remove(filter);
                    return Some(match reason {
                        EndReason::TopicDeleted => DisconnectReason::TopicDeleted,
                        _ => DisconnectReason::Disconnected,
                    });
                }
            }
        }
        if handle.is_empty() {
            self.handles.remove(filter);
        }
        None
    }
}

/// The answer of `GET /api/v1/topics/{topic}/presence`.
#[derive(Serialize, JsonSchema)]
pub(in crate::gateway) struct Listeners<'a> {
    topic: &'a str,
    /// The number of the last change that the list knows of.
    at: u64,
    /// The number of those who listen, listed or not.
    count: usize,
    /// Their ids, sorted: the first thousand.
    present: Vec<String>,
}

impl<'a> Listeners<'a> {
    pub(in crate::gateway) fn of(hub: &Hub, topic: &'a str) -> Self {
        let Present { at, count, ids } = hub.present(topic, LISTED_MAX);
        Self {
            topic,
            at,
            count,
            present: ids,
        }
    }
}
