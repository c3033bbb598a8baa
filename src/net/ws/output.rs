//! What a socket is sent beside events: always between two frames.

use crate::net::conns::conn::Flags;
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::io::send::Broken;
use crate::net::service::Service;
use crate::wire::ws::{CloseCode, Opcode, close_frame, frame};

impl<S: Service> Core<S> {
    /// Sends what is answered and empties `out`; `false`: the connection is gone.
    pub(in crate::net) fn send_reply(
        &mut self,
        service: &mut S,
        i: u32,
        out: &mut Vec<u8>,
    ) -> bool {
        let sent = self.send_whole(i, out);
        out.clear();
        match sent {
            Ok(()) => true,
            Err(broken) => {
                self.close(service, i, broken.0);
                false
            }
        }
    }

    /// Sends whole frames after the one that is half sent and after everything private.
    fn send_whole(&mut self, i: u32, frames: &[u8]) -> Result<(), Broken> {
        if frames.is_empty() {
            return Ok(());
        }
        // Who stands inside a frame gets the rest of it first.
        if !self.make_way(i) {
            return Err(Broken(EndReason::HalfSent));
        }
        if self.out_len(i) > 0 || self.hot(i).flags.has(Flags::BLOCKED) {
            self.out(i).bytes.extend_from_slice(frames);
            return Ok(());
        }
        self.send_between(i, frames)
    }

    pub(in crate::net) fn send_close(
        &mut self,
        service: &mut S,
        i: u32,
        code: CloseCode,
        reason: &str,
    ) {
        let mut out = Vec::new();
        close_frame(&mut out, code, reason);
        self.send_reply(service, i, &mut out);
    }

    /// Pings socket `i` if nothing came for long, and cuts it if a ping stays unanswered; `true`: it
    /// is gone.
    pub(in crate::net) fn look_after_socket(&mut self, service: &mut S, i: u32) -> bool {
        let (second, settled) = (self.second(), self.settled_second());
        let Some(ws) = self.cold[i as usize].ws.as_mut() else {
            return false;
        };
        let since = |at: u32| u64::from(second.saturating_sub(at));
        // By what was looked at: the pong may be in the kernel still.
        let unanswered = u64::from(settled.saturating_sub(ws.pinged));
        if ws.pinged > 0 && unanswered > ws.limits.pong_timeout.as_secs() {
            self.close(service, i, EndReason::Stalled);
            return true;
        }
        let ping_after = ws.limits.ping_after.as_secs();
        if ping_after == 0 || ws.pinged > 0 || since(ws.heard) < ping_after {
            return false;
        }
        ws.pinged = second.max(1);
        let mut out = Vec::new();
        frame(&mut out, Opcode::Ping, b"");
        !self.send_reply(service, i, &mut out)
    }
}
