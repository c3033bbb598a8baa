//! What a connection has asked for: the state of its requests, and how long each part of them may take.

use std::net::SocketAddr;

use crate::net::http::answer::{Answer, Peer};
use crate::net::http::answers::{Answers, Reply};
use crate::net::http::parked::{Parked, RequestId, Stalled};
use crate::net::http::unfinished::{Share, Unfinished};
use crate::net::limits::Limits;
use crate::net::service::Service;
use crate::wire::http::{Head, RequestDecoder, RequestError, Step};

/// The state of a connection that is not a stream yet.
pub(in crate::net) struct RequestState<S: Service> {
    peer: SocketAddr,
    /// A PROXY header comes first.
    preface: bool,
    /// A head has come since the clock was set.
    begun: bool,
    decoder: RequestDecoder,
    /// Bytes that came and are not consumed: part of a head, or pipelined requests that wait.
    input: Vec<u8>,
    /// The request whose body is arriving.
    pending_body: Option<S::PendingBody>,
    /// The request that waits for a decision.
    parked: Option<Box<Parked>>,
    /// The part of `pending_body` that waits for room.
    stalled: Option<Stalled>,
    clock: Clock,
    answers: Answers<S>,
    /// `input` holds more than the beginning of something: a bound stopped the decoder.
    held: bool,
    /// The part of the total that `input` and the kept head take.
    share: Share,
    /// Bytes of the head that `pending_body` is made of.
    head_bytes: usize,
}

/// The deadline that runs for a connection in requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// No request yet, or none since the last answer.
    Idle,
    Head,
    Body,
    /// A request is done and its answer waits.
    Answer,
    /// A request waits for a decision.
    Authorization,
    /// A request waits for room.
    Room,
    /// The one that ran is over: whatever is waited for next has a time of its own, the next request too.
    Over,
}

impl<S: Service> RequestState<S> {
    pub(super) fn new(
        peer: SocketAddr,
        preface: bool,
        limits: &Limits,
        unfinished: &Unfinished,
    ) -> Self {
        Self {
            peer,
            preface,
            begun: false,
            decoder: RequestDecoder::new(limits.http),
            input: Vec::new(),
            pending_body: None,
            parked: None,
            stalled: None,
            // The first head is awaited from the accept on.
            clock: Clock::Head,
            answers: Answers::new(),
            held: false,
            share: unfinished.share(),
            head_bytes: 0,
        }
    }

    /// The other end of the connection: the socket's, or the one that a PROXY header has named.
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    // -- What comes in

    /// Returns whether a PROXY header is to come before the first request.
    pub(super) fn awaits_preface(&self) -> bool {
        self.preface
    }

    /// Notes that the PROXY header has come, and the `source` that it names.
    pub(super) fn end_preface(&mut self, source: Option<SocketAddr>) {
        self.preface = false;
        self.peer = source.unwrap_or(self.peer);
    }

