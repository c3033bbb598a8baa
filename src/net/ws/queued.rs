//! What the service has for one socket alone, taken from it as fast as the socket takes it.

use crate::net::core::Core;
use crate::net::disconnect::DisconnectReason;
use crate::net::io::send::Broken;
use crate::net::service::Service;

/// Bytes that the service is asked for at a time. So many of them wait beside what waits at the service,
/// or one frame if that is longer.
const QUEUED_BYTES: usize = 16 << 10;

impl<S: Service> Core<S> {
    /// Sends what the service has for socket `i`, which has been sent everything else; `false`: it has
    /// nothing.
    pub(in crate::net) fn send_queued(
        &mut self,
        service: &mut S,
        i: u32,
        budget: &mut u64,
    ) -> Result<bool, Broken> {
        // While a message is read the socket is not in its place. It is delivered to right after.
        let Some(ws) = self.cold[i as usize].ws.as_mut() else {
            return Ok(false);
        };
        let mut out = std::mem::take(&mut self.socket_out);
        service.queued(&mut ws.socket, QUEUED_BYTES, &mut out);
        let some = !out.is_empty();
        *budget = budget.saturating_sub(out.len() as u64);
        let sent = if some {
            self.send_between(i, &out)
        } else {
            Ok(())
        };
        out.clear();
        out.shrink_to(self.limits.private_bytes);
        self.socket_out = out;
        sent.map(|()| some)
    }

    /// Returns whether the service has something for socket `i`.
    pub(in crate::net) fn has_queued(&self, service: &S, i: u32) -> bool {
        let ws = self.cold[i as usize].ws.as_ref();
        ws.is_some_and(|ws| service.has_queued(&ws.socket))
    }

    /// Sends all that the service still has for socket `i`, which is about to be closed; `why`: with the words that
    /// say so. `false`: the connection is gone.
    pub(in crate::net) fn send_all_queued(
        &mut self,
        service: &mut S,
        i: u32,
        why: Option<DisconnectReason>,
    ) -> bool {
        let Some(ws) = self.cold[i as usize].ws.as_mut() else {
            return true;
        };
        let mut out = Vec::new();
        service.closing(&mut ws.socket, why, &mut out);
        self.send_reply(service, i, &mut out)
    }
}
