//! What a socket's peer sends: frames to messages, messages to the service.

use super::Ws;
use super::replies::{Change, Replies};
use crate::net::conns::conn::{Flags, Phase};
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::http::published::Outcome;
use crate::net::lifecycle::Lifecycle;
use crate::net::limits::Limits;
use crate::net::service::Service;
use crate::wire::ws::{CloseCode, MessageStep, Opcode, frame};

/// Parts of the past that wait for a socket before no further request of it is read: one request adds two at most.
const REPLAYS_MAX: usize = 16;

/// The reason for which reading a socket has stopped.
enum End<S: Service> {
    /// All is read, or a bound says to wait.
    Open,
    /// The subscription of the socket changes; then reading goes on.
    Change(Change<S>),
    /// The service ends the connection: the close frame, which the peer has to answer.
    Close(CloseCode, String),
    /// The connection ends because the peer wants it or broke the rules: the close frame.
    Last(CloseCode, String),
    /// The peer has answered our close frame, or does not keep to the rules behind it.
    Answered,
}

impl<S: Service> Core<S> {
    /// Takes bytes that came on socket `i`, or none to go on with those that wait, and sends what is
    /// answered.
    pub(in crate::net) fn socket_input(&mut self, service: &mut S, i: u32, bytes: &mut [u8]) {
        let second = self.second();
        // Out of its place while the service has it: replies change the rest of the core.
        let Some(mut ws) = self.cold[i as usize].ws.take() else {
            return;
        };
        if !bytes.is_empty() {
            ws.heard = second;
            // Any byte is a sign of life, not the pong alone.
            ws.pinged = 0;
        }
        let mut held = ws
            .busy
            .as_mut()
            .map_or_else(Vec::new, |busy| std::mem::take(&mut busy.input));
        let input = if held.is_empty() {
            bytes
        } else {
            held.extend_from_slice(bytes);
            &mut held[..]
        };
        let mut out = std::mem::take(&mut self.socket_out);
        let mut used = 0;
        loop {
            let end =
                self.read_socket(service, i, &mut ws, &mut input[used..], &mut used, &mut out);
            match end {
                End::Change(change) => {
                    self.cold[i as usize].ws = Some(ws);
                    // The change sends nothing yet: what was answered leaves before what it brings.
                    self.change_subscription(service, i, change);
                    self.send_reply(service, i, &mut out);
                }
                // What follows is read on for the peer's close frame alone: where the next frame begins
                // is known only to who reads all of them.
                End::Close(code, reason) => {
                    self.cold[i as usize].ws = Some(ws);
                    if self.send_reply(service, i, &mut out) {
                        self.close_socket(service, i, code, &reason, EndReason::Closed);
                    }
                }
                end => {
                    self.end_reading(service, i, ws, &input[used..], end, &mut out);
                    break;
                }
            }
            let Some(again) = self.cold[i as usize].ws.take() else {
                break;
            };
            ws = again;
        }
        out.clear();
        // One large answer must not size a buffer that stays.
        out.shrink_to(self.limits.private_bytes);
        self.socket_out = out;
        if self.phase(i) != Phase::Free {
            self.deliver(service, i);
        }
        self.keep_room_to_inflate(service);
    }

    /// Reads frames until something has to happen or none is left.
    fn read_socket(
        &mut self,
        service: &mut S,
        i: u32,
        ws: &mut Ws<S>,
        input: &mut [u8],
        used: &mut usize,
        out: &mut Vec<u8>,
    ) -> End<S> {
        let second = self.second();
        let close_sent = self.phase(i) == Phase::CloseSent;
        let (mut at, mut heard) = (0, false);
        loop {
            if self.out_len(i) + out.len() >= self.limits.private_bytes
                || waits_enough(ws, &self.limits)
                || self.is_behind()
                || (heard && self.is_slice_over())
            {
                return End::Open;
            }
            let (taken, item) = match ws
                .decoder
                .decode(&mut input[at..], &mut self.socket_scratch)
            {
                Ok(read) => read,
                Err(violation) => {
                    *used += input.len() - at;
                    if close_sent {
                        return End::Answered;
                    }
                    service.lifecycle(Lifecycle::Violated(violation));
                    return End::Last(violation.close_code(), violation.to_string());
                }
            };
            at += taken;
            *used += taken;
            // Pings cost a pong each, and no bound on messages counts them.
            let control = matches!(item, MessageStep::Ping(_) | MessageStep::Pong(_));
            if control {
                let counted = ws.rate.count(second, ws.limits.controls_per_second);
                if let Err(violation) = counted {
                    if close_sent {
                        return End::Answered;
                    }
                    service.lifecycle(Lifecycle::Violated(violation));
                    return End::Last(violation.close_code(), violation.to_string());
                }
            }
            match item {
                MessageStep::NeedMore => return End::Open,
                MessageStep::Close(_) if close_sent => return End::Answered,
                // RFC 6455, 5.5.1: "When sending a Close frame in response, the endpoint typically
                // echos the status code it received."
                MessageStep::Close(said) => {
                    let code = said.map_or(CloseCode::NORMAL, |said| said.code);
                    return End::Last(code, String::new());
                }
                // 1.4: after its close frame, an endpoint sends nothing more, and what it still gets
                // is dropped.
                _ if close_sent => {}
                MessageStep::Ping(data) => frame(out, Opcode::Pong, data),
                MessageStep::Pong(_) => {}
                MessageStep::Message(kind, data) => {
                    heard = true;
                    ws.begun = 0;
                    let mut replies = Replies::new(out);
                    service.message(&mut ws.socket, kind, data, &mut replies);
                    let Replies {
                        parked,
                        change,
                        close,
                        ..
                    } = replies;
                    if !parked.is_empty() {
                        let until = self.outcome_deadline();
                        let parked = parked.into_iter().map(|published| (published, until));
                        ws.busy().parked.extend(parked);
                        self.park(i);
                    }
                    self.look_behind(service);
                    if let Some((code, reason)) = close {
                        return End::Close(code, reason);
                    }
                    if let Some(change) = change {
                        return End::Change(change);
                    }
                }
            }
        }
    }