    /// Takes the bytes that came and are not consumed, to go on with them.
    pub(super) fn take_input(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.input)
    }

    /// Keeps what is left of the bytes that came.
    pub(super) fn keep_input(&mut self, input: Vec<u8>) {
        // Else the buffer goes: a connection between requests keeps none.
        if !input.is_empty() {
            self.input = input;
        }
    }

    /// Returns whether bytes came that are not consumed.
    pub(super) fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Returns the bytes that came after the last request.
    pub(in crate::net) fn into_input(self) -> Vec<u8> {
        self.input
    }

    /// Decodes the next step of `input`; returns the bytes that it took.
    pub(super) fn decode<'i>(
        &mut self,
        input: &'i [u8],
    ) -> Result<(usize, Step<'i>), RequestError> {
        self.decoder.decode(input)
    }

    /// Gives back the memory of a head that is done with.
    pub(super) fn recycle(&mut self, head: Head) {
        self.decoder.recycle(head);
    }

    /// Notes whether more than the beginning of something waits in what came.
    pub(super) fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Returns whether pipelined requests wait for a bound that no longer holds.
    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Returns whether no further request is taken before answers have left, a decision has come, or there is room.
    pub(super) fn is_full(&self, limits: &Limits) -> bool {
        self.parked.is_some() || self.stalled.is_some() || self.answers.are_full(limits)
    }

    /// Returns whether a byte of the request came that is next.
    pub(super) fn has_begun_head(&self) -> bool {
        !self.decoder.is_idle()
    }

    /// Returns whether the connection is between two requests, all of which are answered.
    pub(super) fn is_idle(&self) -> bool {
        self.pending_body.is_none()
            && self.parked.is_none()
            && self.answers.is_empty()
            && self.decoder.is_idle()
    }

    /// Counts what has come and is not done with; `false`: that of all connections is over the bound.
    pub(super) fn count_unfinished(&mut self) -> bool {
        let head = match (&self.pending_body, &self.parked) {
            (Some(_), _) => self.head_bytes,
            (None, Some(parked)) => parked.head_bytes(),
            (None, None) => 0,
        };
        self.share.set(self.input.len() + head)
    }

    /// Drops all that has come and is not done with; returns the request whose body was arriving.
    pub(super) fn drop_unfinished(&mut self) -> Option<S::PendingBody> {
        self.input = Vec::new();
        self.held = false;
        self.parked = None;
        self.stalled = None;
        let pending_body = self.pending_body.take();
        // Again, with nothing: what it has given back may be had by the next one at once.
        let _ = self.count_unfinished();
        pending_body
    }

    // -- The request that is going on

    /// Notes that a head has come.
    pub(super) fn begin(&mut self) {
        self.begun = true;
    }

    /// Awaits the body that follows `head`, of `limit` bytes at most.
    ///
    /// # Errors
    ///
    /// The head says already that it is longer.
    pub(super) fn await_body(
        &mut self,
        pending_body: S::PendingBody,
        limit: u64,
        head: &Head,
    ) -> Result<(), RequestError> {
        // Before any of the body is taken: the bound is that of the route, which only the head names.
        self.decoder.limit_body(limit);
        self.head_bytes = head.wire_len();
        self.pending_body = Some(pending_body);
        self.decoder.check_body()
    }

    /// The request whose body is arriving.
    pub(super) fn pending_body(&self) -> Option<&S::PendingBody> {
        self.pending_body.as_ref()
    }

    /// The same, to give it a piece.
    pub(super) fn pending_body_mut(&mut self) -> Option<&mut S::PendingBody> {
        self.pending_body.as_mut()
    }

    /// Takes the request whose body has ended or is not wanted any more.
    pub(super) fn take_pending_body(&mut self) -> Option<S::PendingBody> {
        self.pending_body.take()
    }

    /// Has the request with this `head` wait for a decision.
    pub(super) fn park(&mut self, id: RequestId, head: Head, peer: Peer) {
        // The last request of this connection may have waited until a moment ago: this one has a time of its own.
        self.restart_clock();
        self.parked = Some(Box::new(Parked::new(id, head, peer)));
    }

    /// Returns whether a request waits for a decision, the one named `id` if that is said.
    pub(super) fn is_parked(&self, id: Option<RequestId>) -> bool {
        let parked = self.parked.as_ref();
        parked.is_some_and(|parked| id.is_none_or(|id| parked.is(id)))
    }

    /// Has the request whose body is arriving wait for room for this part of it.
    pub(super) fn stall(&mut self, part: Stalled) {
        self.stalled = Some(part);
    }

    /// Takes the part that waits for room.
    pub(super) fn take_stalled(&mut self) -> Option<Stalled> {
        self.stalled.take()
    }

    /// Returns whether a request waits, for a decision or for room.
    pub(super) fn waits(&self) -> bool {
        self.parked.is_some() || self.stalled.is_some()
    }

    /// Takes the request that waits for a decision.
    pub(super) fn take_parked(&mut self) -> Option<Box<Parked>> {
        self.parked.take()
    }

    // -- Answers

    /// The answers that are still to leave.
    pub(super) fn answers(&self) -> &Answers<S> {
        &self.answers
    }

    /// The same, to take some out.
    pub(super) fn answers_mut(&mut self) -> &mut Answers<S> {
        &mut self.answers
    }

    /// Queues an answer behind those that are still to leave.
    pub(super) fn queue(&mut self, answer: Answer) {
        self.answers.push(Reply::Answer(answer));
    }

    // -- Time

    /// The deadline that runs.
    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns the deadline that fits what the connection now waits for; `None`: the one that runs does.
    pub(super) fn next_clock(&mut self) -> Option<Clock> {
        let clock = if self.parked.is_some() {
            Clock::Authorization
        } else if self.stalled.is_some() {
            // The time of its body begins anew behind it: it is not the peer who was slow.
            Clock::Room
        } else if self.pending_body.is_some() {
            Clock::Body
        } else if !self.answers.is_empty() {
            Clock::Answer
        } else if self.decoder.is_idle() {
            Clock::Idle
        } else {
            Clock::Head
        };
        // A deadline is total: more bytes of the same part do not move it, and empty lines between
        // requests are no request. The first head is awaited from the accept on.
        let begun = std::mem::take(&mut self.begun);
        if clock == Clock::Idle && !begun && matches!(self.clock, Clock::Idle | Clock::Head) {
            return None;
        }
        if clock == self.clock && clock != Clock::Idle {
            return None;
        }
        self.clock = clock;
        Some(clock)
    }

    /// Forgets what the deadline is for, so that the next one begins now.
    fn restart_clock(&mut self) {
        self.clock = Clock::Over;
    }

    /// The same, where an answer is what is waited for. The time of a body that arrives meanwhile is total: answers to
    /// its lines, or to requests before it, do not move it.
    pub(super) fn restart_answer_clock(&mut self) {
        if self.clock == Clock::Answer {
            self.restart_clock();
        }
    }
}
