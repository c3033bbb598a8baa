//! A dumb model judges the reactor's two seams: what clients are told, in random orders of decisions, outcomes,
//! disconnects, timeouts and pipelining, must be true at that moment.
//!
//! The service here knows nothing but a list of facts. Each request has a number of its own, which its answer repeats, so
//! that an answer which reaches somebody else is seen. A failing run prints its seed: `SEED=n` runs it again.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eventring::reactor::{
    Addresses, Answer, Begin, CatchUp, CaughtUp, ClientIdentity, Codec, DisconnectReason, Events,
    FormId, Format, Frames, Identity, Lifecycle, Limits, Outcome, Parts, Peer, Piece, Published,
    Reactor, Refusal, Replies, RequestId, Requests, Response, Sockets, StreamId, Streams,
};
use eventring::wire::http::Head;
use eventring::wire::ws::MessageKind;

const CLIENTS: usize = 5;
const STEPS: usize = 400;
const MAX_PENDING: usize = 3;
const AUTHORIZATION_S: u64 = 10;
const OUTCOME_S: u64 = 15;

/// What is true, and what the test has asked for.
#[derive(Default)]
struct World {
    /// Requests that wait, by their numbers.
    waiting: Vec<(u32, RequestId)>,
    /// Decisions that are to be handed to the reactor.
    decisions: VecDeque<(RequestId, Decision)>,
    /// The decision that was made for each request.
    decided: HashMap<u32, bool>,
    /// The outcome of each offset, from 1 on.
    outcomes: Vec<Option<Outcome>>,
    /// The offsets of each publish, and the second in which it was published.
    published: HashMap<u32, (Range<u64>, u64)>,
    /// The second in which each request that waits began to.
    began: HashMap<u32, u64>,
    second: u64,
    /// No more requests are made than may wait.
    has_room: bool,
}

impl World {
    fn outcome(&self, offsets: &Range<u64>) -> Option<Outcome> {
        let all = offsets.clone().map(|at| self.outcomes[at as usize - 1]);
        let all: Vec<Outcome> = all.collect::<Option<_>>()?;
        let bad = all.iter().find(|one| **one != Outcome::Visible);
        Some(bad.copied().unwrap_or(Outcome::Visible))
    }
}

/// A decision and the request that it is meant for.
struct Decision {
    number: u32,
    allowed: bool,
}

struct Fake(Rc<RefCell<World>>);

fn number_of(head: &Head) -> u32 {
    let number = head.path().rsplit('/').next().unwrap();
    number.parse().unwrap()
}

fn answer(status: u16, number: u32) -> Answer {
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

    fn body(&mut self, _: &mut u32, _: &[u8], _: &mut Parts<u32>) -> Result<(), Answer> {
        Ok(())
    }

    fn end(&mut self, number: u32, _: &mut Parts<u32>) -> Response<u32> {
        let mut world = self.0.borrow_mut();
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
            Outcome::Indeterminate => 502,
            Outcome::Timeout => 504,
        };
        out.extend_from_slice(&answer(status, number).bytes);
    }

    fn deferred(&mut self, _: u64, _: &mut Vec<u8>) -> Piece {
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

    fn closing(&mut self, (): &mut (), _: Option<DisconnectReason>, _: &mut Vec<u8>) {}

    fn closed(&mut self, (): ()) {}
}

impl Events for Fake {
    type Key = ();

