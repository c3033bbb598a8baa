//! Streams and sockets that are to be ended, as many a turn as there is time for.

use std::collections::VecDeque;

use crate::net::conns::stream_id::StreamId;
use crate::net::end::disconnect::DisconnectReason;

/// Those that the service wants ended and that are not yet, each with the reason.
#[derive(Debug, Default)]
pub(in crate::net) struct EndQueue(VecDeque<(StreamId, DisconnectReason)>);

impl EndQueue {
    pub(in crate::net) fn push(&mut self, id: StreamId, why: DisconnectReason) {
        self.0.push_back((id, why));
    }

    pub(in crate::net) fn pop(&mut self) -> Option<(StreamId, DisconnectReason)> {
        self.0.pop_front()
    }

    pub(in crate::net) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
