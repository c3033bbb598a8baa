//! The closing handshake (RFC 6455, 7).

use crate::net::conns::conn::Phase;
use crate::net::core::Core;
use crate::net::disconnect::DisconnectReason;
use crate::net::end::EndReason;
use crate::net::service::Service;
use crate::wire::ws::CloseCode;

impl<S: Service> Core<S> {
    /// Sends socket `i` what waits for it and a close frame, and waits for the answer, for a while.
    pub(in crate::net) fn close_socket(
        &mut self,
        service: &mut S,
        i: u32,
        code: CloseCode,
        reason: &str,
        why: EndReason,
    ) {
        self.close_socket_with(service, i, None, code, reason, why);
    }

    /// Ends socket `i` with the last words that the service has for it, and a close frame.
    pub(in crate::net) fn disconnect_socket(
        &mut self,
        service: &mut S,
        i: u32,
        why: DisconnectReason,
    ) {
        if matches!(self.phase(i), Phase::CatchUp | Phase::Log)
            && let Some(class) = self.classes.get(self.hot[i as usize].class)
        {
            let mut words = Vec::new();
            service.disconnect(class.form, why, &mut words);
            if !self.send_reply(service, i, &mut words) {
                return;
            }
        }
        // A socket with a subscription has just had its words.
        let unsaid = Some(why).filter(|_| self.phase(i) == Phase::Socket);
        let (code, reason) = close_of(why);
        self.close_socket_with(service, i, unsaid, code, reason, why.into());
    }

    fn close_socket_with(
        &mut self,
        service: &mut S,
        i: u32,
        unsaid: Option<DisconnectReason>,
        code: CloseCode,
        reason: &str,
        why: EndReason,
    ) {
        // RFC 6455, 5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
        if self.phase(i) == Phase::CloseSent {
            return;
        }
        if !self.send_all_queued(service, i, unsaid) {
            return;
        }
        self.send_close(service, i, code, reason);
        let Some(ws) = self.cold[i as usize].ws.as_mut() else {
            return;
        };
        let timeout = ws.limits.close_timeout;
        if let Some(busy) = ws.busy.as_mut() {
            busy.replays.clear();
            busy.parked.clear();
        }
        ws.shrink();
        // It will not be read to its end, and others may have the room.
        self.drop_unfinished(i);
        self.leave_stream(service, i, why);
        self.hot(i).phase = Phase::CloseSent;
        // A peer that never answers must not keep its slot.
        self.set_deadline(i, timeout);
        self.deliver(service, i);
    }

    /// Returns the service's state of the socket in slot `i`, if it has no subscription.
    pub(in crate::net) fn unsubscribed(&self, i: u32) -> Option<&S::Socket> {
        let ws = self.cold.get(i as usize)?.ws.as_ref()?;
        (self.phase(i) == Phase::Socket).then_some(&ws.socket)
    }

    /// Returns whether socket `i` has been sent everything, its close frame too.
    pub(in crate::net) fn has_sent_close(&self, i: u32) -> bool {
        self.phase(i) == Phase::CloseSent && self.out_len(i) == 0
    }

    /// Forgets that connection `i` was a socket.
    pub(in crate::net) fn end_socket(&mut self, service: &mut S, i: u32) {
        if let Some(ws) = self.cold[i as usize].ws.take() {
            self.counters.sockets.sub(1);
            let _ = self.reactors.unfinished.change(ws.unfinished as usize, 0);
            ws.decoder.end(&mut self.socket_scratch);
            service.closed(ws.socket);
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
