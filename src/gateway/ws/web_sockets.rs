//! The state of the WebSockets of one reactor.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Filter;
use crate::gateway::ws::FilterInterner;
use crate::net::{DisconnectReason, SocketLimits};
use crate::wire::ws::{Opcode, wrap};

/// Milliseconds over which clients are told to spread their return.
const RETURN_SPREAD_MS: u64 = 5000;
/// Multiplier that scatters consecutive numbers (2^64 divided by the golden ratio).
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;

/// The state that the sockets of `GET /api/v1/ws` of one reactor share.
#[derive(Default)]
pub(in crate::gateway) struct WebSockets {
    /// The filters that sockets are subscribed to.
    interner: FilterInterner,
    limits: Arc<SocketLimits>,
    /// Open ones.
    sessions: usize,
    /// Sockets told when to come back; spreads them.
    byes: u64,
}

impl WebSockets {
    pub(in crate::gateway) fn interner(&self) -> &FilterInterner {
        &self.interner
    }

    pub(in crate::gateway) fn limits(&self) -> Arc<SocketLimits> {
        self.limits.clone()
    }

    /// Notes that a class of sockets has opened.
    pub(in crate::gateway) fn class_opened(&mut self, wanted: &Filter) {
        self.interner.opened(wanted);
    }

    /// Notes that a class of sockets has closed.
    pub(in crate::gateway) fn class_closed(&mut self, wanted: &Filter) {
        self.interner.closed(wanted);
    }

    pub(in crate::gateway) fn session_opened(&mut self) {
        self.sessions += 1;
    }

    pub(in crate::gateway) fn session_closed(&mut self) {
        self.sessions -= 1;
    }

    /// The number of open sockets of `GET /api/v1/ws`.
    pub(in crate::gateway) fn sessions(&self) -> usize {
        self.sessions
    }

    /// Appends the `bye` of a subscriber: why it is closed, and when to come back, which is `retry` or somewhat later.
    pub(in crate::gateway) fn write_bye(
        &mut self,
        why: DisconnectReason,
        retry: Duration,
        out: &mut Vec<u8>,
    ) {
        let reason = match why {
            DisconnectReason::Stopping => "stopping",
            DisconnectReason::Expired => "expired",
            DisconnectReason::TooSlow => "too_slow",
            DisconnectReason::Aged => "aged",
            DisconnectReason::Disconnected => "disconnected",
            DisconnectReason::Removed => "removed",
            DisconnectReason::TopicDeleted => "topic_deleted",
            DisconnectReason::HubClosed => "hub_closed",
        };
        // Each gets its own time: all that are closed at once would otherwise come back at once.
        self.byes = self.byes.wrapping_add(1);
        let spread = (self.byes.wrapping_mul(SCATTER) >> 32) % RETURN_SPREAD_MS;
        let retry_ms = retry.as_millis() as u64 + spread;
        wrap(out, Opcode::Text, |out| {
            // Writing to a Vec cannot fail.
            let _ = write!(
                out,
                r#"{{"type":"bye","reason":"{reason}","retry_ms":{retry_ms}}}"#
            );
        });
    }
}
