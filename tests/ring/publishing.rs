//! The promises to a publisher: all or nothing, errors that hand the value back, drops, panics, closing, trimming.

use eventring::ring::{
    self, BatchError, Builder, Overflow, PublishError, Slot, Start, SubscribeError, TryRecvError,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A range that knows its length, which one of `u64` does not say.
fn span(range: std::ops::Range<u64>) -> impl ExactSizeIterator<Item = u64> {
    (range.start as usize..range.end as usize).map(|n| n as u64)
}

/// A value that is counted while it lives.
struct Counted {
    n: u64,
    alive: Arc<AtomicUsize>,
}

impl Counted {
    fn new(n: u64, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self {
            n,
            alive: alive.clone(),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let before = self.alive.fetch_sub(1, Ordering::Relaxed);
        assert_ne!(before, 0, "dropped twice");
    }
}

fn panics(run: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(run)).is_err()
}

#[test]
fn a_batch_is_contiguous_and_visible_at_once() {
    let (mut publisher, ring) = ring::channel::<u64>(100).unwrap();
    publisher.publish(0).unwrap();
    let watcher = ring.clone();
    let values = span(1..91).inspect(|_| assert_eq!(watcher.head(), 1, "nothing is visible yet"));
    assert_eq!(publisher.publish_batch(values), Ok(1..91));
    assert_eq!(ring.head(), 91);
    assert_eq!(publisher.publish_batch([]), Ok(91..91));
    assert_eq!(
        publisher.publish_batch_with(5, |at, slot| slot.set(at as u64)),
        Ok(91..96)
    );
}

#[test]
fn a_batch_as_long_as_the_ring_fits_and_a_longer_one_does_not() {
    for capacity in [1, 3, 64, 100] {
        let (mut publisher, ring) = ring::channel::<usize>(capacity).unwrap();
        publisher.publish(7).unwrap();
        for _ in 0..5 {
            publisher.publish_batch(0..capacity).unwrap();
            assert_eq!(ring.oldest(), ring.head() - capacity as u64);
        }
        let before = ring.head();
        let mut values = 0..capacity + 1;
        assert_eq!(
            publisher.publish_batch(&mut values),
            Err(BatchError::TooLarge {
                len: capacity + 1,
                capacity
            })
        );
        assert_eq!(values.len(), capacity + 1, "not asked");
        assert_eq!(ring.head(), before);
    }
}

/// The capacity counts from the write position: while a batch is written, what it replaces is gone already.
#[test]
fn a_batch_evicts_while_it_is_written() {
    let (mut publisher, ring) = ring::channel::<u64>(4).unwrap();
    let mut slow = ring.subscribe(Start::Newest).unwrap();
    publisher.publish_batch(span(0..4)).unwrap();
    let watcher = ring.clone();
    let batch = span(4..8).inspect(|_| {
        assert_eq!((watcher.oldest(), watcher.head()), (4, 4));
        let mut late = watcher.subscribe(Start::At(0)).unwrap();
        let Err(TryRecvError::Lagged(lagged)) = late.try_recv() else {
            panic!("gone")
        };
        assert_eq!((lagged.missed, lagged.resume_at), (4, 4));
        assert_eq!(late.try_recv().unwrap_err(), TryRecvError::Empty);
    });
    publisher.publish_batch(batch).unwrap();
    assert!(matches!(slow.try_recv(), Err(TryRecvError::Lagged(lagged)) if lagged.missed == 4));
}

#[test]
fn slots_are_reused() {
    let (mut publisher, ring) = ring::channel::<String>(3).unwrap();
    let (mut made, mut reused) = (0, 0);
    for n in 0..1000 {
        publisher
            .publish_with(|slot| {
                if slot.is_vacant() {
                    made += 1;
                } else {
                    reused += 1;
                }
                slot.fill_with(String::new, |text| {
                    text.clear();
                    text.push_str(&n.to_string());
                })
            })
            .unwrap();
    }
    assert_eq!((made, reused), (8, 992), "two blocks of four");
    assert_eq!(
        *ring.subscribe(Start::Oldest).unwrap().try_recv().unwrap(),
        "997"
    );
}

#[test]
fn a_full_ring_hands_the_value_back() {
    let (mut publisher, ring) = Builder::new(2).overflow(Overflow::Reject).build().unwrap();
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    publisher
        .publish_batch(["a".to_owned(), "b".to_owned()])
        .unwrap();
    assert_eq!(
        publisher.publish("c".to_owned()),
        Err(PublishError::Full("c".to_owned()))
    );
    assert_eq!(
        publisher.publish_with(|_| unreachable!()),
        Err(PublishError::Full(()))
    );
    assert_eq!(
        publisher.publish_batch(["c".to_owned()]),
        Err(BatchError::Full)
    );
    assert_eq!(*gated.try_recv().unwrap(), "a");
    assert_eq!(
        publisher.publish_batch(["c".to_owned(), "d".to_owned()]),
        Err(BatchError::Full)
    );
    assert_eq!(
        publisher.publish("c".to_owned()),
        Ok(2),
        "room for one, not for two"
    );
    drop(gated);
    assert_eq!(
        publisher.publish_batch(["d".to_owned(), "e".to_owned()]),
        Ok(3..5)
    );
}

#[test]
fn blocking_ends_with_its_timeout() {
    let overflow = Overflow::Block {
        timeout: Some(Duration::from_millis(5)),
    };
    let (mut publisher, ring) = Builder::new(1).overflow(overflow).build().unwrap();
    let _gated = ring.subscribe_gated(Start::Newest).unwrap();
    publisher.publish(1).unwrap();
    assert_eq!(publisher.publish(2), Err(PublishError::TimedOut(2)));
    assert_eq!(publisher.try_publish(2), Err(PublishError::Full(2)));
    assert_eq!(publisher.publish_batch([2]), Err(BatchError::TimedOut));
}

/// The publisher has permission up to the end of its block when the reader joins: that must not count.
#[test]
fn a_gate_that_joins_late_gates_at_once() {
    for capacity in [1u64, 3, 10, 64, 100] {
        let (mut publisher, ring) = Builder::new(capacity as usize)
            .overflow(Overflow::Reject)
            .build()
            .unwrap();
        for published in 0..150 {
            publisher.publish(published).unwrap();
            for start in [Start::Oldest, Start::Newest] {
                let late = ring.subscribe_gated(start).unwrap();
                let room = capacity - late.lag();
                if room == 0 {
                    assert!(publisher.publish(0).is_err());
                } else {
                    assert!(
                        publisher
                            .publish_batch(span(0..capacity.min(room + 1)))
                            .is_err()
                            || room == capacity
                    );
                }
            }
        }
    }
}

#[test]
fn gates_are_for_rings_that_wait() {
    let (_publisher, ring) = ring::channel::<u64>(10).unwrap();
    assert_eq!(
        ring.subscribe_gated(Start::Newest).unwrap_err(),
        SubscribeError::GatesNotAllowed
    );
    assert!(ring.group_gated().is_err());
    assert_eq!(ring.subscriber_count(), 0);
}

#[test]
fn closing_keeps_what_is_there() {
    let (mut publisher, ring) = ring::channel::<u64>(10).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    publisher.publish(1).unwrap();
    publisher.close();
    assert!(ring.is_closed());
    assert_eq!(publisher.publish(2), Err(PublishError::Closed(2)));
    assert_eq!(
        publisher.publish_with(|_| unreachable!()),
        Err(PublishError::Closed(()))
    );
    assert_eq!(publisher.publish_batch([2]), Err(BatchError::Closed));
    drop(publisher);
    assert_eq!(*subscriber.try_recv().unwrap(), 1);
    assert_eq!(
        subscriber.try_recv().unwrap_err(),
        TryRecvError::Closed { abandoned: false }
    );
    assert_eq!(*ring.subscribe(Start::Oldest).unwrap().recv().unwrap(), 1);
}

#[test]
fn every_value_is_dropped_once() {
    let alive = Arc::new(AtomicUsize::new(0));
    for capacity in [1, 3, 64, 70] {
        let (mut publisher, ring) = ring::channel(capacity).unwrap();
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        for n in 0..200 {
            publisher.publish(Counted::new(n, &alive)).unwrap();
            if n % 3 == 0 {
                let _ = subscriber.drain(2, |_, _| ());
            }
        }
        let batch: Vec<_> = (0..capacity as u64)
            .map(|n| Counted::new(n, &alive))
            .collect();
        publisher.publish_batch(batch).unwrap();
        for n in 0..100 {
            publisher
                .publish_with(|slot| slot.set(Counted::new(n, &alive)))
                .unwrap();
        }
        drop((publisher, ring));
        assert_ne!(
            alive.load(Ordering::Relaxed),
            0,
            "the subscriber holds the ring"
        );
        drop(subscriber);
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_panic_while_filling_publishes_nothing() {
    let alive = Arc::new(AtomicUsize::new(0));
    let (mut publisher, ring) = ring::channel(3).unwrap();
    for n in 0..20 {
        assert!(panics(|| {
            let _ = publisher.publish_with(|_| panic!("before"));
        }));
        assert!(panics(|| {
            let _ = publisher.publish_with(|slot| {
                let _filled = slot.set(Counted::new(99, &alive));
                panic!("after")
            });
        }));
        assert_eq!(ring.head(), n);
        publisher.publish(Counted::new(n, &alive)).unwrap();
        let mut newest = ring.subscribe(Start::At(n)).unwrap();
        assert_eq!(newest.try_recv().unwrap().n, n);
    }
    drop((publisher, ring));
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn a_panic_in_a_batch_shows_no_half_of_it() {
    let alive = Arc::new(AtomicUsize::new(0));
    for capacity in [5u64, 64, 200] {
        let (mut publisher, ring) = ring::channel(capacity as usize).unwrap();
        for n in 0..40 {
            let head = ring.head();
            let values = span(0..capacity).map(|at| {
                assert!(at < capacity * 3 / 4, "the iterator fails late");
                Counted::new(1000, &alive)
            });
            assert!(panics(|| {
                let _ = publisher.publish_batch(values);
            }));
            assert!(panics(|| {
                let _ = publisher.publish_batch_with(capacity as usize, |at, slot| {
                    assert!((at as u64) < capacity / 2, "the closure fails late");
                    slot.set(Counted::new(1001, &alive))
                });
            }));
            assert_eq!(ring.head(), head);
            publisher.publish(Counted::new(n, &alive)).unwrap();
            assert_eq!(
                ring.subscribe(Start::At(head))
                    .unwrap()
                    .try_recv()
                    .unwrap()
                    .n,
                n
            );
        }
        let mut seen = Vec::new();
        let mut all = ring.subscribe(Start::Oldest).unwrap();
        all.drain(usize::MAX, |_, run| {
            seen.extend(run.iter().map(|value| value.n))
        })
        .unwrap();
        assert!(
            seen.iter().all(|n| *n < 1000),
            "nothing of a failed batch: {seen:?}"
        );
        drop((publisher, ring, all));
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn an_iterator_that_lies_publishes_nothing() {
    struct Liar(std::ops::Range<u64>);
    impl Iterator for Liar {
        type Item = u64;
        fn next(&mut self) -> Option<u64> {
            self.0.next()
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (9, Some(9))
        }
    }
    impl ExactSizeIterator for Liar {}
    let (mut publisher, ring) = ring::channel::<u64>(10).unwrap();
    assert_eq!(
        publisher.publish_batch(Liar(0..4)),
        Err(BatchError::Short {
            expected: 9,
            got: 4
        })
    );
    assert_eq!(ring.head(), 0);
    assert_eq!(publisher.publish_batch(Liar(0..20)), Ok(0..9));
}

/// Old values go after the new head is visible: their `Drop` may look at the ring, and may panic.
#[test]
fn a_drop_that_panics_comes_after_the_head() {
    struct Bomb(bool, Arc<AtomicUsize>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
            if self.0 {
                self.0 = false;
                panic!("bomb");
            }
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let bomb = |armed| Bomb(armed, dropped.clone());
    let (mut publisher, ring) = ring::channel(1).unwrap();
    publisher.publish(bomb(true)).unwrap();
    assert!(panics(|| {
        let _ = publisher.publish(bomb(false));
    }));
    assert_eq!((ring.head(), dropped.load(Ordering::Relaxed)), (2, 1));
    assert!(ring.subscribe(Start::At(1)).unwrap().try_recv().is_ok());
    assert!(panics(move || drop((publisher, ring, bomb(true)))));
    assert_eq!(dropped.load(Ordering::Relaxed), 3);

    let (mut publisher, ring) = ring::channel(200).unwrap();
    publisher
        .publish_batch((0..150).map(|n| bomb(n == 10)).collect::<Vec<_>>())
        .unwrap();
    assert!(panics(move || drop((publisher, ring))));
    assert_eq!(
        dropped.load(Ordering::Relaxed),
        153,
        "one that panics spares none of the others"
    );
}

#[test]
fn trim_frees_whole_blocks() {
    let alive = Arc::new(AtomicUsize::new(0));
    let (mut publisher, ring) = ring::channel(1000).unwrap();
    for n in 0..900 {
        publisher.publish(Counted::new(n, &alive)).unwrap();
    }
    let mut freed = Vec::new();
    assert_eq!(
        publisher.trim(600, |value| freed.push(value.n)),
        512,
        "two blocks of 256, a quarter of the ring"
    );
    assert_eq!(freed, (0..512).collect::<Vec<_>>());
    assert_eq!(alive.load(Ordering::Relaxed), 388);
    assert_eq!((ring.oldest(), publisher.oldest()), (512, 512));
    assert_eq!(publisher.trim(100, |_| unreachable!()), 512);
    let mut late = ring.subscribe(Start::At(0)).unwrap();
    assert!(matches!(late.try_recv(), Err(TryRecvError::Lagged(lagged)) if lagged.missed == 512));
    assert_eq!(late.try_recv().unwrap().n, 512);
    drop(late);
    assert_eq!(publisher.trim(u64::MAX, |_| ()), 768);
    for n in 900..5000 {
        publisher.publish(Counted::new(n, &alive)).unwrap();
    }
    assert_eq!(ring.oldest(), 4000);
    drop((publisher, ring));
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn trim_passes_no_gate_and_no_pin() {
    let (mut publisher, ring) = Builder::new(1000)
        .overflow(Overflow::Reject)
        .build()
        .unwrap();
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    let mut pinned = ring.subscribe(Start::Newest).unwrap();
    publisher
        .publish_batch((0..900).map(|n: u32| n.to_string()))
        .unwrap();
    gated.drain(260, |_, _| ()).unwrap();
    assert_eq!(publisher.trim(800, drop), 256);
    assert_eq!(*gated.try_recv().unwrap(), "260");
    gated.seek(900).unwrap();
    pinned.seek(400).unwrap();
    let value = pinned.try_recv().unwrap();
    let mut freed = Vec::new();
    assert_eq!(publisher.trim(900, |value| freed.push(value)), 768);
    assert_eq!(
        freed.len(),
        768 - 256 - 256,
        "the pinned block keeps its values"
    );
    assert_eq!(*value, "400");
    drop(value);
    assert!(pinned.try_recv().is_err());
    assert_eq!(publisher.trim(900, |value| freed.push(value)), 768);
    assert_eq!(freed.len(), 768 - 256, "later it does not");
}

#[test]
fn a_panic_while_trimming_loses_nothing() {
    let alive = Arc::new(AtomicUsize::new(0));
    let (mut publisher, ring) = ring::channel(200).unwrap();
    let values: Vec<_> = (0..200).map(|n| Counted::new(n, &alive)).collect();
    publisher.publish_batch(values).unwrap();
    assert!(panics(|| {
        publisher.trim(200, |value| assert_ne!(value.n, 10));
    }));
    assert_eq!(alive.load(Ordering::Relaxed), 136, "its block is dropped");
    let mut rest = 0;
    assert_eq!(publisher.trim(200, |_| rest += 1), 192);
    assert_eq!(rest, 128);
    drop((publisher, ring));
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn slot_is_a_match_too() {
    let (mut publisher, ring) = ring::channel::<u64>(1).unwrap();
    for n in 0..5 {
        publisher
            .publish_with(|slot| match slot {
                Slot::Vacant(slot) => slot.fill(n),
                Slot::Reused(mut old) => {
                    *old = n;
                    old.done()
                }
            })
            .unwrap();
        assert_eq!(
            *ring.subscribe(Start::Oldest).unwrap().try_recv().unwrap(),
            n
        );
    }
}
