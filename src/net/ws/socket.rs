//! The state of one WebSocket beside that of its streams.

use std::collections::VecDeque;
use std::sync::Arc;

use super::plan::SocketLimits;
use crate::net::http::published::{Outcome, Published};
use crate::net::http::unfinished::Unfinished;
use crate::net::limits::Limits;
use crate::net::service::Service;
use crate::net::time::wheel::Tick;
use crate::wire::ws::{
    CloseCode, ControlRate, Inflate, MessageDecoder, MessageKind, MessageStep, Peer, Scratch,
    Violation,
};

/// A WebSocket. An idle one allocates this and nothing else.
pub(in crate::net) struct Ws<S: Service> {
    decoder: MessageDecoder,
    limits: Arc<SocketLimits>,
    socket: S::Socket,
    rate: ControlRate,
    /// Second in which something came last.
    heard: u32,
    /// Second of the first ping that is not answered; 0: there is none.
    pinged: u32,
    /// Second in which the message that is arriving began; 0: there is none.
    begun: u32,
    /// Its share in the total of what is unfinished, bytes.
    unfinished: u32,
    /// Its ticket in the list of those that inflate; 0: it is not there.
    inflates: u32,
    /// There only while something waits.
    busy: Option<Box<Busy<S>>>,
}

/// The work that waits on a socket.
struct Busy<S: Service> {
    /// Bytes that came and are not read: replies must leave first.
    input: Vec<u8>,
    /// Answers that wait for the outcome of what was published, each with the tick by which it has to be known.
    parked: VecDeque<(Published<S::Receipt>, Tick)>,
    /// The message that waits for room.
    stalled: Option<StalledMessage>,
}

/// A message that waits for room for what it publishes.
pub(super) struct StalledMessage {
    pub(super) kind: MessageKind,
    pub(super) data: Vec<u8>,
    /// The tick at which it has waited for as long as it may.
    pub(super) until: Tick,
}

impl<S: Service> Default for Busy<S> {
    fn default() -> Self {
        Self {
            input: Vec::new(),
            parked: VecDeque::new(),
            stalled: None,
        }
    }
}

/// The next thing that a peer says.
pub(super) enum Heard<'a, S: Service> {
    /// All bytes are used, and more are needed.
    NeedMore,
    Ping(&'a [u8]),
    Pong,
    /// Its close frame, with the code to answer.
    Close(CloseCode),
    /// A message for the service's own state.
    Message(&'a mut S::Socket, MessageKind, &'a [u8]),
}

/// The standing of a peer that has to show signs of life.
pub(super) enum Life {
    /// The peer has shown a sign of life, or still may.
    Shown,
    /// The peer is to be pinged.
    Silent,
    /// A ping was not answered in time.
    Gone,
}

impl<S: Service> Ws<S> {
    /// A socket that began in this `second`.
    pub(super) fn new(
        socket: S::Socket,
        inflate: Inflate,
        limits: Arc<SocketLimits>,
        second: u32,
    ) -> Self {
        Self {
            decoder: MessageDecoder::new(Peer::Client, inflate, limits.frames),
            limits,
            socket,
            rate: ControlRate::default(),
            heard: second,
            pinged: 0,
            begun: 0,
            unfinished: 0,
            inflates: 0,
            busy: None,
        }
    }

    pub(in crate::net) fn limits(&self) -> &SocketLimits {
        &self.limits
    }

    /// The service's own state of it.
    pub(in crate::net) fn socket(&self) -> &S::Socket {
        &self.socket
    }

    /// The same, to change it.
    pub(super) fn socket_mut(&mut self) -> &mut S::Socket {
        &mut self.socket
    }

    /// Ends it: gives back what it has of others', and returns the service's own state.
    pub(super) fn end(self, scratch: &mut Scratch, total: &Unfinished) -> S::Socket {
        let _ = total.change(self.unfinished as usize, 0);
        self.decoder.end(scratch);
        self.socket
    }

    // -- What comes in

    /// Notes that bytes came in this `second`.
    pub(super) fn hear(&mut self, second: u32) {
        self.heard = second;
        // Any byte is a sign of life, not the pong alone.
        self.pinged = 0;
    }

