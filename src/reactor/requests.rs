//! What a connection has asked for: the state of its requests, answers in their order, and how long each may take.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::answer::{Answer, Piece, Refusal};
use super::conn::{Flags, Phase};
use super::core::Core;
use super::end::EndReason;
use super::limits::Limits;
use super::service::Service;
use super::stream_plan::{StreamPlan, WatchPlan};
use super::unfinished::{Share, Unfinished};
use super::ws::SocketPlan;
use crate::wire::http::RequestDecoder;

/// Answers of a connection that the service has to find out first, at once: its next request waits unread until one of
/// them is done, so that one client does not take the room that the service has for those of all.
const TICKETS_MAX: usize = 4;

/// What a connection knows while it is not yet a stream.
pub(super) struct Requests<S: Service> {
    pub(super) peer: SocketAddr,
    /// A PROXY header comes first.
    pub(super) preface: bool,
    /// A head has come since the clock was set.
    pub(super) begun: bool,
    pub(super) decoder: RequestDecoder,
    /// Bytes that came and are not consumed: part of a head, or pipelined requests that wait.
    pub(super) input: Vec<u8>,
    /// The request whose body is arriving.
    pub(super) exchange: Option<S::Exchange>,
    clock: Clock,
    /// Answers in the order of their requests.
    pub(super) answers: VecDeque<Reply<S>>,
    /// Bytes of those that are known.
    queued: usize,
    /// How many of them have a ticket.
    tickets: usize,
    /// `input` holds more than the beginning of something: a bound stopped the decoder.
    pub(super) held: bool,
    /// What `input` and the head of `exchange` take of the total.
    share: Share,
    /// Bytes of the head that `exchange` is made of.
    pub(super) head_bytes: usize,
}

pub(super) enum Reply<S: Service> {
    Answer(Answer),
    Stream(Box<StreamPlan<S::Key>>),
    Watch(WatchPlan),
    Socket(Box<SocketPlan<S>>),
}

/// Which deadline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    /// No request yet, or none since the last answer.
    Idle,
    Head,
    Body,
    /// A request is done and its answer waits.
    Answer,
}

impl<S: Service> Requests<S> {
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
            exchange: None,
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

    /// Whether no further request is taken before answers have left.
    pub(super) fn is_full(&self, limits: &Limits) -> bool {
        self.answers.len() >= limits.max_pending_publishes
            || self.queued >= limits.private_bytes
            || self.tickets >= TICKETS_MAX
            || matches!(
                self.answers.back(),
                Some(Reply::Stream(_) | Reply::Watch(_) | Reply::Socket(_))
            )
            || matches!(self.answers.back(), Some(Reply::Answer(answer)) if answer.close)
    }

    /// Queues an answer behind those that are still to leave.
    pub(super) fn queue(&mut self, answer: Answer) {
        self.queued += answer.bytes.len();
        self.tickets += usize::from(answer.after >= Answer::LATER);
        self.answers.push_back(Reply::Answer(answer));
    }

    /// Takes the answer that is next.
    fn take_next(&mut self) -> Option<Reply<S>> {
        let next = self.answers.pop_front();
        if let Some(Reply::Answer(answer)) = &next {
            self.queued -= answer.bytes.len();
        }
        next
    }

    /// The tickets of answers that will not leave any more.
    pub(super) fn tickets(&self) -> impl Iterator<Item = u64> {
        let tickets = self.answers.iter().filter_map(|reply| match reply {
            Reply::Answer(answer) => Some(answer.after),
            _ => None,
        });
        tickets.filter(|after| *after >= Answer::LATER)
    }

    /// Queues a part of an answer behind the answers that are still to leave.
    pub(super) fn append(&mut self, bytes: Vec<u8>, out: &mut Vec<u8>) {
        if self.answers.is_empty() {
            out.extend_from_slice(&bytes);
        } else if !bytes.is_empty() {
            let part = Answer {
                bytes,
                after: 0,
                close: false,
            };
            self.queue(part);
        }
    }

    /// What came after the last request.
    pub(super) fn into_input(self) -> Vec<u8> {
        self.input
    }

    /// Counts what has come and is not done with; `false`: that of all connections is over the bound.
    pub(super) fn count_unfinished(&mut self) -> bool {
        let head = if self.exchange.is_some() {
            self.head_bytes
        } else {
            0
        };
        self.share.set(self.input.len() + head)
    }

    fn is_idle(&self) -> bool {
        self.exchange.is_none() && self.answers.is_empty() && self.decoder.is_idle()
    }
}

