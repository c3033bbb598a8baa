//! What a connection has asked for: the state of its requests, answers in their order, and how long each may take.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::deadline;
use crate::net::conns::conn::{Flags, Phase};
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::http::answer::{Answer, Deferred, Piece, Refusal};
use crate::net::http::parked::Parked;
use crate::net::http::published::{Outcome, Part, Parts, Published};
use crate::net::http::unfinished::{Share, Unfinished};
use crate::net::limits::Limits;
use crate::net::service::Service;
use crate::net::stream_plan::{StreamPlan, WatchPlan};
use crate::net::time::wheel::Tick;
use crate::net::ws::SocketPlan;
use crate::wire::http::RequestDecoder;

/// Answers of a connection that the service has to find out first, at once: its next request waits unread until one of
/// them is done, so that one client does not take the room that the service has for those of all.
const TICKETS_MAX: usize = 4;

/// The state of a connection that is not a stream yet.
pub(in crate::net) struct RequestState<S: Service> {
    pub(in crate::net) peer: SocketAddr,
    /// A PROXY header comes first.
    pub(in crate::net) preface: bool,
    /// A head has come since the clock was set.
    pub(in crate::net) begun: bool,
    pub(in crate::net) decoder: RequestDecoder,
    /// Bytes that came and are not consumed: part of a head, or pipelined requests that wait.
    pub(in crate::net) input: Vec<u8>,
    /// The request whose body is arriving.
    pub(in crate::net) pending_body: Option<S::PendingBody>,
    /// The request that waits for a decision.
    pub(in crate::net) parked: Option<Box<Parked>>,
    clock: Clock,
    /// Answers in the order of their requests.
    pub(in crate::net) answers: VecDeque<Reply<S>>,
    /// Bytes of those that are known.
    queued: usize,
    /// The number of those that are deferred.
    tickets: usize,
    /// `input` holds more than the beginning of something: a bound stopped the decoder.
    pub(in crate::net) held: bool,
    /// The part of the total that `input` and the kept head take.
    share: Share,
    /// Bytes of the head that `pending_body` is made of.
    pub(in crate::net) head_bytes: usize,
}

/// An answer in the queue of a connection, or the stream that takes its place.
pub(in crate::net) enum Reply<S: Service> {
    Answer(Answer),
    Published {
        published: Published<S::Receipt>,
        /// `true`: the connection ends with it.
        close: bool,
        /// The tick by which its outcome has to be known.
        until: Tick,
    },
    Deferred(Deferred),
    Stream(Box<StreamPlan<S::Key>>),
    Watch(WatchPlan),
    Socket(Box<SocketPlan<S>>),
}

impl<S: Service> Reply<S> {
    /// Bytes that it takes, as far as that is known.
    fn bytes(&self) -> usize {
        match self {
            Self::Answer(answer) => answer.bytes.len(),
            Self::Published { published, .. } => published.bytes,
            Self::Deferred(_) | Self::Stream(_) | Self::Watch(_) | Self::Socket(_) => 0,
        }
    }

    /// Returns whether no request of the connection follows it.
    fn is_last(&self) -> bool {
        match self {
            Self::Answer(answer) => answer.close,
            Self::Published { close, .. } => *close,
            Self::Deferred(deferred) => deferred.close,
            Self::Stream(_) | Self::Watch(_) | Self::Socket(_) => true,
        }
    }
}

/// The deadline that runs for a connection in requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    /// No request yet, or none since the last answer.
    Idle,
    Head,
    Body,
    /// A request is done and its answer waits.
    Answer,
    /// A request waits for a decision.
    Authorization,
    /// The one that ran is over: whatever is waited for next has a time of its own, the next request too.
    Over,
}

