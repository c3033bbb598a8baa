//! The answers of a connection that are still to leave, in the order of their requests.

use std::collections::VecDeque;

use crate::net::conns::plan::{StreamPlan, WatchPlan};
use crate::net::http::answer::{Answer, Deferred};
use crate::net::http::published::{Part, Parts, Published};
use crate::net::limits::Limits;
use crate::net::service::Service;
use crate::net::time::wheel::Tick;
use crate::net::ws::SocketPlan;

/// Answers of a connection that the service has to find out first, at once: its next request waits unread until one of
/// them is done, so that one client does not take the room that the service has for those of all.
const TICKETS_MAX: usize = 4;

/// An answer in the queue of a connection, or the stream that takes its place.
pub(super) enum Reply<S: Service> {
    Answer(Answer),
    Published {
        published: Published<S::Receipt>,
        /// `true`: the connection ends with it.
        close: bool,
        /// The tick by which its outcome has to be known.
        until: Tick,
    },
    Deferred(Deferred),
    Stream(Box<StreamPlan<S::Plan>>),
    Watch(WatchPlan),
    Socket(Box<SocketPlan<S>>),
}

impl<S: Service> Reply<S> {
    /// Bytes that it takes, as far as that is known.
    fn bytes(&self) -> usize {
        match self {
            Self::Answer(answer) => answer.bytes.len(),
            Self::Published { published, .. } => published.bytes,
            Self::Deferred(_) | Self::Stream(_) | Self::Watch(_) | Self::Socket(_) => 0,
        }
    }

    /// Returns whether no request of the connection follows it.
    fn is_last(&self) -> bool {
        match self {
            Self::Answer(answer) => answer.close,
            Self::Published { close, .. } => *close,
            Self::Deferred(deferred) => deferred.close,
            Self::Stream(_) | Self::Watch(_) | Self::Socket(_) => true,
        }
    }
}

/// The answers of one connection that are still to leave.
pub(super) struct Answers<S: Service> {
    queue: VecDeque<Reply<S>>,
    /// Bytes of those that are known.
    bytes: usize,
    /// The number of those that are deferred.
    tickets: usize,
}

impl<S: Service> Answers<S> {
    pub(super) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            bytes: 0,
            tickets: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Returns whether some have to leave before another request is taken.
    pub(super) fn are_full(&self, limits: &Limits) -> bool {
        self.queue.len() >= limits.max_pending_publishes
            || self.bytes >= limits.private_bytes
            // Each of these holds room that the service has for the requests of all connections.
            || self.tickets >= TICKETS_MAX
            || self.queue.back().is_some_and(Reply::is_last)
    }

    /// Queues whatever leaves next behind what is still to leave.
    pub(super) fn push(&mut self, reply: Reply<S>) {
        self.bytes += reply.bytes();
        self.tickets += usize::from(matches!(reply, Reply::Deferred(_)));
        self.queue.push_back(reply);
    }

    /// Queues parts of an answer, whose outcomes are to be known by `until`, behind the answers that are still to leave.
    pub(super) fn append(&mut self, parts: Parts<S::Receipt>, until: Tick, out: &mut Vec<u8>) {
        for part in parts.into_parts() {
            match part {
                // Nothing is in front of it, so it need not queue.
                Part::Bytes(bytes) if self.is_empty() => out.extend_from_slice(&bytes),
                Part::Bytes(bytes) if bytes.is_empty() => {}
                Part::Bytes(bytes) => self.push(Reply::Answer(Answer {
                    bytes,
                    close: false,
                })),
                Part::Published(published) => self.push(Reply::Published {
                    published,
                    close: false,
                    until,
                }),
            }
        }
    }

    /// The answer that is next.
    pub(super) fn next(&self) -> Option<&Reply<S>> {
        self.queue.front()
    }

    /// Takes the answer that is next.
    pub(super) fn take_next(&mut self) -> Option<Reply<S>> {
        let next = self.queue.pop_front()?;
        self.bytes -= next.bytes();
        self.tickets -= usize::from(matches!(next, Reply::Deferred(_)));
        Some(next)
    }

    /// Returns when the outcome must be known that the next answer waits for; `None`: it waits for something else.
    pub(super) fn await_outcome_until(&self) -> Option<Tick> {
        match self.next() {
            Some(Reply::Published { until, .. }) => Some(*until),
            _ => None,
        }
    }

    /// The tickets of answers that will not leave any more.
    pub(super) fn tickets(&self) -> impl Iterator<Item = u64> {
        self.queue.iter().filter_map(|reply| match reply {
            Reply::Deferred(deferred) => Some(deferred.ticket),
            _ => None,
        })
    }
}
