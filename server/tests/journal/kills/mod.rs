//! `kill -9` at random points under 32 publishers, over and over on the same files: nothing acknowledged is lost, nothing is
//! half there, nothing that a reader saw is gone without a word.
//!
//! `KILL_ROUNDS` says how many, `KILL_SEED` repeats a run.

mod checker;
mod payload;
mod publisher;
mod reader;

use crate::common::{Http, Process, Server, epoch, measured, wait_until};
use crate::random::Random;
use payload::payload;
use publisher::{Answer, Publisher, Sent, Traffic};
use reader::Reader;
use rustix::process::Signal;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PUBLISHERS: u64 = 32;
/// Rounds where nobody says how many.
const ROUNDS: u64 = 20;

/// One journal and all that is known of it, from the first round on.
struct World {
    random: Random,
    data: tempfile::TempDir,
    /// The durability of the server.
    durability: &'static str,
    /// The next event of each publisher.
    next: Vec<u64>,
    /// Events of its own so far.
    marks: u64,
    /// Reads along with publishers.
    live: Reader,
    /// Reads the journal after each start.
    after: Reader,
    epoch: Option<String>,
    /// What was published in the round before, and not looked for yet.
    sent: Vec<Sent>,
    wal: Vec<u64>,
    acknowledged: u64,
    /// What processes that were killed had done beside commits.
    merges: u64,
    checkpoints: u64,
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|e| panic!("{name}: {e}")))
}

fn seed() -> u64 {
    let random = || std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
    number("KILL_SEED").unwrap_or_else(random)
}

impl World {
    fn new(seed: u64, durability: &'static str) -> World {
        World {
            random: Random::new(seed),
            data: tempfile::tempdir().expect("a folder"),
            durability,
            next: vec![0; PUBLISHERS as usize],
            marks: 0,
            live: Reader::default(),
            after: Reader::default(),
            epoch: None,
            sent: Vec::new(),
            wal: Vec::new(),
            acknowledged: 0,
            merges: 0,
            checkpoints: 0,
        }
    }

    fn is_default_none(&self) -> bool {
        self.durability == "none"
    }

    fn start(&self) -> Server {
        // Little in memory: what was published before is read from the journal.
        let flags = [
            "--durability",
            self.durability,
            "--capacity",
            "4096",
            "--log-level",
            "warn",
        ];
        // A reader that checks every byte takes its time for what is left at a stop.
        let more = ["--batch-events", "200", "--stop-timeout", "25"];
        Server::start_on(self.data.path(), &[&flags as &[_], &more].concat())
    }

