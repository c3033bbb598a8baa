//! Clients and a publisher behind a network that cuts, delays, resets and stalls at random: each
//! client must end up with exactly its events, once and in order, or with gaps whose numbers fit.
//!
//! A run is one seed. The seeds 1 to 3 run by default, and one that is new each time; a failure
//! prints its seed. `CHAOS_SEED=7` runs that one alone, `CHAOS_SECONDS=300` new ones for that long.
//! The seed decides about every fault; which byte it meets depends on the machine, so that a
//! failure may take several runs to come back.

mod client;
mod oracle;
mod proxy;
mod publisher;
mod random;

use client::{Client, Session};
use eventring::event::Filter;
use eventring::gateway::{Server, ServerConfig};
use eventring::hub::{Hub, StartFrom, Subscription};
use oracle::{Published, Truth};
use proxy::Proxy;
use publisher::{Attempt, Publisher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long one seed may take in all.
const PATIENCE: Duration = Duration::from_secs(60);
/// Events that the hub keeps: few, so that who is away for long meets a gap.
const CAPACITY: usize = 64;
/// Requests that the publisher must get an answer to.
const PUBLISHES: u64 = 250;
/// The topic of the last event, which every client wants beside its own.
const END: &str = "end";

const TOPICS: [&str; 4] = ["a.x", "a.y", "b.x", "b.y.z"];
const FILTERS: [&str; 6] = [">", "a.*", "*.x", "b.>", "b.y.z", QUIET];
/// Nothing is published there: only heartbeats keep its client from falling behind.
const QUIET: &str = "quiet";

/// What a run met, so that a test that met nothing does not pass for one that held.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    sessions: usize,
    gaps: usize,
    heartbeats: usize,
    unanswered: usize,
    events: usize,
}

impl std::ops::AddAssign for Met {
    fn add_assign(&mut self, more: Self) {
        self.sessions += more.sessions;
        self.gaps += more.gaps;
        self.heartbeats += more.heartbeats;
        self.unanswered += more.unanswered;
        self.events += more.events;
    }
}

#[test]
fn whatever_the_network_does_each_client_is_told_the_truth() {
    let given = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    if let Some(seed) = given("CHAOS_SEED") {
        run(seed);
        return;
    }
    let start = Instant::now();
    let least = Duration::from_secs(given("CHAOS_SECONDS").unwrap_or(0));
    let mut all = run_at_once([1, 2, 3, random::fresh()]);
    while start.elapsed() < least {
        all += run_at_once(std::array::from_fn(|_| random::fresh()));
    }
    assert!(all.sessions > 8 * FILTERS.len(), "nobody was cut: {all:?}");
    assert!(all.gaps > 0, "nobody missed anything: {all:?}");
    assert!(all.unanswered > 0, "no answer was lost: {all:?}");
}

fn run_at_once(seeds: [u64; 4]) -> Met {
    let runs = seeds.map(|seed| std::thread::spawn(move || run(seed)));
    let mut all = Met::default();
    for run in runs {
        all += run.join().expect("the run says what it found");
    }
    all
}

/// Runs a seed, and says which one it was.
#[allow(clippy::print_stderr)]
fn run(seed: u64) -> Met {
    struct OnFailure(u64);
    impl Drop for OnFailure {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed: CHAOS_SEED={}", self.0);
            }
        }
    }
    let _told = OnFailure(seed);
    let met = chaos(seed);
    eprintln!("seed {seed}: {met:?}");
    met
}

fn config() -> ServerConfig {
    ServerConfig::default()
        .listen(([127, 0, 0, 1], 0).into())
        .frame_log_bytes(64 << 10)
        .half_sent_bytes(64 << 10)
        .private_bytes(8 << 10)
        .send_buffer(Some(8 << 10))
        .write_timeout(Duration::from_millis(250))
        .heartbeat(Duration::from_secs(1))
}

fn chaos(seed: u64) -> Met {
    let hub = Hub::builder().capacity(CAPACITY).build().unwrap();
    let server = Server::bind(&hub, config()).unwrap().spawn().unwrap();
    let proxy = Proxy::start(server.addr(), seed);
    let deadline = Instant::now() + PATIENCE;
    let recorded = Arc::new(AtomicU64::new(0));
    let truth = record(&hub, &recorded);
    let clients: Vec<_> = FILTERS
        .iter()
        .enumerate()
        .map(|(n, filter)| {
            let random = random::Random::new(seed, 1000 + n as u64);
            let mut client = Client::new(proxy.address(), filter, hub.clone(), random, deadline);
            std::thread::spawn(move || client.run())
        })
        .collect();
    let mut publisher = Publisher::new(proxy.address(), seed, deadline);
    for number in 0..PUBLISHES {
        publisher.publish(number);
        // The record must not be lapped itself.
        while hub.head() > recorded.load(Ordering::Acquire) + CAPACITY as u64 / 4 {
            assert!(Instant::now() < deadline, "the record stands still");
            std::thread::yield_now();
        }
    }
    proxy.calm();
    publisher.publish_to(END);
    let sessions: Vec<Vec<Session>> = clients
        .into_iter()
        .map(|client| client.join().expect("a client"))
        .collect();
    // Not before: who comes to a closed hub is turned away.
    hub.close();
    let truth = Truth(truth.join().expect("the record"));
    judge(&truth, &publisher.attempts, &sessions)
}

/// Writes down all that is published, on a thread of its own, until the hub is closed.
fn record(hub: &Hub, recorded: &Arc<AtomicU64>) -> std::thread::JoinHandle<Vec<Published>> {
    let subscription = Subscription::all().start(StartFrom::Beginning);
    let mut receiver = hub.subscribe(subscription).unwrap();
    let recorded = recorded.clone();
    std::thread::spawn(move || {
        let mut all = Vec::new();
        for delivery in receiver.by_ref() {
            let delivery = delivery.expect("the record keeps up");
            let event = delivery.event.as_ref();
            all.push(Published {
                topic: event.topic().to_owned(),
                data: String::from_utf8(event.data().to_vec()).expect("JSON"),
            });
            // Release: pairs with the Acquire of the publisher's wait.
            recorded.store(delivery.position.offset, Ordering::Release);
        }
        all
    })
}

fn judge(truth: &Truth, attempts: &[Attempt], clients: &[Vec<Session>]) -> Met {
    truth.judge_publisher(attempts);
    let mut met = Met {
        unanswered: attempts.iter().filter(|a| a.answer.is_none()).count(),
        ..Met::default()
    };
    for (pattern, sessions) in FILTERS.iter().zip(clients) {
        let filter = Filter::parse([*pattern, END]).unwrap();
        let (gaps, heartbeats) = truth.judge_client(&filter, sessions);
        met.gaps += gaps;
        met.heartbeats += heartbeats;
        met.sessions += sessions.len();
        met.events += sessions.iter().map(|s| s.events.len()).sum::<usize>();
    }
    met
}