    fn lifecycle(&mut self, _: Lifecycle<'_, ()>) {}

    fn feed(&mut self, _: &mut Frames<'_, Self>) {}

    fn is_behind(&self, _: u64) -> bool {
        false
    }

    fn outcome(&self, offsets: &Range<u64>) -> Option<Outcome> {
        self.0.borrow().outcome(offsets)
    }

    fn history(&mut self, part: CatchUp<'_, ()>, _: &mut Vec<u8>) -> CaughtUp {
        CaughtUp {
            next: part.to,
            events: 0,
            missed: 0,
            looked_at: 0,
        }
    }

    fn poll_commands(&mut self, streams: &mut Streams<'_, Self>) {
        for (id, decision) in self.0.borrow_mut().decisions.drain(..) {
            streams.resume(id, decision);
        }
    }

    fn arm(&mut self, _: u64) -> bool {
        true
    }

    fn disarm(&mut self) {}
}

impl Format for Fake {
    const FORMS: usize = 1;

    fn codec(_: FormId) -> Codec {
        Codec::Identity
    }

    fn frame_block(_: FormId, _: &[u8], _: bool, _: &mut Vec<u8>) {}

    fn heartbeat(&mut self, _: FormId, _: u64, _: &mut Vec<u8>) {}

    fn tick(&mut self, _: &mut Vec<u8>) {}

    fn disconnect(&mut self, _: FormId, _: DisconnectReason, _: &mut Vec<u8>) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Now,
    Later,
    Publish,
}

struct Client {
    socket: TcpStream,
    /// Requests that are not answered yet, in their order.
    expected: VecDeque<(Kind, u32)>,
    text: String,
    answers: usize,
    ended: bool,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self {
            socket,
            expected: VecDeque::new(),
            text: String::new(),
            answers: 0,
            ended: false,
        }
    }

    fn ask(&mut self, kind: Kind, number: u32) {
        let text = match kind {
            Kind::Now => format!("GET /now/{number} HTTP/1.1\r\nHost: x\r\n\r\n"),
            Kind::Later => format!("GET /later/{number} HTTP/1.1\r\nHost: x\r\n\r\n"),
            Kind::Publish => {
                format!("POST /publish/{number} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
            }
        };
        // A few requests fit into the socket's buffer.
        if self.socket.write_all(text.as_bytes()).is_ok() {
            self.expected.push_back((kind, number));
        }
    }

    /// Reads what has come, and judges each answer by the world as it is.
    fn read(&mut self, world: &World) {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => break self.ended = true,
                Ok(n) => self
                    .text
                    .push_str(std::str::from_utf8(&buffer[..n]).unwrap()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => break self.ended = true,
            }
        }
        while let Some(end) = self.text.find("\r\n\r\n") {
            let text: String = self.text.drain(..end + 4).collect();
            let mut words = text.split([' ', '\r']);
            let status: u16 = words.nth(1).unwrap().parse().unwrap();
            let number = text.split("X-Number: ").nth(1).unwrap();
            let number: u32 = number.split("\r\n").next().unwrap().parse().unwrap();
            let asked = self.expected.pop_front().expect("an answer to a request");
            judge(asked, status, number, world);
            self.answers += 1;
        }
    }
}

fn judge((kind, asked): (Kind, u32), status: u16, number: u32, world: &World) {
    let refused = matches!(status, 408 | 429);
    assert!(
        refused || number == asked,
        "{asked} got the answer of {number}"
    );
    match (kind, status) {
        (Kind::Now, 200) => {}
        (Kind::Later, 200) => assert_eq!(world.decided.get(&asked), Some(&true)),
        (Kind::Later, 403) => assert_eq!(world.decided.get(&asked), Some(&false)),
        (Kind::Later, 408) => {
            let waited = world.second - world.began[&asked];
            assert!(waited >= AUTHORIZATION_S, "told after {waited} s");
        }
        (Kind::Later, 429) => assert!(!world.has_room, "a slot is held by somebody who is gone"),
        (Kind::Publish, 504) => {
            let waited = world.second - world.published[&asked].1;
            assert!(waited >= OUTCOME_S, "told after {waited} s");
        }
        (Kind::Publish, status) => {
            // What an answer says is so, now and for ever: outcomes do not change.
            let outcome = world.outcome(&world.published[&asked].0);
            let expected = match status {
                201 => Outcome::Visible,
                500 => Outcome::Aborted,
                502 => Outcome::Indeterminate,
                other => panic!("{asked} was answered {other}"),
            };
            assert_eq!(outcome, Some(expected), "publish {asked}");
        }
        other => panic!("{asked} was answered {other:?}"),
    }
}

/// A small generator: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

struct Run {
    random: Random,
    world: Rc<RefCell<World>>,
    reactor: Reactor<Fake>,
    address: SocketAddr,
    clock: Arc<AtomicU64>,
    clients: Vec<Client>,
    last: u32,
}

impl Run {
    fn new(seed: u64, write_timeout_s: u64) -> Self {
        let world = Rc::new(RefCell::new(World::default()));
        let addresses = Addresses::default().tcp(vec![([127, 0, 0, 1], 0).into()]);
        let limits = Limits::default()
            .max_pending_authorizations(MAX_PENDING)
            .authorization_timeout(Duration::from_secs(AUTHORIZATION_S))
            .outcome_timeout(Duration::from_secs(OUTCOME_S))
            .idle_timeout(Duration::from_secs(100_000))
            .head_timeout(Duration::from_secs(100_000))
            .write_timeout(Duration::from_secs(write_timeout_s));
        let reactors = Reactor::bind(&addresses, limits, 1, 1, |_| Fake(world.clone())).unwrap();
        let mut reactor = reactors.into_iter().next().unwrap();
        let clock = Arc::new(AtomicU64::new(0));
        let (start, seconds) = (Instant::now(), clock.clone());
        reactor.set_clock(Box::new(move || {
            start + Duration::from_secs(1 + seconds.load(Ordering::Relaxed))
        }));
        let address = reactor.addresses()[0];
        Self {
            random: Random(seed),
            world,
            reactor,
            address,
            clock,
            clients: (0..CLIENTS).map(|_| Client::connect(address)).collect(),
            last: 0,
        }
    }

