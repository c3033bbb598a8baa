//! What a socket is sent beside events: always between two frames.

use super::WebSockets;
use super::socket::Life;
use crate::net::conns::phase::{Flags, Phase};
use crate::net::end::closing::Closing;
use crate::net::end::reason::EndReason;
use crate::net::io::send::Broken;
use crate::net::service::Service;
use crate::wire::ws::{CloseCode, Opcode, close_frame, frame};

impl<S: Service> WebSockets<'_, S> {
    /// Sends what is answered and empties `out`; `false`: the connection is gone.
    pub(super) fn send_reply(&mut self, i: u32, out: &mut Vec<u8>) -> bool {
        let sent = self.send_whole(i, out);
        out.clear();
        match sent {
            Ok(()) => true,
            Err(broken) => {
                Closing::new(self.core, self.service).close(i, broken.0);
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
        if self.core.conns.phase(i) == Phase::Stream {
            self.make_way(i)?;
        }
        let blocked = self.core.conns.hot(i).has(Flags::BLOCKED);
        if blocked || self.core.conns.out_len(i) > 0 {
            self.core.conns.out_mut(i).bytes().extend_from_slice(frames);
            return Ok(());
        }
        self.core.send_between(i, frames)
    }

    /// Sees to it that what stream `i` is sent next stands between two frames.
    fn make_way(&mut self, i: u32) -> Result<(), Broken> {
        let waits = self.core.conns.out_len(i) > 0;
        let stream = self.core.conns.stream(i);
        if !self.service.make_way(stream) {
            return Err(Broken(EndReason::HalfSent));
        }
        // It was taken out of a frame: it goes on by itself, but for one that is blocked, which comes back by its edge.
        if !waits && self.core.conns.out_len(i) > 0 && !self.core.conns.hot(i).has(Flags::BLOCKED) {
            self.core.make_ready(i);
        }
        Ok(())
    }

    pub(super) fn send_close(&mut self, i: u32, code: CloseCode, reason: &str) {
        let mut out = Vec::new();
        close_frame(&mut out, code, reason);
        self.send_reply(i, &mut out);
    }

    /// Pings socket `i` if nothing came for long, and cuts it if a ping stays unanswered; `true`: it
    /// is gone.
    pub(in crate::net) fn look_after(&mut self, i: u32) -> bool {
        let timers = &self.core.timers;
        let (second, settled) = (timers.second(), timers.settled_second());
        let Some(ws) = self.core.conns.cold_mut(i).ws_mut().as_mut() else {
            return false;
        };
        match ws.look_for_life(second, settled) {
            Life::Shown => false,
            Life::Silent => {
                let mut out = Vec::new();
                frame(&mut out, Opcode::Ping, b"");
                !self.send_reply(i, &mut out)
            }
            Life::Gone => {
                Closing::new(self.core, self.service).close(i, EndReason::Stalled);
                true
            }
        }
    }
}