impl<S: Service> RequestState<S> {
    pub(in crate::net) fn new(
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
            // The first head is awaited from the accept on.
            clock: Clock::Head,
            answers: VecDeque::new(),
            queued: 0,
            tickets: 0,
            held: false,
            share: unfinished.share(),
            head_bytes: 0,
        }
    }

    /// Returns whether no further request is taken before answers have left, or a decision has come.
    pub(in crate::net) fn is_full(&self, limits: &Limits) -> bool {
        self.parked.is_some()
            || self.answers.len() >= limits.max_pending_publishes
            || self.queued >= limits.private_bytes
            // Each of these holds room that the service has for the requests of all connections.
            || self.tickets >= TICKETS_MAX
            || self.answers.back().is_some_and(Reply::is_last)
    }

    /// Queues an answer behind those that are still to leave.
    pub(in crate::net) fn queue(&mut self, answer: Answer) {
        self.push(Reply::Answer(answer));
    }

    /// Queues whatever leaves next behind what is still to leave.
    pub(in crate::net) fn push(&mut self, reply: Reply<S>) {
        self.queued += reply.bytes();
        self.tickets += usize::from(matches!(reply, Reply::Deferred(_)));
        self.answers.push_back(reply);
    }

    /// Takes the answer that is next.
    fn take_next(&mut self) -> Option<Reply<S>> {
        let next = self.answers.pop_front()?;
        self.queued -= next.bytes();
        self.tickets -= usize::from(matches!(next, Reply::Deferred(_)));
        Some(next)
    }

    /// The tickets of answers that will not leave any more.
    pub(in crate::net) fn tickets(&self) -> impl Iterator<Item = u64> {
        self.answers.iter().filter_map(|reply| match reply {
            Reply::Deferred(deferred) => Some(deferred.ticket),
            _ => None,
        })
    }

    /// Queues parts of an answer, whose outcomes are to be known by `until`, behind the answers that are still to leave.
    pub(in crate::net) fn append(
        &mut self,
        parts: Parts<S::Receipt>,
        until: Tick,
        out: &mut Vec<u8>,
    ) {
        for part in parts.into_parts() {
            match part {
                // Nothing is in front of it, so it need not queue.
                Part::Bytes(bytes) if self.answers.is_empty() => out.extend_from_slice(&bytes),
                Part::Bytes(bytes) if bytes.is_empty() => {}
                Part::Bytes(bytes) => self.queue(Answer {
                    bytes,
                    close: false,
                }),
                Part::Published(published) => self.push(Reply::Published {
                    published,
                    close: false,
                    until,
                }),
            }
        }
    }

    /// Forgets what the deadline is for, so that the next one begins now.
    pub(in crate::net) fn restart_clock(&mut self) {
        self.clock = Clock::Over;
    }

    /// The same, where an answer is what is waited for. The time of a body that arrives meanwhile is total: answers to
    /// its lines, or to requests before it, do not move it.
    fn restart_answer_clock(&mut self) {
        if self.clock == Clock::Answer {
            self.restart_clock();
        }
    }

    /// Returns the bytes that came after the last request.
    pub(in crate::net) fn into_input(self) -> Vec<u8> {
        self.input
    }

    /// Counts what has come and is not done with; `false`: that of all connections is over the bound.
    pub(in crate::net) fn count_unfinished(&mut self) -> bool {
        let head = match (&self.pending_body, &self.parked) {
            (Some(_), _) => self.head_bytes,
            (None, Some(parked)) => parked.head_bytes(),
            (None, None) => 0,
        };
        self.share.set(self.input.len() + head)
    }

    /// Returns when the outcome must be known that the next answer waits for; `None`: it waits for something else.
    fn awaits_outcome_until(&self) -> Option<Tick> {
        match self.answers.front() {
            Some(Reply::Published { until, .. }) => Some(*until),
            _ => None,
        }
    }

    fn is_idle(&self) -> bool {
        self.pending_body.is_none()
            && self.parked.is_none()
            && self.answers.is_empty()
            && self.decoder.is_idle()
    }
}

