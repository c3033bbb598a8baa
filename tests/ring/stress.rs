//! Real threads for some seconds: order, completeness, exact lag, and values that are whole.

use eventring::ring::{Builder, Overflow, Publisher, RecvError, Start, Subscriber, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

const RUN: Duration = Duration::from_secs(2);

/// A value that can be seen to be torn or freed.
struct Value {
    n: u64,
    text: String,
}

impl Value {
    fn new(n: u64) -> Self {
        Self {
            n,
            text: n.to_string(),
        }
    }

    fn check(&self, sequence: u64) {
        assert_eq!(self.n, sequence);
        assert_eq!(self.text, sequence.to_string());
    }
}

fn publish_for_a_while(publisher: &mut Publisher<Value>) -> u64 {
    let end = Instant::now() + RUN;
    while Instant::now() < end {
        for _ in 0..20 {
            let next = publisher.next();
            publisher
                .publish(Value::new(next))
                .unwrap_or_else(|_| panic!("it waits for ever"));
        }
        let batch: Vec<_> = (0..7).map(|at| Value::new(publisher.next() + at)).collect();
        publisher.publish_batch(batch).unwrap();
        let oldest = publisher.oldest();
        publisher.trim(oldest + 30, |value| value.check(value.n));
    }
    publisher.close();
    publisher.next()
}

/// Reads to the end; returns how many were read and missed.
fn read(mut subscriber: Subscriber<Value>, style: usize) -> (u64, u64) {
    let (mut seen, mut missed) = (0, 0);
    loop {
        let before = subscriber.position();
        let result = match style {
            0 => subscriber
                .recv()
                .map(|value| value.check(before))
                .map(|()| 1),
            _ => match subscriber.drain(50, |first, values| {
                for (at, value) in values.iter().enumerate() {
                    value.check(first + at as u64);
                }
            }) {
                Ok(read) => Ok(read as u64),
                Err(TryRecvError::Empty) => {
                    subscriber.wait(None);
                    continue;
                }
                Err(TryRecvError::Lagged(lagged)) => Err(RecvError::Lagged(lagged)),
                Err(TryRecvError::Closed { abandoned }) => Err(RecvError::Closed { abandoned }),
            },
        };
        match result {
            Ok(read) => seen += read,
            Err(RecvError::Closed { .. }) => return (seen, missed),
            Err(RecvError::Lagged(lagged)) => {
                assert_eq!(lagged.resume_at - before, lagged.missed);
                missed += lagged.missed;
            }
        }
        let advanced = subscriber.position() - before;
        assert!(advanced > 0);
    }
}

fn stress(capacity: usize) {
    let overflow = Overflow::Block { timeout: None };
    let (mut publisher, ring) = Builder::new(capacity).overflow(overflow).build().unwrap();
    let gated: Vec<_> = (0..2)
        .map(|style| {
            let subscriber = ring.subscribe_gated(Start::Newest).unwrap();
            thread::spawn(move || read(subscriber, style))
        })
        .collect();
    let lossy: Vec<_> = (0..2)
        .map(|style| {
            let subscriber = ring.subscribe(Start::Newest).unwrap();
            thread::spawn(move || read(subscriber, style))
        })
        .collect();
    let passing = thread::spawn({
        let ring = ring.clone();
        move || {
            while !ring.is_closed() {
                let mut gated = ring.subscribe_gated(Start::Oldest).unwrap();
                let from = gated.position();
                let _ = gated.drain(5, |first, values| values[0].check(first));
                assert!(gated.position() >= from);
            }
        }
    });
    let published = publish_for_a_while(&mut publisher);
    passing.join().unwrap();
    for reader in gated {
        assert_eq!(
            reader.join().unwrap(),
            (published, 0),
            "gated readers lose nothing"
        );
    }
    for reader in lossy {
        let (seen, missed) = reader.join().unwrap();
        assert_eq!(seen + missed, published, "read and missed add up");
    }
}

#[test]
fn threads_on_a_small_ring() {
    stress(8);
}

#[test]
fn threads_on_a_ring_of_many_blocks() {
    stress(1000);
}