    /// Puts the socket back and does what reading came to.
    fn end_reading(
        &mut self,
        service: &mut S,
        i: u32,
        mut ws: Box<Ws<S>>,
        rest: &[u8],
        end: End<S>,
        out: &mut Vec<u8>,
    ) {
        // No edge comes for bytes that were read: `HELD` says that there are some.
        if !rest.is_empty() && matches!(end, End::Open) {
            ws.busy().input = rest.to_vec();
            self.hot(i).flags.set(Flags::HELD);
        }
        ws.shrink();
        let end = match end {
            End::Open if !self.count_unfinished(i, &mut ws, rest.len()) => match self.phase(i) {
                Phase::CloseSent => End::Answered,
                _ => End::Last(
                    CloseCode::TRY_AGAIN,
                    "too much is unfinished on all connections".to_owned(),
                ),
            },
            end => end,
        };
        self.cold[i as usize].ws = Some(ws);
        if !self.send_reply(service, i, out) {
            return;
        }
        match end {
            End::Open | End::Change(_) | End::Close(..) => {}
            End::Last(code, reason) => {
                self.send_close(service, i, code, &reason);
                self.begin_closing(service, i, EndReason::Closed);
            }
            End::Answered => self.begin_closing(service, i, EndReason::Closed),
        }
    }

    /// Goes on reading socket `i`, which had to wait, if nothing but the logs is in the way any more.
    pub(in crate::net) fn resume_socket(&mut self, i: u32) {
        if self.is_behind() || self.may_read(i) {
            self.make_ready(i);
        }
    }

    /// Returns whether the socket of connection `i` should be read now.
    pub(in crate::net) fn socket_wants_input(&self, i: u32) -> bool {
        let busy = self.cold[i as usize].ws.as_ref().map(|ws| &ws.busy);
        let held = matches!(busy, Some(Some(busy)) if !busy.input.is_empty());
        busy.is_none() || (!held && !self.is_behind() && self.may_read(i))
    }

    /// Returns whether little enough waits for socket `i`.
    fn may_read(&self, i: u32) -> bool {
        let ws = self.cold[i as usize].ws.as_ref();
        self.out_len(i) < self.limits.private_bytes
            && !ws.is_some_and(|ws| waits_enough(ws, &self.limits))
    }

    /// Sends the answers of socket `i` whose outcome is known, or has not come in time.
    pub(in crate::net) fn flush_parked(&mut self, service: &mut S, i: u32) {
        let now = self.tick_of(self.settled);
        let Some(ws) = self.cold[i as usize].ws.as_mut() else {
            return;
        };
        let mut out = Vec::new();
        let mut waits = false;
        if let Some(busy) = ws.busy.as_mut() {
            // In their order: one whose outcome is known waits for those before it.
            while let Some((published, until)) = busy.parked.front() {
                let late = (*until <= now).then_some(Outcome::Timeout);
                let Some(outcome) = service.outcome(&published.offsets).or(late) else {
                    waits = true;
                    break;
                };
                if let Some((published, _)) = busy.parked.pop_front() {
                    service.settle(published.receipt, outcome, &mut out);
                }
            }
        }
        ws.shrink();
        if waits {
            self.park(i);
        }
        if self.send_reply(service, i, &mut out) {
            self.deliver(service, i);
        }
    }
}

/// Returns whether a socket is not read before what waits for it has left: answers, and the past that it asked for.
fn waits_enough<S: Service>(ws: &Ws<S>, limits: &Limits) -> bool {
    ws.busy.as_ref().is_some_and(|busy| {
        busy.parked.len() >= limits.max_pending_publishes || busy.replays.len() >= REPLAYS_MAX
    })
}
