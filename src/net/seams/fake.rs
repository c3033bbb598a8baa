//! A service that knows nothing but a list of facts.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::net::{
    Answer, Begin, ClientIdentity, Deferred, Delivery, DisconnectReason, EndReason, Ended, Events,
    Identity, Lifecycle, Outcome, Parts, Peer, Pending, Piece, Published, Readers, Refusal,
    Replies, RequestId, Requests, Response, Rounds, Sockets, Step, StreamId, StreamMut, StreamPlan,
    Streams, Sweeps, Taken,
};
use crate::wire::http::Head;
use crate::wire::ws::MessageKind;

/// Bytes of a stream: many visits.
pub(super) const STREAM_BYTES: usize = 2 << 20;
static BYTES: [u8; 64 << 10] = [b'b'; 64 << 10];

/// Pieces of which a long answer is made.
pub(super) const PIECES: usize = 4;

/// The state of the fake, and what the test has asked of it.
#[derive(Default)]
pub(super) struct World {
    /// Requests that wait, by their numbers.
    pub(super) waiting: Vec<(u32, RequestId)>,
    /// Decisions that are to be handed to the reactor.
    pub(super) decisions: VecDeque<(RequestId, Decision)>,
    /// The decision that was made for each request.
    pub(super) decided: HashMap<u32, bool>,
    /// The outcome of each offset, from 1 on.
    pub(super) outcomes: Vec<Option<Outcome>>,
    /// The offsets of each publish, and the second in which it was published.
    pub(super) published: HashMap<u32, (Range<u64>, u64)>,
    /// The second in which each request that waits began to.
    pub(super) began: HashMap<u32, u64>,
    pub(super) second: u64,
    /// No more requests are made than may wait.
    pub(super) has_room: bool,
    /// Publishes find no room.
    pub(super) is_full: bool,
    /// The second in which each publish that waits for room began to.
    pub(super) stalled: HashMap<u32, u64>,
    /// Pieces of a long answer that were asked for.
    pub(super) pieces: usize,
}

impl World {
    fn stall(&mut self, number: u32) {
        self.stalled.entry(number).or_insert(self.second);
    }

    pub(super) fn outcome(&self, offsets: &Range<u64>) -> Option<Outcome> {
        let all = offsets.clone().map(|at| self.outcomes[at as usize - 1]);
        let all: Vec<Outcome> = all.collect::<Option<_>>()?;
        let bad = all.iter().find(|one| **one != Outcome::Visible);
        Some(bad.copied().unwrap_or(Outcome::Visible))
    }
}

/// A decision and the request that it is meant for.
pub(super) struct Decision {
    pub(super) number: u32,
    pub(super) allowed: bool,
}

pub(super) struct Fake(pub(super) Rc<RefCell<World>>);

pub(super) fn number_of(head: &Head) -> u32 {
    let number = head.path().rsplit('/').next().unwrap();
    number.parse().unwrap()
}

pub(super) fn answer(status: u16, number: u32) -> Answer {
    let text = format!("HTTP/1.1 {status} x\r\nX-Number: {number}\r\nContent-Length: 0\r\n\r\n");
    Answer {
        bytes: text.into_bytes(),
        close: false,
    }
}

impl Identity for Fake {
    fn client_identity(&self, _: SocketAddr) -> ClientIdentity {
        ClientIdentity::Peer
    }

    fn client(&self, _: &Head, peer: SocketAddr) -> SocketAddr {
        peer
    }
}

impl Requests for Fake {
    type PendingBody = u32;
    type Grant = Decision;
    type Receipt = u32;

    fn head(&mut self, head: &Head, _: Peer, id: RequestId) -> Begin<Self> {
        let number = number_of(head);
        match head.path().split('/').nth(1).unwrap() {
            "now" => Begin::Answer(answer(200, number)),
            "pieces" => Begin::Deferred(Deferred {
                ticket: number.into(),
                close: false,
            }),
            "stream" => Begin::Stream(StreamPlan {
                head: Vec::new(),
                heartbeat: Duration::ZERO,
                expires_at: None,
                ages: false,
                stream: STREAM_BYTES,
            }),
            "publish" => Begin::Body {
                pending_body: number,
                limit: 100,
            },
            _ => {
                let mut world = self.0.borrow_mut();
                let second = world.second;
                world.began.insert(number, second);
                world.waiting.push((number, id));
                Begin::Later
            }
        }
    }

    fn resume(&mut self, head: &Head, _: Peer, decision: Decision) -> Begin<Self> {
        let number = number_of(head);
        assert_eq!(number, decision.number, "the decision for somebody else");
        match decision.allowed {
            true => Begin::Answer(answer(200, number)),
            false => Begin::Answer(answer(403, number)),
        }
    }

    fn body(
        &mut self,
        number: &mut u32,
        _: &[u8],
        parts: &mut Parts<u32>,
    ) -> Result<Taken, Answer> {
        let mut world = self.0.borrow_mut();
        // Every other one finds out before its end, as one does whose lines are published as they come.
        match number.is_multiple_of(2) && world.is_full && !parts.is_last_try() {
            true => {
                world.stall(*number);
                Ok(Taken::Waits)
            }
            false => Ok(Taken::All),
        }
    }

