//! Streams and whose they are: in the making, open, and at their end.

use std::net::SocketAddr;
use std::time::Duration;

use crate::fanout::{StreamStart, StreamState, Subscribed};
use crate::gateway::delivery::{StartNote, StreamFilter};
use crate::net::{EndReason, StreamId};

/// The endpoint and reserved connection that a stream belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct StreamOwner {
    /// The number of the endpoint that it was opened at; 0: of none.
    pub(in crate::gateway) endpoint: u32,
    /// The number of the connection that was reserved for it; 0: none was.
    pub(in crate::gateway) connection: u32,
}

/// A stream in the making: its class, where it starts, and whose it is.
pub(in crate::gateway) struct PlannedStream {
    pub(in crate::gateway) start: StreamStart<StreamFilter>,
    /// Told back with its start and end.
    pub(in crate::gateway) owner: StreamOwner,
    /// The start, if only the journal can tell.
    pub(in crate::gateway) journal: Option<StartNote>,
}

/// The subscription of a WebSocket from now on.
pub(in crate::gateway) struct PlannedSubscription {
    pub(in crate::gateway) subscribed: Subscribed<StreamFilter>,
    /// The start of its history, if only the journal can tell.
    pub(in crate::gateway) journal: Option<StartNote>,
}

/// The part of an open stream's state that is touched now and then, with whose it is.
#[derive(Default)]
pub(in crate::gateway) struct OwnedStream {
    pub(super) state: StreamState<StreamFilter>,
    pub(super) owner: StreamOwner,
}

// It lies in the table of connections, one for each slot.
const _: () = assert!(size_of::<OwnedStream>() == 40);

impl OwnedStream {
    /// Returns whether so much of the past waits for a WebSocket that it should not ask for more.
    pub(in crate::gateway) fn is_busy(&self) -> bool {
        self.state.is_busy()
    }
}

/// A stream at its end.
#[derive(Debug)]
pub(in crate::gateway) struct StreamEnd<'a> {
    /// Why it ends.
    pub(in crate::gateway) reason: EndReason,
    /// The id that it had.
    pub(in crate::gateway) id: StreamId,
    /// The owner that its plan named.
    pub(in crate::gateway) owner: StreamOwner,
    /// The address of its client.
    pub(in crate::gateway) peer: SocketAddr,
    /// Its filter.
    pub(in crate::gateway) key: &'a StreamFilter,
    /// Events sent, live and from history; the last one perhaps in part.
    pub(in crate::gateway) delivered: u64,
    /// Bytes that its socket took, head and heartbeats included.
    pub(in crate::gateway) bytes: u64,
    /// The time for which it was open, in whole seconds.
    pub(in crate::gateway) open: Duration,
    /// Events between it and the newest, of all topics.
    pub(in crate::gateway) lag: u64,
}
