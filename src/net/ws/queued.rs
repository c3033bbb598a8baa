//! What the service has for one socket alone, taken from it as fast as the socket takes it.

use super::WebSockets;
use crate::net::end::disconnect::DisconnectReason;
use crate::net::io::send::Broken;
use crate::net::service::Service;

/// Bytes that the service is asked for at a time. So many of them wait beside what waits at the service,
/// or one frame if that is longer.
const QUEUED_BYTES: usize = 16 << 10;

impl<S: Service> WebSockets<'_, S> {
    /// Sends what the service has for socket `i`, which has been sent everything else; `false`: it has
    /// nothing.
    pub(in crate::net) fn send_queued(&mut self, i: u32, budget: &mut u64) -> Result<bool, Broken> {
        // While a message is read the socket is not in its place. It is delivered to right after.
        let Some(ws) = self.core.conns.cold_mut(i).ws_mut().as_mut() else {
            return Ok(false);
        };
        let mut out = self.core.ws.take_out();
        self.service.queued(ws.socket_mut(), QUEUED_BYTES, &mut out);
        let some = !out.is_empty();
        *budget = budget.saturating_sub(out.len() as u64);
        let sent = if some {
            self.core.send_between(i, &out)
        } else {
            Ok(())
        };
        self.core.ws.put_out(out, self.core.limits.private_bytes);
        sent.map(|()| some)
    }

    /// Returns whether the service has something for socket `i`.
    pub(in crate::net) fn has_queued(&self, i: u32) -> bool {
        let ws = self.core.conns.cold(i).ws();
        ws.is_some_and(|ws| self.service.has_queued(ws.socket()))
    }

    /// Sends all that the service still has for socket `i`, which is about to be closed; `why`: with the words that
    /// say so. `false`: the connection is gone.
    pub(super) fn send_all_queued(&mut self, i: u32, why: Option<DisconnectReason>) -> bool {
        let Some(ws) = self.core.conns.cold_mut(i).ws_mut().as_mut() else {
            return true;
        };
        let mut out = Vec::new();
        self.service.closing(ws.socket_mut(), why, &mut out);
        self.send_reply(i, &mut out)
    }
}