    fn end(&mut self, number: &mut u32, parts: &mut Parts<u32>) -> Response<u32> {
        let number = *number;
        let mut world = self.0.borrow_mut();
        if world.is_full {
            if parts.is_last_try() {
                return Response::Ready(answer(503, number));
            }
            world.stall(number);
            return Response::Waits;
        }
        let start = world.outcomes.len() as u64 + 1;
        let count = u64::from(number % 3);
        for _ in 0..count {
            world.outcomes.push(None);
        }
        let offsets = start..start + count;
        let second = world.second;
        world.published.insert(number, (offsets.clone(), second));
        Response::Published {
            published: Published {
                offsets,
                receipt: number,
                bytes: 64,
            },
            close: false,
        }
    }

    fn settle(&mut self, number: u32, outcome: Outcome, out: &mut Vec<u8>) {
        let status = match outcome {
            Outcome::Visible => 201,
            Outcome::Aborted => 500,
            Outcome::NoSpace => 507,
            Outcome::Indeterminate => 502,
            Outcome::Timeout => 504,
        };
        out.extend_from_slice(&answer(status, number).bytes);
    }

    fn deferred(&mut self, ticket: u64, out: &mut Vec<u8>) -> Piece {
        let mut world = self.0.borrow_mut();
        world.pieces += 1;
        if world.pieces < PIECES {
            return Piece::More;
        }
        out.extend_from_slice(&answer(200, ticket as u32).bytes);
        Piece::Done
    }

    fn forget_deferred(&mut self, _: u64) {}

    fn refuse(&mut self, why: Refusal<'_>, _: Option<&u32>) -> Vec<u8> {
        let status = match why {
            Refusal::TooManyPending(_) => 429,
            Refusal::AuthorizationTimeout(_) => 408,
            other => panic!("refused for {other:?}"),
        };
        answer(status, 0).bytes
    }
}

impl Sockets for Fake {
    type Socket = ();

    fn opened(&mut self, (): &mut (), _: StreamId) {}

    fn message(&mut self, (): &mut (), _: MessageKind, _: &[u8], _: &mut Replies<'_, Self>) {}

    fn queued(&mut self, (): &mut (), _: usize, _: &mut Vec<u8>) {}

    fn has_queued(&self, (): &()) -> bool {
        false
    }

    fn is_busy(&self, (): &()) -> bool {
        false
    }

    fn closing(&mut self, (): &mut (), _: Option<DisconnectReason>, _: &mut Vec<u8>) {}

    fn closed(&mut self, (): ()) {}
}

impl Delivery for Fake {
    /// Bytes that a stream has yet to get.
    type Reader = usize;
    type Stream = ();
    type Plan = usize;
    type Change = ();

    fn open(&mut self, stream: StreamMut<'_, Self>, _: StreamId, bytes: usize) {
        *stream.reader = bytes;
    }

    fn change(
        &mut self,
        _: &mut Readers<'_, Self>,
        _: StreamId,
        (): (),
        _: Option<Ended>,
    ) -> Result<bool, EndReason> {
        Ok(false)
    }

    fn prepare(&mut self, stream: StreamMut<'_, Self>, _: &mut u64) -> Step {
        match *stream.reader {
            0 => Step::Wait,
            _ => Step::Send,
        }
    }

    fn next(&self, left: &usize, budget: u64) -> &[u8] {
        let max = BYTES.len().min(budget as usize);
        &BYTES[..max.min(*left)]
    }

    fn sent(&mut self, stream: StreamMut<'_, Self>, n: usize) {
        *stream.reader -= n;
    }

    fn make_way(&mut self, _: StreamMut<'_, Self>) -> bool {
        true
    }

    fn last_words(&mut self, _: StreamMut<'_, Self>, _: DisconnectReason) -> bool {
        true
    }

    fn close(&mut self, _: &mut Readers<'_, Self>, _: Ended) {}
}

impl Rounds for Fake {
    fn begin_turn(&mut self, _: Instant, _: u32) {}

    fn publish(&mut self, _: &mut Readers<'_, Self>) -> bool {
        false
    }

    fn release(&mut self, _: bool) {}

    fn next_visit(&mut self) -> Option<u32> {
        None
    }

    fn is_live(&self, _: &usize) -> bool {
        true
    }

    fn pending(&self) -> Pending {
        Pending::Nothing
    }

    fn is_behind(&self) -> bool {
        false
    }

    fn has_published_all(&self) -> bool {
        true
    }
}

impl Sweeps for Fake {
    fn begin_sweep(&mut self) {}

    fn look(&mut self, _: StreamMut<'_, Self>, _: bool, _: bool) -> &[u8] {
        &[]
    }

    fn end_sweep(&mut self) {}

    fn is_caught_up(&self, left: &usize) -> bool {
        *left == 0
    }

    fn tick(&mut self, _: &mut Vec<u8>) {}
}

impl Events for Fake {
    fn lifecycle(&mut self, _: Lifecycle) {}

    fn outcome(&self, offsets: &Range<u64>) -> Option<Outcome> {
        self.0.borrow().outcome(offsets)
    }

    fn poll_commands(&mut self, streams: &mut Streams<'_, Self>) {
        for (id, decision) in self.0.borrow_mut().decisions.drain(..) {
            streams.resume(id, decision);
        }
    }

    fn arm(&mut self, _: bool) -> bool {
        true
    }

    fn disarm(&mut self) {}
}