    fn turn(&mut self) {
        for _ in 0..4 {
            self.reactor.turn(Some(Duration::ZERO)).unwrap();
            let world = self.world.borrow();
            for client in &mut self.clients {
                client.read(&world);
            }
        }
        for client in &mut self.clients {
            if client.ended {
                *client = Client::connect(self.address);
            }
        }
    }

    fn ask(&mut self, client: usize, kind: Kind) {
        self.last += 1;
        self.clients[client].ask(kind, self.last);
    }

    /// Decides a request that waits, or has waited.
    fn decide(&mut self, which: usize, allowed: bool) {
        let mut world = self.world.borrow_mut();
        let (number, id) = world.waiting.swap_remove(which);
        world.decided.insert(number, allowed);
        world
            .decisions
            .push_back((id, Decision { number, allowed }));
    }

    fn step(&mut self) {
        let client = self.random.below(CLIENTS as u64) as usize;
        match self.random.below(16) {
            0..=2 => self.ask(client, Kind::Now),
            3..=5 => self.ask(client, Kind::Later),
            6..=9 => self.ask(client, Kind::Publish),
            10 | 11 => {
                let waiting = self.world.borrow().waiting.len() as u64;
                if waiting > 0 {
                    let which = self.random.below(waiting) as usize;
                    let allowed = self.random.below(2) == 0;
                    self.decide(which, allowed);
                }
            }
            12 | 13 => {
                let outcomes = [Outcome::Visible, Outcome::Aborted, Outcome::Indeterminate];
                let outcome = outcomes[self.random.below(4).saturating_sub(1) as usize];
                let mut world = self.world.borrow_mut();
                let open: Vec<usize> = (0..world.outcomes.len())
                    .filter(|at| world.outcomes[*at].is_none())
                    .collect();
                // Commits are of several events, and end in any order.
                let from = self.random.below(open.len() as u64 + 1) as usize;
                let count = 1 + self.random.below(4) as usize;
                for at in open.into_iter().skip(from).take(count) {
                    world.outcomes[at] = Some(outcome);
                }
            }
            14 => {
                let old =
                    std::mem::replace(&mut self.clients[client], Client::connect(self.address));
                if self.random.below(2) == 0 {
                    let socket = &old.socket;
                    rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO)).unwrap();
                }
            }
            _ => {
                let more = self.random.below(7);
                self.clock.fetch_add(more, Ordering::Relaxed);
                self.world.borrow_mut().second += more;
            }
        }
        if self.random.below(3) > 0 {
            self.turn();
        }
    }

    /// Decides and settles everything; then nobody may wait for anything.
    fn finish(&mut self) {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            for outcome in &mut self.world.borrow_mut().outcomes {
                outcome.get_or_insert(Outcome::Visible);
            }
            while !self.world.borrow().waiting.is_empty() {
                self.decide(0, true);
            }
            self.turn();
            if self.clients.iter().all(|client| client.expected.is_empty()) {
                return;
            }
            assert!(Instant::now() < patience, "somebody waits for ever");
        }
    }

    /// As many requests wait as may: no slot of one that is gone is held.
    fn fill(&mut self) {
        self.world.borrow_mut().has_room = true;
        for client in 0..MAX_PENDING {
            self.ask(client, Kind::Later);
        }
        let patience = Instant::now() + Duration::from_secs(20);
        while self.world.borrow().waiting.len() < MAX_PENDING {
            self.turn();
            assert!(Instant::now() < patience, "a request never came");
        }
        self.finish();
    }
}