impl<S: Service> Core<S> {
    /// Moves answers whose time has come to the private buffer, and starts a stream that is next.
    pub(in crate::net) fn flush_answers(&mut self, service: &mut S, i: u32) {
        // Whoever waited may be a stream by now, or gone.
        if self.phase(i) != Phase::Request {
            return;
        }
        let now = self.tick_of(self.settled);
        while let Some(requests) = self.cold[i as usize].requests.as_mut() {
            match requests.answers.front() {
                None => break,
                Some(Reply::Deferred(Deferred { ticket, close })) => {
                    let (ticket, close) = (*ticket, *close);
                    if self.take_piece(service, i, ticket) != Piece::Done {
                        self.park(i);
                        break;
                    }
                    if close {
                        return self.begin_closing(service, i, EndReason::Closed);
                    }
                    continue;
                }
                Some(Reply::Published {
                    published,
                    close,
                    until,
                }) => {
                    let close = *close;
                    let late = *until <= now;
                    let known = service.outcome(&published.offsets);
                    // The outcome itself comes first: it may have been late to be looked for only.
                    let Some(outcome) = known.or(late.then_some(Outcome::Timeout)) else {
                        self.park(i);
                        break;
                    };
                    self.settle_next(service, i, outcome);
                    if close {
                        return self.begin_closing(service, i, EndReason::Closed);
                    }
                    continue;
                }
                Some(_) => {}
            }
            match requests.take_next() {
                Some(Reply::Answer(answer)) => {
                    self.out(i).bytes.extend_from_slice(&answer.bytes);
                    if answer.close {
                        return self.begin_closing(service, i, EndReason::Closed);
                    }
                }
                Some(Reply::Stream(plan)) => return self.start_stream(service, i, *plan),
                Some(Reply::Watch(plan)) => return self.start_watch(service, i, plan),
                Some(Reply::Socket(plan)) => return self.start_socket(service, i, *plan),
                Some(Reply::Published { .. } | Reply::Deferred(_)) | None => break,
            }
        }
        // A client that has closed its half gets all its answers, and is not waited for any longer.
        let eof = self.hot(i).flags.has(Flags::EOF);
        let requests = self.cold[i as usize].requests.as_ref();
        let done = requests.is_none_or(|requests| {
            requests.answers.is_empty() && requests.parked.is_none() && !requests.held
        });
        if eof && done {
            return self.begin_closing(service, i, EndReason::Closed);
        }
        self.start_clock(i);
        self.deliver(service, i);
    }

    /// Writes the answer that is next on connection `i`, whose outcome is known.
    fn settle_next(&mut self, service: &mut S, i: u32, outcome: Outcome) {
        let Some(requests) = self.cold[i as usize].requests.as_mut() else {
            return;
        };
        // Who waited for one outcome begins to wait for the next one now: they were published one after the other.
        requests.restart_answer_clock();
        if let Some(Reply::Published { published, .. }) = requests.take_next() {
            service.settle(published.receipt, outcome, &mut self.out(i).bytes);
        }
    }

    /// The tick by which the outcome of what is published now has to be known.
    pub(in crate::net) fn outcome_deadline(&self) -> Tick {
        self.tick_of(deadline::after(self.now, self.limits.outcome_timeout)) + 1
    }

    /// Takes what the service has of the answer of a ticket, which is next on connection `i`, once what it gave
    /// before has been taken.
    fn take_piece(&mut self, service: &mut S, i: u32, ticket: u64) -> Piece {
        // A long answer is made as fast as it is taken: a list of thousands does not wait here whole.
        if self.out_len(i) >= self.limits.private_bytes {
            return Piece::Waits;
        }
        let piece = service.deferred(ticket, &mut self.out(i).bytes);
        let Some(requests) = self.cold[i as usize].requests.as_mut() else {
            return piece;
        };
        match piece {
            Piece::Waits => {}
            // Who takes a long answer piece by piece is not slow. The next piece is for the next turn.
            Piece::More => {
                requests.restart_answer_clock();
                self.make_ready(i);
            }
            Piece::Done => {
                requests.take_next();
            }
        }
        piece
    }

    /// Forgets the requests of connection `i`, and what is looked for to answer them.
    pub(in crate::net) fn forget_requests(&mut self, service: &mut S, i: u32) {
        if let Some(requests) = self.cold[i as usize].requests.take() {
            self.parked -= usize::from(requests.parked.is_some());
            requests
                .tickets()
                .for_each(|ticket| service.forget_deferred(ticket));
        }
    }

    /// Has the socket of connection `i` read in a later turn, if only the logs are in the way. What
    /// else is in the way says so when it is gone.
    pub(in crate::net) fn read_later(&mut self, i: u32) {
        if self.is_socket(i) {
            self.hot(i).flags.set(Flags::HELD);
        }
        if self.is_behind() {
            self.make_ready(i);
        }
    }

    pub(in crate::net) fn park(&mut self, i: u32) {
        if !self.hot(i).flags.has(Flags::PARKED) {
            self.hot(i).flags.set(Flags::PARKED);
            self.waiting.push(i);
        }
    }

    /// Goes on reading a connection that had to wait, once its answers have left.
    pub(in crate::net) fn resume_reading(&mut self, i: u32) {
        let requests = self.cold[i as usize].requests.as_ref();
        let held = requests.is_some_and(|requests| requests.held);
        let full = requests.is_some_and(|requests| requests.is_full(&self.limits));
        let unread = self.hot[i as usize].flags.has(Flags::UNREAD);
        // No edge comes for what is here or in the socket already.
        if (held || unread) && !full {
            self.make_ready(i);
        }
    }

