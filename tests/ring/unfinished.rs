//! Batches that end early, and drops that panic: whoever publishes next writes where nobody reads.

use eventring::ring::{self, BatchError, Builder, Overflow, Publisher, Ring, Start, Subscriber};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An iterator that says it has `said` values, and has `given`; then it ends, or panics.
struct Lying {
    said: usize,
    given: usize,
    panics: bool,
    next: u64,
}

impl Iterator for Lying {
    type Item = Box<u64>;

    fn next(&mut self) -> Option<Box<u64>> {
        if self.given == 0 {
            if self.panics {
                resume_unwind(Box::new("no more"));
            }
            return None;
        }
        self.given -= 1;
        self.next += 1;
        Some(Box::new(self.next - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.said, Some(self.said))
    }
}

impl ExactSizeIterator for Lying {}

/// The way in which a batch of five hundred ends after a few values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Short,
    IteratorPanics,
    ClosurePanics,
}

const ENDS: [End; 3] = [End::Short, End::IteratorPanics, End::ClosurePanics];

fn panics<R>(run: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(run)).is_err()
}

/// Begins a batch over many blocks that ends after `given` values.
fn end_early(publisher: &mut Publisher<Box<u64>>, end: End, said: usize, given: usize) {
    let lying = |panics| Lying {
        said,
        given,
        panics,
        next: u64::MAX / 2,
    };
    match end {
        End::Short => assert_eq!(
            publisher.publish_batch(lying(false)),
            Err(BatchError::Short {
                expected: said,
                got: given
            })
        ),
        End::IteratorPanics => assert!(panics(|| publisher.publish_batch(lying(true)))),
        End::ClosurePanics => assert!(panics(|| publisher.publish_batch_with(said, |at, slot| {
            if at == given {
                resume_unwind(Box::new("no more"));
            }
            slot.set(Box::new(u64::MAX / 2))
        }))),
    }
}

/// Publishes `count` values, each its own sequence, and reads each at once.
fn go_on(publisher: &mut Publisher<Box<u64>>, subscriber: &mut Subscriber<Box<u64>>, count: u64) {
    for _ in 0..count {
        let sequence = publisher.next();
        assert_eq!(publisher.publish(Box::new(sequence)), Ok(sequence));
        assert_eq!(
            **subscriber.try_recv().unwrap(),
            sequence,
            "what was published"
        );
    }
}

/// Once: the publisher wrote on into the first block, over and over, and readers got slots of later ones
/// that nobody had written.
#[test]
fn after_a_batch_that_ended_early_readers_get_what_is_published() {
    for end in ENDS {
        for before in [0, 3, 63, 64, 1000] {
            for given in [0, 3, 64, 100] {
                let (mut publisher, ring) = ring::channel(1000).unwrap();
                let mut subscriber = ring.subscribe(Start::Newest).unwrap();
                go_on(&mut publisher, &mut subscriber, before);
                end_early(&mut publisher, end, 500, given);
                go_on(&mut publisher, &mut subscriber, 1500);
            }
        }
    }
}

/// Once: a value that somebody holds was written over.
#[test]
fn after_a_batch_that_ended_early_a_held_value_stays() {
    for end in ENDS {
        let (mut publisher, ring) = ring::channel(1000).unwrap();
        let mut holder = ring.subscribe(Start::Newest).unwrap();
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        go_on(&mut publisher, &mut subscriber, 10);
        let held = holder.next_batch(10).unwrap();
        end_early(&mut publisher, end, 500, 3);
        go_on(&mut publisher, &mut subscriber, 2000);
        assert!(held.iter().map(|value| **value).eq(0..10));
    }
}

/// The same, where a gate says that its values stay.
#[test]
fn after_a_batch_that_ended_early_gates_count_exactly() {
    for end in ENDS {
        let builder = Builder::new(1000).overflow(Overflow::Reject);
        let (mut publisher, ring) = builder.build().unwrap();
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        go_on(&mut publisher, &mut gated, 10);
        end_early(&mut publisher, end, 500, 3);
        for sequence in 10..1010 {
            assert_eq!(publisher.publish(Box::new(sequence)), Ok(sequence));
        }
        assert!(publisher.publish(Box::new(0)).is_err(), "a lap behind");
        end_early_is_refused(&mut publisher);
        let mut next = 10;
        let read = gated.drain(usize::MAX, |first, values| {
            assert_eq!(first, next);
            values
                .iter()
                .zip(first..)
                .for_each(|(value, n)| assert_eq!(**value, n));
            next += values.len() as u64;
        });
        assert_eq!(read, Ok(1000));
    }
}

