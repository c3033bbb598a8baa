//! The closing handshake (RFC 6455, 7).

use super::WebSockets;
use crate::net::conns::phase::Phase;
use crate::net::deliver::Deliver;
use crate::net::end::closing::Closing;
use crate::net::end::disconnect::DisconnectReason;
use crate::net::end::reason::EndReason;
use crate::net::service::Service;
use crate::wire::ws::CloseCode;

impl<S: Service> WebSockets<'_, S> {
    /// Sends socket `i` what waits for it and a close frame, and waits for the answer, for a while.
    pub(in crate::net) fn close(&mut self, i: u32, code: CloseCode, reason: &str, why: EndReason) {
        self.close_with(i, None, code, reason, why);
    }

    /// Ends socket `i` with the last words that the service has for it, and a close frame.
    pub(in crate::net) fn disconnect(&mut self, i: u32, why: DisconnectReason) {
        if self.core.conns.phase(i) == Phase::Stream {
            let stream = self.core.conns.stream(i);
            if !self.service.last_words(stream, why) {
                return Closing::new(self.core, self.service).close(i, EndReason::HalfSent);
            }
        }
        // A socket with a subscription has just had its words.
        let unsaid = Some(why).filter(|_| self.core.conns.phase(i) == Phase::Socket);
        let (code, reason) = close_of(why);
        self.close_with(i, unsaid, code, reason, why.into());
    }

    fn close_with(
        &mut self,
        i: u32,
        unsaid: Option<DisconnectReason>,
        code: CloseCode,
        reason: &str,
        why: EndReason,
    ) {
        // RFC 6455, 5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
        if self.core.conns.phase(i) == Phase::CloseSent {
            return;
        }
        if !self.send_all_queued(i, unsaid) {
            return;
        }
        self.send_close(i, code, reason);
        let Some(ws) = self.core.conns.cold_mut(i).ws_mut().as_mut() else {
            return;
        };
        let timeout = ws.limits().close_timeout;
        ws.forget_answers();
        ws.shrink();
        // It will not be read to its end, and others may have the room.
        ws.drop_unfinished(self.core.ws.scratch(), &self.core.reactors.unfinished);
        Closing::new(self.core, self.service).leave_stream(i, why);
        self.core.conns.hot_mut(i).set_phase(Phase::CloseSent);
        // A peer that never answers must not keep its slot.
        self.core.set_deadline(i, timeout);
        Deliver::new(self.core, self.service).deliver(i);
    }

    /// Forgets that connection `i` was a socket.
    pub(in crate::net) fn end(&mut self, i: u32) {
        if let Some(ws) = self.core.conns.cold_mut(i).ws_mut().take() {
            self.core.counters.sockets.sub(1);
            let socket = ws.end(self.core.ws.scratch(), &self.core.reactors.unfinished);
            self.service.closed(socket);
        }
    }
}

/// Returns the code and reason of the close frame with which the server ends a socket.
fn close_of(why: DisconnectReason) -> (CloseCode, &'static str) {
    match why {
        DisconnectReason::Stopping => (CloseCode::GOING_AWAY, "the server stops"),
        DisconnectReason::Expired => (CloseCode::POLICY, "the right to be here has ended"),
        DisconnectReason::TooSlow => (CloseCode::POLICY, "too slow"),
        DisconnectReason::Aged => (CloseCode::GOING_AWAY, "old enough: connect again"),
        DisconnectReason::Disconnected => (CloseCode::POLICY, "disconnected"),
        DisconnectReason::TopicDeleted => (CloseCode::GOING_AWAY, "the topic is gone"),
        DisconnectReason::HubClosed => (CloseCode::GOING_AWAY, "the hub is closed"),
        DisconnectReason::Removed => (CloseCode::GOING_AWAY, "the endpoint is gone"),
    }
}
