//! What a publish costs while others sleep on something else, and what callbacks and receivers get.
//!
//! `cargo bench -p eventring --bench hub --no-default-features --features pipeline`. Fails if 10,000 sleepers cost more
//! than twice what 100 do. With `--run WORKLOAD COUNT EVENTS` it does one thing and tells nothing, for
//! `scripts/bench-hub-instructions`.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use eventring::event::{Event, EventRef};
use eventring::hub::{Hub, Receiver, Subscription};
use eventring::pipeline::InMemoryStream;
use eventring::ring::Notify;

struct Ignore;

impl Notify for Ignore {
    fn notify(&self) {}
}

const EVENTS: u32 = 200_000;

type Make = fn(usize) -> Subscription;

/// What others sleep on. None of it takes the event that is published.
const KINDS: [(&str, Make); 5] = [
    ("topics", |n| {
        Subscription::topic(&format!("users.{n}.created"))
    }),
    ("patterns", |n| Subscription::topic(&format!("users.{n}.*"))),
    ("types", |n| Subscription::all().ty(&format!("Type{n}"))),
    ("types-of-one-topic", |n| {
        Subscription::topic("orders.>").ty(&format!("Type{n}"))
    }),
    ("one-class", |_| Subscription::topic("users.>")),
];

fn sleepers(hub: &Hub, count: usize, of: impl Fn(usize) -> Subscription) -> Vec<Receiver> {
    let ignore: Arc<Ignore> = Arc::new(Ignore);
    let mut all: Vec<_> = (0..count).map(|n| hub.subscribe(of(n)).unwrap()).collect();
    assert!(all.iter_mut().all(|receiver| receiver.arm(ignore.clone())));
    all
}

fn event<R>(work: impl FnOnce(EventRef<'_>) -> R) -> R {
    let mut event = Event::builder("orders.eu.created", "OrderPlaced");
    event.json(r#"{"amount":250,"currency":"EUR","customer":"c-1"}"#);
    work(event.build_ref().unwrap())
}

fn publish(hub: &Hub, events: u32) {
    event(|event| (0..events).for_each(|_| assert!(hub.publish(event).is_ok())));
}

/// The best of several rounds, nanoseconds an event.
fn best(mut round: impl FnMut(u32)) -> f64 {
    let mut time = || {
        let start = Instant::now();
        round(EVENTS);
        start.elapsed().as_nanos() as f64 / f64::from(EVENTS)
    };
    (0..7).map(|_| time()).fold(f64::INFINITY, f64::min)
}

/// Publishes while so many sleep on other things.
fn publish_past(make: Make, count: usize) -> f64 {
    let hub = Hub::new();
    let asleep = sleepers(&hub, count, make);
    let cost = best(|events| publish(&hub, events));
    assert_eq!(asleep.len(), count);
    cost
}

/// Callbacks, run by whoever publishes.
fn callbacks(count: usize) -> impl FnMut(u32) {
    let stream = InMemoryStream::new();
    let seen: Arc<[AtomicU64]> = (0..count).map(|_| AtomicU64::new(0)).collect();
    for n in 0..count {
        let seen = seen.clone();
        let subscribed = stream.subscribe("*", move |event| {
            // One thread at a time shows events: nothing to lock.
            let bytes = seen[n].load(Ordering::Relaxed) + event.data().len() as u64;
            seen[n].store(bytes, Ordering::Relaxed);
            Ok(())
        });
        subscribed.unwrap();
    }
    move |events| {
        let mut event = Event::builder("t", "t");
        let event = event.json("1").build_ref().unwrap();
        let sum = || -> u64 { seen.iter().map(|one| one.load(Ordering::Relaxed)).sum() };
        let before = sum();
        (0..events).for_each(|_| assert!(stream.publish(event).is_ok()));
        let shown = sum() - before;
        assert_eq!(shown, u64::from(events) * count as u64);
    }
}

/// One publisher, and receivers that read in place on one thread in turns.
fn receivers(count: usize, of: Make) -> impl FnMut(u32) {
    let hub = Hub::new();
    let mut receivers: Vec<_> = (0..count).map(|n| hub.subscribe(of(n)).unwrap()).collect();
    move |events| {
        let mut seen = 0;
        for _ in 0..events / 100 {
            publish(&hub, 100);
            for receiver in &mut receivers {
                seen += receiver.drain(usize::MAX, |_, _| {}).unwrap_or(0);
            }
        }
        assert_eq!(seen, events as usize / 100 * 100 * count);
    }
}

/// Receivers with one filter, which is judged once for all of them.
const ONE_CLASS: Make = |_| Subscription::topic("orders.>").matching(r#"/data/customer == "c-1""#);
/// Receivers with filters that take the same and are written differently: each is judged.
const OWN_CLASS: Make =
    |n| Subscription::topic("orders.>").matching(&format!("/data/amount != {n}.5"));

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, workload, count, events] = &arguments[..]
        && flag == "--run"
    {
        return run(workload, count.parse().unwrap(), events.parse().unwrap());
    }
    let mut worst: f64 = 0.0;
    println!("publish, ns an event, with so many asleep on other things:");
    for (name, make) in KINDS {
        let costs = [0, 1, 100, 10_000].map(|count| publish_past(make, count));
        println!(
            "  {name:<18} 0: {:>5.0}  1: {:>5.0}  100: {:>5.0}  10,000: {:>5.0}",
            costs[0], costs[1], costs[2], costs[3]
        );
        worst = worst.max(costs[3] / costs[2]);
    }
    println!("10,000 against 100: {worst:.2} times at worst");
    let mega = |cost: f64| 1e3 / cost;
    println!(
        "10 callbacks: {:.2} M events/s published, each shown ten times",
        mega(best(callbacks(10)))
    );
    println!(
        "10 receivers: {:.2} M events/s published, each received ten times",
        mega(best(receivers(10, |_| Subscription::all())))
    );
    println!(
        "10 receivers of one predicate: {:.2} M events/s; of ten: {:.2}",
        mega(best(receivers(10, ONE_CLASS))),
        mega(best(receivers(10, OWN_CLASS)))
    );
    assert!(worst <= 2.0, "more than linear in nothing at all");
}

/// One workload, for somebody who counts instructions.
fn run(workload: &str, count: usize, events: u32) {
    match workload {
        "callbacks" => callbacks(count)(events),
        "receivers" => receivers(count, |_| Subscription::all())(events),
        "receivers-one-class" => receivers(count, ONE_CLASS)(events),
        "receivers-own-class" => receivers(count, OWN_CLASS)(events),
        "batches" => {
            let hub = Hub::new();
            let batches = events / count as u32;
            event(|event| {
                (0..batches).for_each(|_| {
                    let batch = std::iter::repeat_n(event, count);
                    assert!(hub.publish_batch_iter(batch).is_ok());
                });
            });
        }
        _ => {
            let known = KINDS.iter().find(|(name, _)| *name == workload);
            let (_, make) = known.expect("a workload");
            let hub = Hub::new();
            let asleep = sleepers(&hub, count, make);
            publish(&hub, events);
            assert_eq!(asleep.len(), count);
        }
    }
}