    /// Returns whether pipelined requests of connection `i` wait for a bound that no longer holds.
    pub(in crate::net) fn holds_input(&self, i: u32) -> bool {
        self.cold[i as usize]
            .requests
            .as_ref()
            .is_some_and(|requests| requests.held)
    }

    /// Returns whether the socket of connection `i` should be read now.
    pub(in crate::net) fn wants_input(&self, i: u32) -> bool {
        match self.hot[i as usize].phase {
            Phase::Free => false,
            Phase::Request => {
                !self.is_behind()
                    && self.out_len(i) < self.limits.private_bytes
                    && self.cold[i as usize]
                        .requests
                        .as_ref()
                        .is_none_or(|requests| !requests.is_full(&self.limits))
            }
            _ => self.socket_wants_input(i),
        }
    }

    /// Returns whether bytes of requests of connection `i` may be in its socket, and nothing that it does keeps
    /// them there.
    pub(in crate::net) fn has_input(&self, i: u32) -> bool {
        let unread = self.hot[i as usize].flags.has(Flags::UNREAD);
        // A request that waits for a decision keeps them there.
        unread && !self.is_parked(i, None) && (self.is_behind() || self.wants_input(i))
    }

    /// Sets the deadline that fits what the connection now waits for.
    fn start_clock(&mut self, i: u32) {
        let Some(requests) = self.cold[i as usize].requests.as_mut() else {
            return;
        };
        let clock = if requests.parked.is_some() {
            Clock::Authorization
        } else if requests.pending_body.is_some() {
            Clock::Body
        } else if !requests.answers.is_empty() {
            Clock::Answer
        } else if requests.decoder.is_idle() {
            Clock::Idle
        } else {
            Clock::Head
        };
        // A deadline is total: more bytes of the same part do not move it, and empty lines between
        // requests are no request. The first head is awaited from the accept on.
        let begun = std::mem::take(&mut requests.begun);
        if clock == Clock::Idle && !begun && matches!(requests.clock, Clock::Idle | Clock::Head) {
            return;
        }
        if clock == requests.clock && clock != Clock::Idle {
            return;
        }
        requests.clock = clock;
        let limits = &self.limits;
        let timeout = match clock {
            Clock::Idle => limits.idle_timeout,
            Clock::Head => limits.head_timeout,
            Clock::Body => limits.body_timeout,
            Clock::Answer => limits.write_timeout,
            Clock::Authorization => limits.authorization_timeout,
            // Nothing that is waited for.
            Clock::Over => return,
        };
        self.set_deadline(i, timeout);
    }

    /// The deadline of connection `i` has passed while it was in requests.
    pub(in crate::net) fn request_timed_out(&mut self, service: &mut S, i: u32) {
        let Some(requests) = self.cold[i as usize].requests.as_ref() else {
            // It has not said anything.
            return self.close(service, i, EndReason::Closed);
        };
        let why = match requests.clock {
            // Not a byte of a request came, so there is nothing to answer.
            Clock::Head if requests.decoder.is_idle() => {
                return self.close(service, i, EndReason::Closed);
            }
            Clock::Head => Refusal::HeadTimeout,
            Clock::Body => Refusal::BodyTimeout,
            Clock::Authorization => return self.refuse_parked(service, i),
            Clock::Answer => {
                // An outcome has a time of its own: who published is told then, whatever slow readers are allowed.
                if let Some(until) = requests.awaits_outcome_until()
                    && until >= self.tick_of(self.settled)
                {
                    return self.set_deadline_tick(i, until + 1);
                }
                return self.close(service, i, EndReason::Closed);
            }
            Clock::Idle | Clock::Over => return self.close(service, i, EndReason::Closed),
        };
        let bytes = service.refuse(why, requests.pending_body.as_ref());
        self.out(i).bytes.extend_from_slice(&bytes);
        self.begin_closing(service, i, EndReason::Closed);
    }

    /// Returns whether connection `i` is between requests, so that nothing is lost by closing it.
    pub(in crate::net) fn is_between_requests(&self, i: u32) -> bool {
        let requests = self.cold[i as usize].requests.as_ref();
        requests.is_none_or(|requests| requests.is_idle()) && self.out_len(i) == 0
    }
}
