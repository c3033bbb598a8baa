//! Clients behind a network that cuts every connection, while events are published: none may be lost or
//! come twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eventring::event::EventBuilder;
use eventring::hub::Hub;

use super::proxy::Proxy;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Clients that are cut at the same time.
const CLIENTS: u64 = 4;
/// How far the publisher may be ahead of the slowest client: all of it is kept.
const AHEAD: u64 = 2000;

/// Judges what one client gets.
pub(crate) struct Judge {
    next: u64,
    lost: u64,
    seen: Arc<AtomicU64>,
    end: Arc<AtomicU64>,
    deadline: Instant,
}

impl Judge {
    /// Takes an event; `true`: it is the last.
    pub(crate) fn event(&mut self, id: &str, text: &str) -> bool {
        let offset: u64 = id.rsplit('-').next().unwrap().parse().unwrap();
        assert_eq!(offset, self.next, "after {} cuts", self.lost);
        assert_eq!(text, format!("event {offset}"));
        self.next += 1;
        self.seen.store(offset, Ordering::Relaxed);
        offset == self.end.load(Ordering::Relaxed)
    }

    /// Takes the news that a connection is gone.
    pub(crate) fn lost(&mut self) {
        self.lost += 1;
        let (next, lost) = (self.next, self.lost);
        assert!(Instant::now() < self.deadline, "at {next} after {lost}");
    }
}

/// Publishes until connections were cut so often, and then a last event. `read` reads by way of an address
/// up to the event that the judge says is the last.
pub(crate) fn storm(
    (hub, server): (&Hub, SocketAddr),
    cuts: u64,
    read: impl Fn(SocketAddr, &mut Judge) + Clone + Send + 'static,
) {
    let end = Arc::new(AtomicU64::new(u64::MAX));
    let calm = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicU64::new(0));
    let deadline = Instant::now() + PATIENCE;
    let readers = (1..=CLIENTS).map(|seed| {
        let proxy = Proxy::start(server, seed, calm.clone(), done.clone());
        let seen = Arc::new(AtomicU64::new(0));
        let mut judge = Judge {
            next: 1,
            lost: 0,
            seen: seen.clone(),
            end: end.clone(),
            deadline,
        };
        let read = read.clone();
        let reader = std::thread::spawn(move || {
            read(proxy, &mut judge);
            judge.lost
        });
        (reader, seen)
    });
    let readers: Vec<_> = readers.collect();
    let mut builder = EventBuilder::new();
    let mut publish = |number: u64| {
        let text = format!("event {number}");
        builder.clear().topic("a").ty("t").text(&text);
        hub.publish(builder.build_ref().unwrap()).unwrap();
    };
    let mut number = 0;
    while done.load(Ordering::Relaxed) < cuts {
        let so_far = done.load(Ordering::Relaxed);
        assert!(Instant::now() < deadline, "{so_far} cuts");
        let seen = readers.iter().map(|(_, seen)| seen.load(Ordering::Relaxed));
        if number > seen.min().unwrap() + AHEAD {
            std::thread::yield_now();
            continue;
        }
        number += 1;
        publish(number);
    }
    calm.store(true, Ordering::Relaxed);
    end.store(number + 1, Ordering::Relaxed);
    publish(number + 1);
    let lost = readers
        .into_iter()
        .map(|(reader, _)| reader.join().unwrap());
    let lost: u64 = lost.sum();
    assert!(lost >= cuts * 99 / 100, "{lost} of {cuts} cuts were seen");
}