    /// Takes the next thing out of `input`; returns the bytes that it took.
    pub(super) fn next<'a>(
        &'a mut self,
        input: &'a mut [u8],
        scratch: &mut Scratch,
        second: u32,
    ) -> (usize, Result<Heard<'a, S>, Violation>) {
        let len = input.len();
        let (taken, item) = match self.decoder.decode(input, scratch) {
            Ok(read) => read,
            Err(violation) => return (len, Err(violation)),
        };
        // Pings cost a pong each, and no bound on messages counts them.
        if matches!(item, MessageStep::Ping(_) | MessageStep::Pong(_))
            && let Err(violation) = self.rate.count(second, self.limits.controls_per_second)
        {
            return (taken, Err(violation));
        }
        let heard = match item {
            MessageStep::NeedMore => Heard::NeedMore,
            MessageStep::Ping(data) => Heard::Ping(data),
            MessageStep::Pong(_) => Heard::Pong,
            // RFC 6455, 5.5.1: "When sending a Close frame in response, the endpoint typically
            // echos the status code it received."
            MessageStep::Close(said) => {
                Heard::Close(said.map_or(CloseCode::NORMAL, |said| said.code))
            }
            MessageStep::Message(kind, data) => {
                self.begun = 0;
                Heard::Message(&mut self.socket, kind, data)
            }
        };
        (taken, Ok(heard))
    }

    /// Keeps bytes that came and are not read yet.
    pub(super) fn hold_input(&mut self, rest: &[u8]) {
        self.busy().input = rest.to_vec();
    }

    /// Takes the bytes that came and are not read yet.
    pub(super) fn take_input(&mut self) -> Vec<u8> {
        let busy = self.busy.as_mut();
        busy.map_or_else(Vec::new, |busy| std::mem::take(&mut busy.input))
    }

    /// Returns whether bytes came that are not read yet.
    pub(super) fn holds_input(&self) -> bool {
        self.held_bytes() > 0
    }

    /// Returns how many bytes came that are not read yet.
    pub(super) fn held_bytes(&self) -> usize {
        self.busy.as_ref().map_or(0, |busy| busy.input.len())
    }

    // -- Answers that wait for outcomes

    /// Has answers wait for the outcomes of what was published, which are to be known by `until`.
    pub(super) fn park(&mut self, published: Vec<Published<S::Receipt>>, until: Tick) {
        let parked = published.into_iter().map(|published| (published, until));
        self.busy().parked.extend(parked);
    }

    /// Writes the answers whose outcome is known, or has not come in time; `true`: others still wait.
    pub(super) fn settle(&mut self, service: &mut S, now: Tick, out: &mut Vec<u8>) -> bool {
        let Some(busy) = self.busy.as_mut() else {
            return false;
        };
        // In their order: one whose outcome is known waits for those before it.
        while let Some((published, until)) = busy.parked.front() {
            let late = (*until <= now).then_some(Outcome::Timeout);
            let Some(outcome) = service.outcome(&published.offsets).or(late) else {
                return true;
            };
            if let Some((published, _)) = busy.parked.pop_front() {
                service.settle(published.receipt, outcome, out);
            }
        }
        false
    }

    /// Forgets the answers that wait, and the message that does.
    pub(super) fn forget_answers(&mut self) {
        if let Some(busy) = self.busy.as_mut() {
            busy.parked.clear();
            busy.stalled = None;
        }
    }

    /// Has a message wait for room.
    pub(super) fn stall(&mut self, message: StalledMessage) {
        self.busy().stalled = Some(message);
    }

    /// Takes the message that waits for room.
    pub(super) fn take_stalled(&mut self) -> Option<StalledMessage> {
        self.busy.as_mut()?.stalled.take()
    }

    /// Returns whether it is not read before answers have left, or there is room.
    pub(super) fn is_full(&self, limits: &Limits) -> bool {
        self.busy.as_ref().is_some_and(|busy| {
            busy.stalled.is_some() || busy.parked.len() >= limits.max_pending_publishes
        })
    }

    fn busy(&mut self) -> &mut Busy<S> {
        self.busy.get_or_insert_default()
    }

    /// Frees what nothing needs.
    pub(super) fn shrink(&mut self) {
        let idle = |busy: &Busy<S>| {
            busy.input.is_empty() && busy.parked.is_empty() && busy.stalled.is_none()
        };
        if self.busy.as_ref().is_some_and(|busy| idle(busy)) {
            self.busy = None;
        }
    }

    // -- What is unfinished

    /// Notes what it holds after it was read in this `second`, `waiting` bytes that are not decoded included;
    /// `next_ticket` gives the ticket of one that begins to inflate. `false`: what is unfinished on all connections is
    /// over its bound.
    pub(super) fn count_unfinished(
        &mut self,
        waiting: usize,
        second: u32,
        next_ticket: impl FnOnce() -> u32,
        total: &Unfinished,
    ) -> bool {
        match self.decoder.is_inside() {
            false => self.begun = 0,
            true if self.begun == 0 => self.begun = second.max(1),
            true => {}
        }
        match self.decoder.is_inflating() {
            false => self.inflates = 0,
            true if self.inflates == 0 => self.inflates = next_ticket(),
            true => {}
        }
        let stalled = self.busy.as_ref().and_then(|busy| busy.stalled.as_ref());
        let stalled = stalled.map_or(0, |message| message.data.len());
        let held = self.decoder.held_bytes() + waiting + stalled;
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        let before = std::mem::replace(&mut self.unfinished, held);
        total.change(before as usize, held as usize)
    }

    /// Forgets what has not been sent to its end.
    pub(super) fn drop_unfinished(&mut self, scratch: &mut Scratch, total: &Unfinished) {
        self.decoder.abandon(scratch);
        (self.begun, self.inflates) = (0, 0);
        let before = std::mem::take(&mut self.unfinished);
        let given_back = total.change(before as usize, 0);
        debug_assert!(given_back);
    }

    /// Returns whether the message that is arriving takes longer than `timeout_s` seconds.
    pub(super) fn is_late(&self, second: u32, timeout_s: u64) -> bool {
        // Where what came waits for us, it is not the peer who is late.
        self.begun > 0
            && !self.holds_input()
            && u64::from(second.saturating_sub(self.begun)) > timeout_s
    }

    /// Returns whether it inflates a message, and has had this `ticket` since that began.
    pub(super) fn inflates(&self, ticket: u32) -> bool {
        self.inflates == ticket
    }

    // -- Signs of life

    /// Asks whether its peer is still there; by the seconds that are now and that all which came has been looked at
    /// before. Where it is to be pinged, that is noted.
    pub(super) fn look_for_life(&mut self, second: u32, settled: u32) -> Life {
        // By what was looked at: the pong may be in the kernel still.
        let unanswered = u64::from(settled.saturating_sub(self.pinged));
        if self.pinged > 0 && unanswered > self.limits.pong_timeout.as_secs() {
            return Life::Gone;
        }
        let silent = u64::from(second.saturating_sub(self.heard));
        let ping_after = self.limits.ping_after.as_secs();
        if ping_after == 0 || self.pinged > 0 || silent < ping_after {
            return Life::Shown;
        }
        self.pinged = second.max(1);
        Life::Silent
    }
}
