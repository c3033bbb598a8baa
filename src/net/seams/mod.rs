//! A dumb model judges the reactor's seams: what clients are told, in random orders of decisions, outcomes, room,
//! disconnects, timeouts and pipelining, must be true at that moment.
//!
//! The service here knows nothing but a list of facts. Each request has a number of its own, which its answer repeats, so
//! that an answer which reaches somebody else is seen. A failing run prints its seed: `SEED=n` runs it again.

mod client;
mod fake;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use self::client::{Client, Kind};
use self::fake::{Decision, Fake, PIECES, STREAM_BYTES, World};
use crate::deadline::after;
use crate::net::{Addresses, Limits, Outcome, Reactor};

const CLIENTS: usize = 5;
const STEPS: usize = 400;
const MAX_PENDING: usize = 3;
const AUTHORIZATION_S: u64 = 10;
const OUTCOME_S: u64 = 15;
const ROOM_S: u64 = 5;

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
        let addresses = Addresses {
            tcp: vec![([127, 0, 0, 1], 0).into()],
            ..Addresses::default()
        };
        let limits = Limits {
            max_pending_authorizations: MAX_PENDING,
            authorization_timeout: Duration::from_secs(AUTHORIZATION_S),
            outcome_timeout: Duration::from_secs(OUTCOME_S),
            publish_timeout: Duration::from_secs(ROOM_S),
            idle_timeout: Duration::from_secs(100_000),
            head_timeout: Duration::from_secs(100_000),
            write_timeout: Duration::from_secs(write_timeout_s),
            ..Limits::default()
        };
        let reactors = Reactor::bind(&addresses, limits, 1, |_| Fake(world.clone())).unwrap();
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
        match self.random.below(18) {
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
                let outcomes = [
                    Outcome::Visible,
                    Outcome::Aborted,
                    Outcome::NoSpace,
                    Outcome::Indeterminate,
                ];
                let outcome = outcomes[self.random.below(5).saturating_sub(1) as usize];
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
            15 | 16 => {
                let mut world = self.world.borrow_mut();
                world.is_full = !world.is_full;
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
        let patience = after(Instant::now(), Duration::from_secs(20));
        self.world.borrow_mut().is_full = false;
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
        let patience = after(Instant::now(), Duration::from_secs(20));
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
    let patience = after(Instant::now(), Duration::from_secs(20));
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

/// Whoever finds no room keeps what it has published before, and its place; what it has sent behind waits unread.
#[test]
fn who_finds_no_room_waits_for_it_and_is_then_told() {
    let mut run = Run::new(0, 100_000);
    run.ask(0, Kind::Publish);
    run.world.borrow_mut().is_full = true;
    let patience = after(Instant::now(), Duration::from_secs(20));
    for kind in [Kind::Publish, Kind::Publish, Kind::Now] {
        run.ask(0, kind);
    }
    while run.world.borrow().stalled.is_empty() {
        run.turn();
        assert!(Instant::now() < patience, "it never waited");
    }
    assert_eq!(run.world.borrow().stalled.len(), 1, "the next is not read");
    let first = run.clients[0].expected.front().unwrap().1;
    for _ in 0..ROOM_S - 1 {
        run.clock.fetch_add(1, Ordering::Relaxed);
        run.world.borrow_mut().second += 1;
        for _ in 0..10 {
            run.turn();
        }
    }
    assert_eq!(run.clients[0].expected.front().unwrap().1, first);
    for second in 0..4 * ROOM_S {
        run.clock.fetch_add(1, Ordering::Relaxed);
        run.world.borrow_mut().second += 1;
        if second == 2 * ROOM_S {
            run.world.borrow_mut().is_full = false;
        }
        for _ in 0..10 {
            run.turn();
        }
    }
    run.finish();
    assert_eq!(run.clients[0].answers, 4, "all of them on one connection");
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

/// Once: each further piece waited for whatever woke the thread next, up to a second.
#[test]
fn nobody_sleeps_in_the_middle_of_an_answer() {
    let mut run = Run::new(0, OUTCOME_S);
    let client = &mut run.clients[0];
    client
        .socket
        .write_all(b"GET /pieces/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    client.expected.push_back((Kind::Now, 1));
    let patience = after(Instant::now(), Duration::from_secs(20));
    let mut pieces = 0;
    while pieces < PIECES {
        let sleeps = run.reactor.next_deadline().is_some();
        assert!(pieces == 0 || !sleeps, "behind piece {pieces}");
        assert!(Instant::now() < patience, "it was never asked for");
        run.reactor.turn(Some(Duration::ZERO)).unwrap();
        pieces = run.world.borrow().pieces;
    }
    run.finish();
    assert_eq!(run.clients[0].answers, 1);
}

/// Once: who sent something while more waited for it than a visit gives was read, and then left in the middle of it.
#[test]
fn who_sends_on_its_stream_gets_all_of_it() {
    let mut run = Run::new(0, OUTCOME_S);
    let mut socket = TcpStream::connect(run.address).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
        .write_all(b"GET /stream/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let patience = after(Instant::now(), Duration::from_secs(20));
    let (mut came, mut buffer) = (0, vec![0; 1 << 20]);
    while came < STREAM_BYTES {
        assert!(Instant::now() < patience, "{came} bytes, then nothing");
        // Dropped by the server, as much of it as there is.
        if came < STREAM_BYTES / 2 {
            let _ = socket.write(&buffer);
        }
        run.reactor.turn(Some(Duration::ZERO)).unwrap();
        came += socket.read(&mut buffer).unwrap_or(0);
    }
    assert_eq!(came, STREAM_BYTES);
}