fn end_early_is_refused(publisher: &mut Publisher<Box<u64>>) {
    let values = Lying {
        said: 500,
        given: 0,
        panics: true,
        next: 0,
    };
    assert_eq!(publisher.publish_batch(values), Err(BatchError::Full));
}

/// A value whose `Drop` panics once it is told to.
struct Bomb {
    n: u64,
    armed: Arc<AtomicBool>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.armed.swap(false, Ordering::Relaxed) {
            resume_unwind(Box::new("bomb"));
        }
    }
}

fn bombs(count: u64, armed: &Arc<AtomicBool>) -> (Publisher<Bomb>, Ring<Bomb>) {
    let (mut publisher, ring) = ring::channel(1000).unwrap();
    for n in 0..count {
        let armed = armed.clone();
        assert!(publisher.publish(Bomb { n, armed }).is_ok());
    }
    (publisher, ring)
}

/// Once: values that a batch had replaced when it panicked were dropped while the next batch was let in,
/// between its permission and the choice of its block.
#[test]
fn a_drop_that_panics_while_a_batch_is_admitted_harms_no_reader() {
    let armed = Arc::new(AtomicBool::new(false));
    let bomb = |n| Bomb {
        n,
        armed: armed.clone(),
    };
    let (mut publisher, ring) = bombs(3000, &armed);
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    // This one replaces some values and then panics: they wait for the next batch.
    assert!(panics(|| publisher.publish_batch((0..10).map(|at| {
        if at == 5 {
            resume_unwind(Box::new("no more"));
        }
        bomb(0)
    }))));
    armed.store(true, Ordering::Relaxed);
    assert!(panics(|| {
        publisher.publish_batch((0..500).map(|_| bomb(0)))
    }));
    assert_eq!(publisher.next(), 3000, "nothing was published");
    for n in 3000..5000 {
        assert!(publisher.publish(bomb(n)).is_ok());
        assert_eq!(subscriber.try_recv().unwrap().n, n);
    }
}

/// Lanes and a task that publishes are publishers like another.
#[test]
fn lanes_go_on_after_a_batch_that_ended_early() {
    for end in ENDS {
        let (mut publishers, lanes) = Builder::new(1000).build_lanes(2).unwrap();
        let mut group = lanes.group(Start::Newest).unwrap();
        for publisher in &mut publishers {
            end_early(publisher, end, 500, 3);
        }
        for sequence in 0..1500 {
            for publisher in &mut publishers {
                assert_eq!(publisher.try_publish(Box::new(sequence)), Ok(sequence));
            }
            let mut seen = Vec::new();
            group.drain(usize::MAX, |lane, _, values| {
                seen.extend(values.iter().map(|value| (lane, **value)));
            });
            assert_eq!(seen, [(0, sequence), (1, sequence)]);
        }
    }
}

/// The same, for a task that publishes.
#[cfg(feature = "async")]
#[test]
fn a_task_goes_on_publishing_after_a_batch_that_ended_early() {
    for end in ENDS {
        let waiting = Overflow::Block { timeout: None };
        let (mut publisher, ring) = Builder::new(1000).overflow(waiting).build().unwrap();
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        end_early(&mut publisher, end, 500, 3);
        for sequence in 0..1500 {
            let value = Box::new(sequence);
            let done = futures::executor::block_on(publisher.publish_async(value));
            assert_eq!(done, Ok(sequence));
            assert_eq!(**gated.try_recv().unwrap(), sequence);
        }
    }
}

/// Of several publishers nothing of the caller's runs before all is stamped: a `Drop` that panics comes after.
#[test]
fn a_drop_that_panics_in_a_shared_batch_harms_no_reader() {
    let armed = Arc::new(AtomicBool::new(false));
    let bomb = |n| Bomb {
        n,
        armed: armed.clone(),
    };
    let (publisher, ring) = Builder::new(1000).build_shared().unwrap();
    let mut subscriber: Subscriber<Bomb> = ring.subscribe(Start::Newest).unwrap();
    let mut next = 0;
    let mut check = |count| {
        for _ in 0..count {
            assert_eq!(subscriber.try_recv().unwrap().n, next);
            next += 1;
        }
    };
    for n in 0..3000 {
        assert!(publisher.publish(bomb(n)).is_ok());
        check(1);
    }
    let mut batch = (3000..3500).map(bomb).collect();
    armed.store(true, Ordering::Relaxed);
    assert!(panics(|| publisher.publish_batch(&mut batch)));
    assert!(batch.is_empty(), "all of it was published");
    check(500);
    armed.store(true, Ordering::Relaxed);
    assert!(panics(|| publisher.publish(bomb(3500))));
    check(1);
    for n in 3501..5000 {
        assert!(publisher.publish(bomb(n)).is_ok());
        check(1);
    }
}