impl<S: Service> Core<S> {
    /// Moves answers whose time has come to the private buffer, and starts a stream that is next.
    pub(super) fn flush_answers(&mut self, service: &mut S, i: u32) {
        if self.phase(i) != Phase::Request {
            return;
        }
        let visible = service.visible();
        while let Some(requests) = self.cold[i as usize].requests.as_mut() {
            match requests.answers.front_mut() {
                None => break,
                Some(Reply::Answer(answer)) if answer.after >= Answer::LATER => {
                    let ticket = answer.after;
                    if self.take_piece(service, i, ticket) == Piece::Done {
                        continue;
                    }
                    self.park(i);
                    break;
                }
                Some(Reply::Answer(answer)) if answer.after > visible => {
                    self.park(i);
                    break;
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
                None => break,
            }
        }
        let eof = self.hot(i).flags.has(Flags::EOF);
        let requests = self.cold[i as usize].requests.as_ref();
        let done = requests.is_none_or(|requests| requests.answers.is_empty() && !requests.held);
        if eof && done {
            return self.begin_closing(service, i, EndReason::Closed);
        }
        self.start_clock(i);
        self.deliver(service, i);
    }

    /// Takes what the service has of the answer of a ticket, which is next on connection `i`, once what it gave
    /// before has been taken.
    fn take_piece(&mut self, service: &mut S, i: u32, ticket: u64) -> Piece {
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
                requests.clock = Clock::Idle;
                self.make_ready(i);
            }
            Piece::Done => {
                if let Some(Reply::Answer(answer)) = requests.answers.front_mut() {
                    answer.after = 0;
                    requests.tickets -= 1;
                }
            }
        }
        piece
    }

    /// Forgets the requests of connection `i`, and what is looked for to answer them.
    pub(super) fn forget_requests(&mut self, service: &mut S, i: u32) {
        if let Some(requests) = self.cold[i as usize].requests.take() {
            requests
                .tickets()
                .for_each(|ticket| service.forget_deferred(ticket));
        }
    }

    /// Has the socket of connection `i` read in a later turn, if only the logs are in the way. What
    /// else is in the way says so when it is gone.
    pub(super) fn read_later(&mut self, i: u32) {
        if self.is_socket(i) {
            self.hot(i).flags.set(Flags::HELD);
        }
        if self.is_behind() {
            self.make_ready(i);
        }
    }

    pub(super) fn park(&mut self, i: u32) {
        if !self.hot(i).flags.has(Flags::PARKED) {
            self.hot(i).flags.set(Flags::PARKED);
            self.waiting.push(i);
        }
    }

    /// Goes on reading a connection that had to wait, once its answers have left.
    pub(super) fn resume_reading(&mut self, i: u32) {
        let requests = self.cold[i as usize].requests.as_ref();
        let held = requests.is_some_and(|requests| requests.held);
        let full = requests.is_some_and(|requests| requests.is_full(&self.limits));
        let unread = self.hot[i as usize].flags.has(Flags::UNREAD);
        if (held || unread) && !full {
            self.make_ready(i);
        }
    }

    /// Whether pipelined requests of connection `i` wait for a bound that no longer holds.
    pub(super) fn holds_input(&self, i: u32) -> bool {
        self.cold[i as usize]
            .requests
            .as_ref()
            .is_some_and(|requests| requests.held)
    }

    /// Whether the socket of connection `i` should be read now.
    pub(super) fn wants_input(&self, i: u32) -> bool {
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

    /// Whether bytes of requests of connection `i` may be in its socket, and nothing that it does keeps
    /// them there.
    pub(super) fn has_input(&self, i: u32) -> bool {
        let unread = self.hot[i as usize].flags.has(Flags::UNREAD);
        unread && (self.is_behind() || self.wants_input(i))
    }

    /// Sets the deadline that fits what the connection now waits for.
    fn start_clock(&mut self, i: u32) {
        let Some(requests) = self.cold[i as usize].requests.as_mut() else {
            return;
        };
        let clock = if requests.exchange.is_some() {
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
        };
        self.set_deadline(i, timeout);
    }

    /// The deadline of connection `i` has passed while it was in requests.
    pub(super) fn request_timed_out(&mut self, service: &mut S, i: u32) {
        let Some(requests) = self.cold[i as usize].requests.as_ref() else {
            // It has not said anything.
            return self.close(service, i, EndReason::Closed);
        };
        let why = match requests.clock {
            Clock::Head if requests.decoder.is_idle() => {
                return self.close(service, i, EndReason::Closed);
            }
            Clock::Head => Refusal::HeadTimeout,
            Clock::Body => Refusal::BodyTimeout,
            Clock::Idle | Clock::Answer => return self.close(service, i, EndReason::Closed),
        };
        let bytes = service.refuse(why, requests.exchange.as_ref());
        self.out(i).bytes.extend_from_slice(&bytes);
        self.begin_closing(service, i, EndReason::Closed);
    }

    /// Whether connection `i` is between requests, so that nothing is lost by closing it.
    pub(super) fn is_between_requests(&self, i: u32) -> bool {
        let requests = self.cold[i as usize].requests.as_ref();
        requests.is_none_or(|requests| requests.is_idle()) && self.out_len(i) == 0
    }
}
