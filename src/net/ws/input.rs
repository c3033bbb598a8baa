//! What a socket's peer sends: frames to messages, messages to the service.

use super::replies::{Replies, Said};
use super::socket::{Heard, StalledMessage};
use super::{WebSockets, Ws};
use crate::net::conns::phase::{Flags, Phase};
use crate::net::deliver::Deliver;
use crate::net::end::closing::Closing;
use crate::net::end::reason::EndReason;
use crate::net::lifecycle::Lifecycle;
use crate::net::service::Service;
use crate::wire::ws::{CloseCode, Opcode, frame};

/// The reason for which reading a socket has stopped.
enum End<S: Service> {
    /// All is read, or a bound says to wait.
    Open,
    /// The subscription of the socket changes; then reading goes on.
    Change(S::Change),
    /// The service ends the connection: the close frame, which the peer has to answer.
    Close(CloseCode, String),
    /// The connection ends because the peer wants it or broke the rules: the close frame.
    Last(CloseCode, String),
    /// The peer has answered our close frame, or does not keep to the rules behind it.
    Answered,
}

impl<S: Service> WebSockets<'_, S> {
    /// Takes bytes that came on socket `i`, or none to go on with those that wait, and sends what is
    /// answered.
    pub(in crate::net) fn input(&mut self, i: u32, bytes: &mut [u8]) {
        // Out of its place while the service has it: replies change the rest of the core.
        let Some(mut ws) = self.core.conns.cold_mut(i).ws_mut().take() else {
            return;
        };
        if !bytes.is_empty() {
            ws.hear(self.core.timers.second());
        }
        let mut held = ws.take_input();
        let input = if held.is_empty() {
            bytes
        } else {
            held.extend_from_slice(bytes);
            &mut held[..]
        };
        let mut out = self.core.ws.take_out();
        let mut used = 0;
        loop {
            match self.read(i, &mut ws, input, &mut used, &mut out) {
                End::Change(change) => {
                    *self.core.conns.cold_mut(i).ws_mut() = Some(ws);
                    // The change sends nothing yet: what was answered leaves before what it brings.
                    self.change_subscription(i, change);
                    self.send_reply(i, &mut out);
                }
                // What follows is read on for the peer's close frame alone: where the next frame begins
                // is known only to who reads all of them.
                End::Close(code, reason) => {
                    *self.core.conns.cold_mut(i).ws_mut() = Some(ws);
                    if self.send_reply(i, &mut out) {
                        self.close(i, code, &reason, EndReason::Closed);
                    }
                }
                end => {
                    self.end_reading(i, ws, &input[used..], end, &mut out);
                    break;
                }
            }
            let Some(again) = self.core.conns.cold_mut(i).ws_mut().take() else {
                break;
            };
            ws = again;
        }
        self.core.ws.put_out(out, self.core.limits.private_bytes);
        if self.core.conns.phase(i) != Phase::Free {
            Deliver::new(self.core, self.service).deliver(i);
        }
        self.keep_room_to_inflate();
    }

    /// Reads frames until something has to happen or none is left.
    fn read(
        &mut self,
        i: u32,
        ws: &mut Ws<S>,
        input: &mut [u8],
        used: &mut usize,
        out: &mut Vec<u8>,
    ) -> End<S> {
        let second = self.core.timers.second();
        let close_sent = self.core.conns.phase(i) == Phase::CloseSent;
        let mut heard = false;
        loop {
            if self.core.conns.out_len(i) + out.len() >= self.core.limits.private_bytes
                || self.waits_enough(i, ws)
                || self.core.is_behind()
                || (heard && self.core.timers.is_slice_over())
            {
                return End::Open;
            }
            let (taken, next) = ws.next(&mut input[*used..], self.core.ws.scratch(), second);
            *used += taken;
            match next {
                Err(_) | Ok(Heard::Close(_)) if close_sent => return End::Answered,
                Err(violation) => {
                    self.service.lifecycle(Lifecycle::Violated(violation));
                    return End::Last(violation.close_code(), violation.to_string());
                }
                Ok(Heard::NeedMore) => return End::Open,
                Ok(Heard::Close(code)) => return End::Last(code, String::new()),
                // RFC 6455, 1.4: after its close frame, an endpoint sends nothing more, and what it still gets
                // is dropped.
                Ok(_) if close_sent => {}
                Ok(Heard::Ping(data)) => frame(out, Opcode::Pong, data),
                Ok(Heard::Pong) => {}
                Ok(Heard::Message(socket, kind, data)) => {
                    heard = true;
                    let mut replies = Replies::new(out, false);
                    self.service.message(socket, kind, data, &mut replies);
                    let said = replies.into_said();
                    if said.waits {
                        let timeout = self.core.limits.publish_timeout;
                        let message = StalledMessage {
                            kind,
                            data: data.to_vec(),
                            until: self.core.timers.tick_after(timeout),
                        };
                        ws.stall(message);
                        self.core.park(i);
                    }
                    if let Some(end) = self.take_said(i, ws, said) {
                        return end;
                    }
                }
            }
        }
    }

    /// Does what the service said to a message of socket `i`; `Some`: reading ends for it.
    fn take_said(&mut self, i: u32, ws: &mut Ws<S>, said: Said<S>) -> Option<End<S>> {
        if !said.parked.is_empty() {
            let timeout = self.core.limits.outcome_timeout;
            ws.park(said.parked, self.core.timers.tick_after(timeout));
            self.core.park(i);
        }
        self.core.look_behind(self.service);
        if let Some((code, reason)) = said.close {
            return Some(End::Close(code, reason));
        }
        said.change.map(End::Change)
    }

    /// Gives the service the message of socket `i` again that waits for room, if one does.
    pub(in crate::net) fn go_on_stalled(&mut self, i: u32) {
        let Some(mut ws) = self.core.conns.cold_mut(i).ws_mut().take() else {
            return;
        };
        let Some(message) = ws.take_stalled() else {
            *self.core.conns.cold_mut(i).ws_mut() = Some(ws);
            return;
        };
        let mut out = self.core.ws.take_out();
        let last_try = message.until <= self.core.timers.settled_tick();
        let mut replies = Replies::new(&mut out, last_try);
        let (kind, data) = (message.kind, &message.data[..]);
        self.service
            .message(ws.socket_mut(), kind, data, &mut replies);
        let said = replies.into_said();
        if said.waits {
            ws.stall(message);
            self.core.park(i);
        } else {
            // Nothing may follow that would be read, and counted then.
            drop(message);
            let waiting = ws.held_bytes();
            let given_back = self.count_unfinished(i, &mut ws, waiting);
            debug_assert!(given_back);
        }
        let end = self.take_said(i, &mut ws, said);
        *self.core.conns.cold_mut(i).ws_mut() = Some(ws);
        match end {
            Some(End::Close(code, reason)) => {
                if self.send_reply(i, &mut out) {
                    self.close(i, code, &reason, EndReason::Closed);
                }
            }
            Some(End::Change(change)) => {
                self.change_subscription(i, change);
                self.send_reply(i, &mut out);
            }
            _ => {
                self.send_reply(i, &mut out);
            }
        }
        self.core.ws.put_out(out, self.core.limits.private_bytes);
    }

    /// Puts the socket back and does what reading came to.
    fn end_reading(
        &mut self,
        i: u32,
        mut ws: Box<Ws<S>>,
        rest: &[u8],
        end: End<S>,
        out: &mut Vec<u8>,
    ) {
        // No edge comes for bytes that were read: `HELD` says that there are some.
        if !rest.is_empty() && matches!(end, End::Open) {
            ws.hold_input(rest);
            self.core.conns.hot_mut(i).set(Flags::HELD);
        }
        ws.shrink();
        let end = match end {
            End::Open if !self.count_unfinished(i, &mut ws, rest.len()) => {
                match self.core.conns.phase(i) {
                    Phase::CloseSent => End::Answered,
                    _ => End::Last(
                        CloseCode::TRY_AGAIN,
                        "too much is unfinished on all connections".to_owned(),
                    ),
                }
            }
            end => end,
        };
        *self.core.conns.cold_mut(i).ws_mut() = Some(ws);
        if !self.send_reply(i, out) {
            return;
        }
        match end {
            End::Open | End::Change(_) | End::Close(..) => {}
            End::Last(code, reason) => {
                self.send_close(i, code, &reason);
                Closing::new(self.core, self.service).begin_closing(i, EndReason::Closed);
            }
            End::Answered => {
                Closing::new(self.core, self.service).begin_closing(i, EndReason::Closed);
            }
        }
    }

    /// Goes on reading socket `i`, which had to wait, if nothing but what was published is in the way any more.
    pub(in crate::net) fn resume(&mut self, i: u32) {
        if self.core.is_behind() || self.may_read(i) {
            self.core.make_ready(i);
        }
    }

    /// Returns whether the socket of connection `i` should be read now; also of one that is no WebSocket.
    pub(in crate::net) fn wants_input(&self, i: u32) -> bool {
        let ws = self.core.conns.cold(i).ws();
        ws.is_none_or(|ws| !ws.holds_input() && !self.core.is_behind() && self.may_read(i))
    }

    /// Returns whether little enough waits for socket `i`.
    fn may_read(&self, i: u32) -> bool {
        let ws = self.core.conns.cold(i).ws();
        self.core.conns.out_len(i) < self.core.limits.private_bytes
            && !ws.is_some_and(|ws| self.waits_enough(i, ws))
    }

    /// Returns whether socket `i` is not read before what waits for it has left: answers, and the past that it asked
    /// for.
    fn waits_enough(&self, i: u32, ws: &Ws<S>) -> bool {
        let receives = || self.core.conns.phase(i) == Phase::Stream;
        let is_busy = || self.service.is_busy(self.core.conns.cold(i).stream());
        ws.is_full(&self.core.limits) || (receives() && is_busy())
    }

    /// Sends the answers of socket `i` whose outcome is known, or has not come in time.
    pub(in crate::net) fn flush_parked(&mut self, i: u32) {
        let now = self.core.timers.settled_tick();
        let Some(ws) = self.core.conns.cold_mut(i).ws_mut().as_mut() else {
            return;
        };
        let mut out = Vec::new();
        let waits = ws.settle(self.service, now, &mut out);
        ws.shrink();
        if waits {
            self.core.park(i);
        }
        if self.send_reply(i, &mut out) {
            Deliver::new(self.core, self.service).deliver(i);
        }
    }
}