#[test]
fn every_answer_is_true_whatever_the_order_of_what_it_waits_for() {
    let asked = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seeds = asked.map_or(0..24, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let run = std::panic::catch_unwind(|| {
            let mut run = Run::new(seed, 100_000);
            for _ in 0..STEPS {
                run.step();
            }
            run.finish();
            // Closed connections are noticed in a few turns more.
            for _ in 0..10 {
                run.turn();
            }
            run.fill();
        });
        if let Err(panic) = run {
            panic!("SEED={seed}: {:?}", panic.downcast_ref::<String>());
        }
    }
}

#[test]
fn an_outcome_is_waited_for_longer_than_a_peer_that_takes_nothing() {
    let mut run = Run::new(0, OUTCOME_S / 3);
    run.ask(0, Kind::Publish);
    let patience = Instant::now() + Duration::from_secs(20);
    while run.world.borrow().published.is_empty() {
        run.turn();
        assert!(Instant::now() < patience, "it was never published");
    }
    for _ in 0..2 {
        run.clock.fetch_add(OUTCOME_S / 2 - 1, Ordering::Relaxed);
        run.world.borrow_mut().second += OUTCOME_S / 2 - 1;
        for _ in 0..10 {
            run.turn();
        }
        assert_eq!(run.clients[0].expected.len(), 1, "it waits for its outcome");
    }
    run.clock.fetch_add(5, Ordering::Relaxed);
    run.world.borrow_mut().second += 5;
    let mut told = false;
    while !told {
        run.turn();
        told = run.clients[0].expected.is_empty();
        assert!(Instant::now() < patience, "it was never told");
    }
    // It was told by an answer, and the connection goes on.
    run.ask(0, Kind::Now);
    run.finish();
    assert_eq!(run.clients[0].answers, 2);
}

#[test]
fn who_has_published_may_idle_as_long_as_anybody() {
    let mut run = Run::new(0, OUTCOME_S);
    // The body comes later than the head, so that its own time has begun to run.
    let client = &mut run.clients[0];
    client
        .socket
        .write_all(b"POST /publish/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
        .unwrap();
    client.expected.push_back((Kind::Publish, 1));
    run.last = 1;
    for _ in 0..10 {
        run.turn();
    }
    run.clients[0].socket.write_all(b"ab").unwrap();
    run.finish();
    run.clock.fetch_add(1000, Ordering::Relaxed);
    for _ in 0..10 {
        run.turn();
    }
    run.ask(0, Kind::Now);
    run.finish();
    assert_eq!(run.clients[0].answers, 2, "on one connection");
}
