//! Short schedules of everything that can be done to a ring, each beside a reader: what `tests/ring/random` does at length
//! on one thread.
#![cfg(loom)]

use eventring::ring::{Builder, Publisher, Ring, Start, Subscriber, TryRecvError};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom_tests::{Counted, GATED, model, together};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// A step of a publisher.
#[derive(Clone, Copy, Debug)]
enum Write {
    Publish,
    Batch,
    /// A batch over two blocks that has one value of two.
    Short,
    /// One whose closure panics at the second value.
    Panics,
    Trim,
}

const WRITES: [Write; 5] = [
    Write::Publish,
    Write::Batch,
    Write::Short,
    Write::Panics,
    Write::Trim,
];

/// A step of a reader meanwhile.
#[derive(Clone, Copy, Debug)]
enum Read {
    /// Holds a value, and reads on.
    Hold,
    /// Joins at the oldest.
    Join,
    /// Joins at the oldest, and holds publishers back.
    Gate,
}

/// One of two values, whatever it says.
struct OneOfTwo(Option<Counted>);

impl Iterator for OneOfTwo {
    type Item = Counted;

    fn next(&mut self) -> Option<Counted> {
        self.0.take()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (2, Some(2))
    }
}

impl ExactSizeIterator for OneOfTwo {}

/// Never to be seen.
const HIDDEN: u64 = 1000;

fn write(publisher: &mut Publisher<Counted>, what: Write, alive: &Arc<AtomicUsize>) {
    let (next, value) = (publisher.next(), |n| Counted::new(n, alive));
    match what {
        Write::Publish => drop(publisher.publish(value(next))),
        Write::Batch => drop(publisher.publish_batch([next, next + 1].map(value))),
        Write::Short => {
            let _ = publisher.publish_batch(OneOfTwo(Some(value(HIDDEN))));
            assert_eq!(publisher.next(), next);
        }
        Write::Panics => {
            let _ = catch_unwind(AssertUnwindSafe(|| {
                publisher.publish_batch_with(2, |at, slot| match at {
                    0 => slot.set(value(HIDDEN)),
                    _ => resume_unwind(Box::new("no more")),
                })
            }));
            assert_eq!(publisher.next(), next);
        }
        Write::Trim => drop(publisher.trim(next, |value| drop(value))),
    }
}

fn drain(subscriber: &mut Subscriber<Counted>, lossless: bool) {
    let before = subscriber.position();
    let done = subscriber.drain(usize::MAX, |first, values| {
        for (value, sequence) in values.iter().zip(first..) {
            assert_eq!(value.0, sequence, "the value of this sequence");
        }
    });
    if let Err(TryRecvError::Lagged(lagged)) = done {
        assert!(!lossless, "a gate was lapped");
        assert!(lagged.resume_at > before && lagged.missed == lagged.resume_at - before);
    }
}

fn read(ring: &Ring<Counted>, what: Read, subscriber: &mut Subscriber<Counted>) {
    match what {
        Read::Hold => {
            if let Ok(value) = subscriber.try_recv() {
                assert_eq!(value.0, value.sequence());
                loom::thread::yield_now();
                assert_eq!(value.0, value.sequence());
            }
            drain(subscriber, false);
        }
        Read::Join => {
            let mut late = ring.subscribe(Start::Oldest).unwrap();
            drain(&mut late, false);
        }
        Read::Gate => {
            let mut gated = ring.subscribe_gated(Start::Oldest).unwrap();
            drain(&mut gated, true);
            drain(&mut gated, true);
        }
    }
}

fn all_schedules(what: Read) {
    for first in WRITES {
        for second in WRITES {
            model(move |swap| {
                let alive = Arc::new(AtomicUsize::new(0));
                let builder = Builder::new(2).overflow(GATED);
                let (mut publisher, ring) = builder.build().unwrap();
                let mut subscriber = ring.subscribe(Start::Newest).unwrap();
                // Blocks have two slots: the next batch is over two of them.
                for _ in 0..3 {
                    write(&mut publisher, Write::Publish, &alive);
                }
                let (theirs, count) = (ring.clone(), alive.clone());
                let publishing = move || {
                    write(&mut publisher, first, &count);
                    write(&mut publisher, second, &count);
                    write(&mut publisher, Write::Publish, &count);
                    publisher
                };
                let reading = move || {
                    read(&theirs, what, &mut subscriber);
                    subscriber
                };
                let (publisher, mut subscriber) = together(swap, publishing, reading);
                drain(&mut subscriber, false);
                drain(&mut subscriber, false);
                drop((publisher, ring, subscriber));
                assert_eq!(alive.load(Ordering::Relaxed), 0, "each dropped once");
            });
        }
    }
}

#[test]
fn short_schedules_beside_a_reader_that_holds() {
    all_schedules(Read::Hold);
}

#[test]
fn short_schedules_beside_a_reader_that_joins() {
    all_schedules(Read::Join);
}

#[test]
fn short_schedules_beside_a_gate_that_joins() {
    all_schedules(Read::Gate);
}