    /// Kills a server that is starting, on the way through whatever it does there.
    fn kill_a_start(&mut self) {
        let data = self.data.path().to_str().expect("UTF-8");
        let mut process = Process::eventring(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
        let (time, began) = (
            Duration::from_micros(self.random.within(0, 40_000)),
            Instant::now(),
        );
        while began.elapsed() < time && !process.has_ended() {
            thread::yield_now();
        }
        if process.has_ended() {
            panic!("it ended by itself: {}", process.stderr());
        }
        process.signal(Signal::KILL);
        process.wait();
    }

    /// Starts, looks for what the round before has left, publishes, and kills.
    fn round(&mut self) {
        while self.random.one_in(4) {
            self.kill_a_start();
        }
        let server = self.start();
        self.look(&server);
        let traffic = match self.random.within(0, 3) {
            0 => Traffic::Small,
            1 => Traffic::Batches,
            2 => Traffic::Large,
            _ => Traffic::Mixed,
        };
        let most = match traffic {
            Traffic::Small => 600,
            Traffic::Batches => 200,
            Traffic::Large => 120,
            Traffic::Mixed => 300,
        };
        let target = self.random.within(1, most);
        let is_clean = self.random.one_in(8);
        let exact = Duration::from_micros(self.random.within(0, 3_000));
        let (over, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
        let stream = self.live.open(server.address);
        let (address, next) = (server.address, self.next.clone());
        let publishers: Vec<Publisher> = (0..PUBLISHERS)
            .map(|p| Publisher {
                p,
                random: Random::new(self.random.next()),
                traffic,
                is_default_none: self.is_default_none(),
            })
            .collect();
        let live = &mut self.live;
        let (over, acknowledged) = (&over, &acknowledged);
        let data = self.data.path();
        let (sent, wal, done) = thread::scope(|scope| {
            scope.spawn(move || live.follow(stream, over));
            let publishers: Vec<_> = publishers
                .into_iter()
                .zip(next)
                .map(|(publisher, n)| scope.spawn(move || publisher.run(address, n, acknowledged)))
                .collect();
            wait_until("what is to be acknowledged", || {
                acknowledged.load(Ordering::Relaxed) >= target
                    || publishers.iter().any(|publisher| publisher.is_finished())
            });
            let done = beside_commits(server.address);
            // Off the beat of the answers.
            let began = Instant::now();
            while began.elapsed() < exact {
                std::hint::spin_loop();
            }
            let wal = wal_bytes(data);
            stop(server, is_clean);
            let sent = publishers
                .into_iter()
                .flat_map(|publisher| publisher.join().expect("a publisher that is content"));
            let sent: Vec<Sent> = sent.collect();
            over.store(true, Ordering::Release);
            (sent, wal, done)
        });
        self.wal.push(wal);
        if !is_clean {
            self.merges += done.0;
            self.checkpoints += done.1;
        }
        self.acknowledged += acknowledged.load(Ordering::Relaxed);
        for sent in &sent {
            let next = &mut self.next[sent.p as usize];
            *next = (*next).max(sent.n + sent.count);
        }
        self.sent = sent;
    }

    /// Looks for what the round before has published.
    fn look(&mut self, server: &Server) {
        let health = server.health();
        let epoch = epoch(&health.head).to_owned();
        let before = self.epoch.get_or_insert_with(|| epoch.clone());
        assert_eq!(*before, epoch, "the same log");
        // The last event of all: up to it everything is there that will be.
        let (n, data) = (self.marks, payload(PUBLISHERS, self.marks, 0));
        self.marks += 1;
        let mark = crate::common::offset(&server.publish("mark", &data));
        self.sent.push(Sent {
            p: PUBLISHERS,
            n,
            count: 1,
            is_kept: false,
            answer: Answer::Acknowledged(mark),
        });
        self.after.read_to(server.address, mark);
        let may_lose = self.is_default_none();
        let told = &self.after.gaps;
        checker::check(
            &self.sent,
            &self.after.seen,
            &self.live.seen,
            may_lose,
            told,
        );
        if !may_lose {
            assert_eq!(self.after.gaps, [], "gaps of nothing");
            assert_eq!(self.live.gaps, [], "gaps of nothing");
        }
        self.sent.clear();
    }

    /// Runs rounds, looks for what the last one has left, and reads all of it once more.
    fn run(&mut self, rounds: u64) {
        for _ in 0..rounds {
            self.round();
        }
        let server = self.start();
        self.look(&server);
        let mut whole = Reader::default();
        whole.read_to(server.address, self.after.offset());
        if !self.is_default_none() {
            assert_eq!(whole.seen.len() as u64, self.after.offset());
        }
        let response = Http::connect(server.address)
            .get("/health/ready")
            .response();
        assert_eq!(response.status, 200);
    }
}

fn wal_bytes(data: &Path) -> u64 {
    let wal = std::fs::metadata(data.join("journal.sqlite-wal"));
    wal.map_or(0, |wal| wal.len())
}

/// How often it has merged and checkpointed.
fn beside_commits(address: SocketAddr) -> (u64, u64) {
    let stats = Http::connect(address).get("/api/v1/stats").response();
    assert_eq!(stats.status, 200);
    let journal = &stats.json()["journal"];
    let number = |name: &str| {
        let number = journal[name].as_u64();
        number.unwrap_or_else(|| panic!("{name}: {journal}"))
    };
    (number("merges"), number("checkpoints"))
}

fn stop(mut server: Server, is_clean: bool) {
    if !is_clean {
        server.signal(Signal::KILL);
        server.process.wait();
        return;
    }
    server.signal(Signal::TERM);
    let code = server.process.code();
    let said = server.process.stderr();
    assert!(
        code == 0 && said.contains("the journal is closed"),
        "{code}: {said}"
    );
}

/// Runs rounds with a seed that is told before anything can go wrong.
fn rounds(durability: &'static str, rounds: u64) {
    let seed = seed();
    measured(&format!("{durability}: {rounds} rounds, KILL_SEED={seed}"));
    let began = Instant::now();
    let mut world = World::new(seed, durability);
    world.run(rounds);
    world.wal.sort_unstable();
    // In so many rounds one is killed behind a checkpoint.
    let largest = world.wal.last().copied().unwrap_or(0);
    assert!(
        rounds < ROUNDS || largest > 4 << 20,
        "no log of writes was long enough to be copied: {largest} bytes"
    );
    let mib = |wal: Option<&u64>| wal.map_or(0.0, |wal| *wal as f64 / f64::from(1 << 20));
    measured(&format!(
        "{durability}: {} acknowledged requests, {} events in the journal, WAL {:.1} to {:.1} MiB at the kill, {} merges and {} checkpoints before it, {} gaps told, {} s",
        world.acknowledged,
        world.after.offset(),
        mib(world.wal.first()),
        mib(world.wal.last()),
        world.merges,
        world.checkpoints,
        world.live.gaps.len(),
        began.elapsed().as_secs(),
    ));
    // Kills that meet nothing but commits would show little.
    if rounds >= ROUNDS {
        assert!(
            world.merges > 0,
            "no merge ran in a process that was killed"
        );
        assert!(world.checkpoints > 0, "no checkpoint ran in one");
    }
}

#[test]
fn kills_lose_nothing_that_is_durable() {
    rounds("durable", number("KILL_ROUNDS").unwrap_or(ROUNDS));
}

#[test]
fn kills_lose_nothing_that_is_written() {
    rounds("buffered", number("KILL_ROUNDS").unwrap_or(ROUNDS) / 4);
}

#[test]
fn kills_beside_events_in_memory_lose_no_other() {
    rounds("none", number("KILL_ROUNDS").unwrap_or(ROUNDS) / 4);
}
