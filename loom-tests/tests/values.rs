//! Every value is dropped exactly once, when it may be.
#![cfg(loom)]

use eventring::ring::{self, Builder, Overflow, Start, Subscriber};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use loom_tests::{Counted, GATED, drain, model, publish, ring, together};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// Every value is dropped exactly once: overwritten, trimmed or left in the ring, whoever looks at it meanwhile.
#[test]
fn every_value_dropped_once() {
    for capacity in [1, 2] {
        model(move |swap| {
            let alive = Arc::new(AtomicUsize::new(0));
            let count = alive.clone();
            let counted = move |n| Counted::new(n, &count);
            let (mut publisher, ring) = ring::channel(capacity).unwrap();
            let mut subscriber = ring.subscribe(Start::Newest).unwrap();
            for n in 0..2 {
                assert!(publisher.publish(counted(n)).is_ok());
            }
            let publishing = move || {
                assert!(publisher.publish(counted(2)).is_ok());
                publisher.trim(2, drop);
            };
            let reading = move || {
                if let Ok(value) = subscriber.try_recv() {
                    assert_eq!(value.0, value.sequence());
                }
            };
            together(swap, publishing, reading);
            drop(ring);
            assert_eq!(alive.load(Ordering::Relaxed), 0);
        });
    }
}

/// Trimming takes no value from under a reader, and who comes after it is told.
#[test]
fn trim_beside_readers() {
    model(|swap| {
        let (mut publisher, ring) = ring(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        publish(&mut publisher, 2);
        let publishing = move || {
            publisher.trim(2, drop);
            publish(&mut publisher, 1);
            publisher
        };
        let reading = move || {
            drain(&mut subscriber, false);
            drain(&mut subscriber, false);
        };
        together(swap, publishing, reading);
    });
}

/// A ring that does not retain drops each value once, when every gate has passed it, whoever comes last.
#[test]
fn passed_values_dropped_once() {
    model(|swap| {
        let alive = Arc::new(AtomicUsize::new(0));
        let builder = Builder::new(1).overflow(GATED).retain(false);
        let (mut publisher, ring) = builder.build().unwrap();
        let subscriber = || ring.subscribe_gated(Start::Newest).unwrap();
        let (mut one, mut other) = (subscriber(), subscriber());
        assert!(publisher.publish(Counted::new(0, &alive)).is_ok());
        fn read(subscriber: &mut Subscriber<Counted>) {
            let value = subscriber.try_recv().unwrap();
            assert_eq!(value.0, value.sequence());
        }
        let count = alive.clone();
        let looking = thread::spawn(move || {
            read(&mut other);
            other
        });
        let publishing = move || {
            let _ = publisher.publish(Counted::new(1, &count));
            publisher
        };
        let reading = move || {
            read(&mut one);
            one
        };
        let (publisher, one) = together(swap, publishing, reading);
        let other = looking.join().unwrap();
        let left = publisher.next() - 1;
        assert_eq!(
            alive.load(Ordering::Relaxed) as u64,
            left,
            "passed, and kept"
        );
        drop((publisher, ring, one, other));
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

/// A ring that does not retain drops what only a gate held that has left.
#[test]
fn passed_values_dropped_when_a_gate_leaves() {
    model(|swap| {
        let alive = Arc::new(AtomicUsize::new(0));
        let builder = Builder::new(1).overflow(GATED).retain(false);
        let (mut publisher, ring) = builder.build().unwrap();
        let subscriber = || ring.subscribe_gated(Start::Newest).unwrap();
        let (mut one, other) = (subscriber(), subscriber());
        assert!(publisher.publish(Counted::new(0, &alive)).is_ok());
        let reading = move || {
            assert_eq!(one.try_recv().unwrap().0, 0);
            one
        };
        let (one, ()) = together(swap, reading, move || drop(other));
        assert_eq!(alive.load(Ordering::Relaxed), 0, "passed, and kept");
        drop((publisher, ring, one));
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

/// A value whose publishing panicked is never seen, and dropped once; so is a batch that panicked half way.
#[test]
fn values_dropped_once_on_panic() {
    model(|swap| {
        let alive = Arc::new(AtomicUsize::new(0));
        let (mut publisher, ring) = ring::channel(2).unwrap();
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        assert!(publisher.publish(Counted::new(0, &alive)).is_ok());
        let count = alive.clone();
        let publishing = move || {
            let filling = catch_unwind(AssertUnwindSafe(|| {
                publisher.publish_with(|slot| {
                    let _filled = slot.set(Counted::new(7, &count));
                    resume_unwind(Box::new("while filling"))
                })
            }));
            assert!(filling.is_err());
            let batch = catch_unwind(AssertUnwindSafe(|| {
                publisher.publish_batch([8, 9].map(|value| {
                    if value == 9 {
                        resume_unwind(Box::new("in a batch"));
                    }
                    Counted::new(value, &count)
                }))
            }));
            assert!(batch.is_err());
            assert_eq!(publisher.next(), 1, "nothing was published");
            assert!(publisher.publish(Counted::new(1, &count)).is_ok());
            publisher
        };
        let reading = move || {
            for _ in 0..2 {
                if let Ok(value) = subscriber.try_recv() {
                    assert_eq!(value.0, value.sequence());
                }
            }
        };
        let (publisher, ()) = together(swap, publishing, reading);
        drop((publisher, ring));
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}
