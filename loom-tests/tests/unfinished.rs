//! Batches that end early, beside a reader: what it holds stays, and what it gets was published.
#![cfg(loom)]

use eventring::ring::{self, BatchError, Overflow, Publisher, Start, Subscriber};
use loom_tests::{drain, model, publish, ring, together};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn panics<R>(run: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(run)).is_err()
}

/// An iterator that says two values, and has none.
struct Short;

impl Iterator for Short {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (2, Some(2))
    }
}

impl ExactSizeIterator for Short {}

/// Checks that a batch of two, over two blocks, harms nobody when it ends as `end` says.
fn ends_early(end: impl Fn(&mut Publisher<u64>) + Clone + Send + Sync + 'static) {
    model(move |swap| {
        let (mut publisher, ring) = ring(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        publish(&mut publisher, 1);
        let end = end.clone();
        let publishing = move || {
            end(&mut publisher);
            assert_eq!(publisher.next(), 1, "nothing was published");
            publish(&mut publisher, 2);
            publisher
        };
        let reading = move || {
            let seen = drain(&mut subscriber, false);
            (seen + drain(&mut subscriber, false), subscriber)
        };
        let (_publisher, (mut seen, mut subscriber)) = together(swap, publishing, reading);
        while seen < 3 {
            seen += drain(&mut subscriber, false);
        }
    });
}

/// The closure of a batch panics at its first value.
#[test]
fn a_batch_whose_closure_panics_harms_no_reader() {
    ends_early(|publisher| {
        assert!(panics(|| publisher.publish_batch_with(2, |_, _| {
            resume_unwind(Box::new("no more"))
        })));
    });
}

/// The iterator of a batch has less than it said.
#[test]
fn a_batch_that_is_short_harms_no_reader() {
    ends_early(|publisher| {
        let short = BatchError::Short {
            expected: 2,
            got: 0,
        };
        assert_eq!(publisher.publish_batch(Short), Err(short));
    });
}

/// The iterator of a batch panics in its second block.
#[test]
fn a_batch_that_panics_in_its_second_block_harms_no_reader() {
    ends_early(|publisher| {
        assert!(panics(|| publisher.publish_batch((0..2).map(|at| {
            match at {
                0 => 7,
                _ => resume_unwind(Box::new("no more")),
            }
        }))));
    });
}

/// A value whose `Drop` panics once it is told to.
struct Bomb(u64, Arc<AtomicBool>);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.1.swap(false, Ordering::Relaxed) {
            resume_unwind(Box::new("bomb"));
        }
    }
}

/// What a panicked batch had replaced panics when it is dropped, as the next batch is admitted.
#[test]
fn a_drop_that_panics_while_a_batch_is_admitted_harms_no_reader() {
    model(|swap| {
        let armed = Arc::new(AtomicBool::new(false));
        let (mut publisher, ring) = ring::channel(2).unwrap();
        let bomb = {
            let armed = armed.clone();
            move |n| Bomb(n, armed.clone())
        };
        for n in 0..5 {
            assert!(publisher.publish(bomb(n)).is_ok());
        }
        let mut subscriber = ring.subscribe(Start::At(4)).unwrap();
        // It replaces one value, and panics.
        assert!(panics(|| publisher.publish_batch((0..2).map(|at| {
            match at {
                0 => bomb(5),
                _ => resume_unwind(Box::new("no more")),
            }
        }))));
        let publishing = move || {
            armed.store(true, Ordering::Relaxed);
            let batch = [bomb(5), bomb(6)];
            assert!(panics(|| publisher.publish_batch(batch)));
            armed.store(false, Ordering::Relaxed);
            assert_eq!(publisher.next(), 5, "nothing was published");
            for n in 5..7 {
                assert!(publisher.publish(bomb(n)).is_ok());
            }
            publisher
        };
        fn read(subscriber: &mut Subscriber<Bomb>) {
            let _ = subscriber.drain(usize::MAX, |first, values| {
                for (value, sequence) in values.iter().zip(first..) {
                    assert_eq!(value.0, sequence);
                }
            });
        }
        let reading = move || {
            read(&mut subscriber);
            read(&mut subscriber);
            subscriber
        };
        let (_publisher, mut subscriber) = together(swap, publishing, reading);
        read(&mut subscriber);
        read(&mut subscriber);
    });
}
