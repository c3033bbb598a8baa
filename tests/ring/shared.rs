//! Several publishers on one ring: one order, nothing lost, nothing twice.

use eventring::ring::{
    BatchError, Builder, Overflow, PublishError, Ring, SharedPublisher, Start, TryRecvError,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const WAITING: Overflow = Overflow::Block { timeout: None };

fn shared<T: Send + Sync>(capacity: usize, overflow: Overflow) -> (SharedPublisher<T>, Ring<T>) {
    let builder = Builder::new(capacity).overflow(overflow);
    builder.build_shared().unwrap()
}

#[test]
fn one_thread_sees_a_ring_like_any_other() {
    let (publisher, ring) = shared(3, Overflow::Reject);
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    let mut lossy = ring.subscribe(Start::Newest).unwrap();
    assert_eq!(publisher.publish("a".to_owned()), Ok(0));
    let mut values = ["b", "c", "d"].map(String::from).to_vec();
    assert_eq!(publisher.publish_batch(&mut values), Err(BatchError::Full));
    values.pop();
    assert_eq!(publisher.publish_batch(&mut values), Ok(1..3));
    assert!(values.is_empty() && values.capacity() >= 2);
    let full = publisher.publish("d".to_owned());
    assert_eq!(full, Err(PublishError::Full("d".to_owned())));
    assert_eq!((ring.head(), ring.oldest(), ring.len()), (3, 0, 3));
    gated
        .drain(2, |first, values| {
            assert_eq!((first, values), (0, &["a".to_owned(), "b".to_owned()][..]));
        })
        .unwrap();
    assert_eq!(publisher.try_publish("d".to_owned()), Ok(3));
    assert_eq!(ring.oldest(), 1);
    let TryRecvError::Lagged(lagged) = lossy.try_recv().unwrap_err() else {
        panic!("it was overtaken");
    };
    assert_eq!((lagged.missed, lagged.resume_at), (1, 1));
    assert_eq!(*lossy.try_recv().unwrap(), "b");
    assert_eq!(publisher.publish_batch(&mut Vec::new()), Ok(4..4));
    let mut large = vec![String::new(); 4];
    let refused = BatchError::TooLarge {
        len: 4,
        capacity: 3,
    };
    assert_eq!(publisher.publish_batch(&mut large), Err(refused));
    publisher.close();
    let closed = publisher.publish("e".to_owned());
    assert_eq!(closed, Err(PublishError::Closed("e".to_owned())));
    assert_eq!(
        publisher.publish_batch(&mut large[..0].to_vec()),
        Err(BatchError::Closed)
    );
    let rest: Vec<_> = gated.iter().map(Result::unwrap).collect();
    assert_eq!(rest, ["c", "d"]);
}

#[test]
fn the_last_publisher_closes() {
    let (publisher, ring) = shared::<u64>(8, Overflow::Overwrite);
    let weak = publisher.downgrade();
    let other = weak.upgrade().unwrap();
    drop(publisher);
    assert!(!ring.is_closed());
    other.publish(1).unwrap();
    drop(other);
    assert!(ring.is_closed());
    assert!(weak.clone().upgrade().is_none());
}

/// A value that says who published it and which of theirs it was, and counts how often it was dropped.
struct Value {
    publisher: usize,
    n: u64,
    text: String,
    dropped: Arc<AtomicU64>,
}

impl Drop for Value {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Publishers alone and in batches, two gated readers and a lossy one: all see one order, and each publisher's own
/// order in it; whoever publishes is told the sequence at which everybody reads the value.
#[test]
fn all_readers_see_one_order() {
    const PUBLISHERS: usize = 3;
    const EACH: u64 = 8_000;
    let dropped = Arc::new(AtomicU64::new(0));
    let (publisher, ring) = shared::<Value>(150, WAITING);
    let gated: Vec<_> = (0..2)
        .map(|_| {
            let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
            thread::spawn(move || {
                let (mut seen, mut next) = (BTreeMap::new(), [0; PUBLISHERS]);
                while let Ok(value) = gated.recv() {
                    assert_eq!(value.n, next[value.publisher], "in its publisher's order");
                    assert_eq!(value.text, value.n.to_string(), "whole");
                    next[value.publisher] += 1;
                    seen.insert(value.sequence(), (value.publisher, value.n));
                }
                seen
            })
        })
        .collect();
    let mut lossy = ring.subscribe(Start::Newest).unwrap();
    let looking = thread::spawn(move || {
        let (mut seen, mut missed) = (BTreeMap::new(), 0);
        loop {
            let before = lossy.position();
            match lossy.drain(usize::MAX, |first, values| {
                for (sequence, value) in (first..).zip(values) {
                    assert_eq!(value.text, value.n.to_string());
                    seen.insert(sequence, (value.publisher, value.n));
                }
            }) {
                Ok(_) => {}
                Err(TryRecvError::Lagged(lagged)) => {
                    assert_eq!(lagged.resume_at - before, lagged.missed);
                    missed += lagged.missed;
                }
                Err(TryRecvError::Empty) => drop(lossy.wait(None)),
                Err(TryRecvError::Closed { .. }) => return (seen, missed),
            }
        }
    });
    let publishing: Vec<_> = (0..PUBLISHERS)
        .map(|index| {
            let (publisher, dropped) = (publisher.clone(), dropped.clone());
            let value = move |n: u64| Value {
                publisher: index,
                n,
                text: n.to_string(),
                dropped: dropped.clone(),
            };
            thread::spawn(move || {
                let (mut told, mut n) = (BTreeMap::new(), 0);
                let mut batch = Vec::new();
                while n < EACH {
                    if n % 5 == 0 && n + 70 < EACH {
                        batch.extend((n..n + 70).map(&value));
                        let range = publisher.publish_batch(&mut batch).unwrap();
                        told.extend(range.zip((n..).map(|n| (index, n))));
                        n += 70;
                    } else {
                        let Ok(sequence) = publisher.publish(value(n)) else {
                            panic!("it waits for ever");
                        };
                        told.insert(sequence, (index, n));
                        n += 1;
                    }
                }
                told
            })
        })
        .collect();
    drop(publisher);
    let told: BTreeMap<_, _> = publishing
        .into_iter()
        .flat_map(|publishing| publishing.join().unwrap())
        .collect();
    let total = PUBLISHERS as u64 * EACH;
    assert_eq!(told.len() as u64, total, "each sequence once");
    for reader in gated {
        assert!(
            reader.join().unwrap() == told,
            "what was told is what was read"
        );
    }
    let (seen, missed) = looking.join().unwrap();
    assert_eq!(seen.len() as u64 + missed, total);
    assert!(
        seen.iter()
            .all(|(sequence, value)| told[sequence] == *value)
    );
    drop(ring);
    assert_eq!(dropped.load(Ordering::Relaxed), total, "each value once");
}

/// Nobody reads: publishers only have each other to run into.
#[test]
fn publishers_that_lap_drop_each_value_once() {
    for capacity in [1, 2, 3, 64, 100] {
        let dropped = Arc::new(AtomicU64::new(0));
        let (publisher, ring) = shared::<Value>(capacity, Overflow::Overwrite);
        thread::scope(|scope| {
            for index in 0..4 {
                let (publisher, dropped) = (publisher.clone(), dropped.clone());
                scope.spawn(move || {
                    for n in 0..2_000 {
                        let value = Value {
                            publisher: index,
                            n,
                            text: n.to_string(),
                            dropped: dropped.clone(),
                        };
                        assert!(publisher.publish(value).is_ok());
                    }
                });
            }
        });
        assert_eq!(ring.head(), 8_000);
        drop((publisher, ring));
        assert_eq!(dropped.load(Ordering::Relaxed), 8_000);
    }
}

#[test]
fn a_shared_ring_need_not_retain() {
    let builder = Builder::new(100).overflow(WAITING).retain(false);
    let (publisher, ring) = builder.build_shared().unwrap();
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    let value = Arc::new(());
    for _ in 0..10 {
        let mut values = vec![value.clone(); 64];
        publisher.publish_batch(&mut values).unwrap();
        assert_eq!(gated.drain(usize::MAX, |_, _| ()), Ok(64));
        assert_eq!(Arc::strong_count(&value), 1);
    }
    let mut values = vec![value.clone(); 40];
    publisher.publish_batch(&mut values).unwrap();
    assert_eq!(Arc::strong_count(&value), 41);
    drop((publisher, ring, gated));
    assert_eq!(Arc::strong_count(&value), 1);
}
