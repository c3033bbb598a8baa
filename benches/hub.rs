//! What a publish costs while others sleep on something else, and what callbacks and receivers get.
//!
//! `cargo bench -p eventring --bench hub --no-default-features --features stream`. Fails if 10,000 sleepers cost more
//! than twice what 100 do.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::sync::Arc;
use std::time::Instant;

use eventring::event::Event;
use eventring::hub::{Hub, Receiver, Subscription};
use eventring::ring::Notify;

struct Ignore;

impl Notify for Ignore {
    fn notify(&self) {}
}

const EVENTS: u32 = 200_000;

fn sleepers(hub: &Hub, count: usize, of: impl Fn(usize) -> Subscription) -> Vec<Receiver> {
    let ignore: Arc<Ignore> = Arc::new(Ignore);
    let mut all: Vec<_> = (0..count).map(|n| hub.subscribe(of(n)).unwrap()).collect();
    assert!(all.iter_mut().all(|receiver| receiver.arm(ignore.clone())));
    all
}

/// The best of several rounds, nanoseconds an event.
fn publish_cost(hub: &Hub) -> f64 {
    let mut event = Event::new("orders.eu.created", "OrderPlaced");
    let event = event
        .json(r#"{"amount":250,"currency":"EUR","customer":"c-1"}"#)
        .build()
        .unwrap();
    let round = || {
        let start = Instant::now();
        (0..EVENTS).for_each(|_| assert!(hub.publish(event).is_ok()));
        start.elapsed().as_nanos() as f64 / f64::from(EVENTS)
    };
    (0..7).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn main() {
    type Make = fn(usize) -> Subscription;
    let kinds: [(&str, Make); 4] = [
        ("topics", |n| {
            Subscription::topic(&format!("users.{n}.created"))
        }),
        ("patterns", |n| Subscription::topic(&format!("users.{n}.*"))),
        ("types", |n| Subscription::all().ty(&format!("Type{n}"))),
        ("one class", |_| Subscription::topic("users.>")),
    ];
    let mut worst: f64 = 0.0;
    println!("publish, ns an event, with so many asleep on other things:");
    for (name, make) in kinds {
        let cost = |count| {
            let hub = Hub::new();
            let asleep = sleepers(&hub, count, make);
            let cost = publish_cost(&hub);
            assert_eq!(asleep.len(), count);
            cost
        };
        let costs = [0, 1, 100, 10_000].map(cost);
        println!(
            "  {name:<10} 0: {:>5.0}  1: {:>5.0}  100: {:>5.0}  10,000: {:>5.0}",
            costs[0], costs[1], costs[2], costs[3]
        );
        worst = worst.max(costs[3] / costs[2]);
    }
    println!("10,000 against 100: {worst:.2} times at worst");
    assert!(worst <= 2.0, "more than linear in nothing at all");
    many_receivers();
    #[cfg(feature = "stream")]
    many_callbacks();
}

/// Ten callbacks, run by whoever publishes.
#[cfg(feature = "stream")]
fn many_callbacks() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let stream = eventring::stream::InMemoryStream::new();
    let seen: Arc<AtomicU64> = Arc::default();
    for _ in 0..10 {
        let seen = seen.clone();
        let subscribed = stream.subscribe("*", move |event| {
            seen.fetch_add(event.data().len() as u64, Ordering::Relaxed);
            Ok(())
        });
        subscribed.unwrap();
    }
    let mut event = Event::new("t", "t");
    let event = event.json("1").build().unwrap();
    let start = Instant::now();
    (0..EVENTS).for_each(|_| assert!(stream.publish(event).is_ok()));
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(seen.load(Ordering::Relaxed), u64::from(EVENTS) * 10);
    println!(
        "10 callbacks: {:.2} M events/s published, each shown ten times",
        f64::from(EVENTS) / seconds / 1e6
    );
}

/// One publisher, ten receivers that read in place on one thread in turns.
fn many_receivers() {
    let hub = Hub::new();
    let mut receivers: Vec<_> = (0..10)
        .map(|_| hub.subscribe(Subscription::all()).unwrap())
        .collect();
    let mut event = Event::new("t", "t");
    let event = event.json(r#"{"n":1}"#).build().unwrap();
    let mut seen = 0usize;
    let start = Instant::now();
    for _ in 0..EVENTS / 100 {
        (0..100).for_each(|_| assert!(hub.publish(event).is_ok()));
        for receiver in &mut receivers {
            seen += receiver.drain(usize::MAX, |_, _| {}).unwrap_or(0);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(seen, EVENTS as usize * 10);
    println!(
        "10 receivers: {:.2} M events/s published, each received ten times",
        f64::from(EVENTS) / seconds / 1e6
    );
}
