//! One model per invariant of `eventring::ring`, named after it.
//!
//! Rings here have one or two slots a block, so that every publish or every other one recycles a block. Payloads are
//! their own sequence: who reads a value that is not its sequence has read a torn, recycled or unpublished slot, and
//! loom itself watches every slot for reads and writes that are not ordered.
#![cfg(loom)]
// The number of executions is half of what a model says: one that has a single one checks nothing.
#![allow(clippy::print_stdout)]

use eventring::ring::{
    self, Barrier, Builder, Notify, Overflow, Publisher, Ring, SharedPublisher, Start, Subscriber,
    TryRecvError,
};
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use std::sync::Arc;

const GATED: Overflow = Overflow::Reject;
const BLOCKING: Overflow = Overflow::Block { timeout: None };

/// Checks a model twice: `run` gets which of its two sides is the spawned thread (see [`together`]).
fn model(run: impl Fn(bool) + Sync + Send + Clone + 'static) {
    let bound = std::env::var("BOUND").unwrap_or_else(|_| "2".to_owned());
    for swap in [false, true] {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = bound.parse().ok();
        builder.max_branches = 100_000;
        let executions = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let start = std::time::Instant::now();
        let (count, run) = (executions.clone(), run.clone());
        builder.check(move || {
            count.fetch_add(1, Ordering::Relaxed);
            run(swap);
        });
        let executions = executions.load(Ordering::Relaxed);
        println!(
            "{executions} executions in {:.1} s",
            start.elapsed().as_secs_f64()
        );
    }
}

/// Runs two sides at once, one of them on this thread.
///
/// loom remembers the last access of each object only, so that what it explores depends on who goes first: each model
/// is therefore checked both ways round.
fn together<A: 'static, B: 'static>(
    swap: bool,
    left: impl FnOnce() -> A + 'static,
    right: impl FnOnce() -> B + 'static,
) -> (A, B) {
    if swap {
        let left = thread::spawn(left);
        let right = right();
        (left.join().unwrap(), right)
    } else {
        let right = thread::spawn(right);
        let left = left();
        (left, right.join().unwrap())
    }
}

/// Like [`together`], for sides that sleep: both are spawned, and this thread only waits for them. A late `unpark` of a
/// thread that is in `join` by then is harmless, but loom takes it for the end of the join.
fn apart<A: 'static, B: 'static>(
    swap: bool,
    left: impl FnOnce() -> A + 'static,
    right: impl FnOnce() -> B + 'static,
) -> (A, B) {
    if swap {
        let left = thread::spawn(left);
        let right = thread::spawn(right);
        (left.join().unwrap(), right.join().unwrap())
    } else {
        let right = thread::spawn(right);
        let left = thread::spawn(left);
        (left.join().unwrap(), right.join().unwrap())
    }
}

/// A ring in which nobody sleeps: no fence stands in for an ordering that is missing.
fn ring(capacity: usize, overflow: Overflow) -> (Publisher<u64>, Ring<u64>) {
    Builder::new(capacity).overflow(overflow).build().unwrap()
}

/// A ring in which somebody sleeps. loom knows no `membarrier`, so it has fences.
fn sleepy(capacity: usize, overflow: Overflow) -> (Publisher<u64>, Ring<u64>) {
    Builder::new(capacity)
        .overflow(overflow)
        .barrier(Barrier::Fence)
        .build()
        .unwrap()
}

/// Publishes `count` values, each its own sequence.
fn publish(publisher: &mut Publisher<u64>, count: u64) {
    for _ in 0..count {
        let value = publisher.next();
        assert_eq!(publisher.publish(value), Ok(value));
    }
}

/// Tries to publish `count` values, each its own sequence, on a ring that may be full.
fn try_publish(publisher: &mut Publisher<u64>, count: u64) {
    for _ in 0..count {
        let value = publisher.next();
        let _ = publisher.publish(value);
    }
}

/// Drains once. Checks that payloads are sequences, that a lag is not in vain and counts right, and that a lossless
/// reader has none. Returns how many sequences were read or missed.
fn drain(subscriber: &mut Subscriber<u64>, lossless: bool) -> u64 {
    let before = subscriber.position();
    let mut expected = before;
    let result = subscriber.drain(usize::MAX, |first, values| {
        assert_eq!(first, expected, "in order, without a hole");
        for value in values {
            assert_eq!(*value, expected, "the payload of this sequence");
            expected += 1;
        }
    });
    match result {
        Ok(read) => assert_eq!(read as u64, expected - before),
        Err(TryRecvError::Lagged(lagged)) => {
            assert!(!lossless, "a gate was lapped");
            assert!(lagged.resume_at > before, "a lag that is none");
            assert_eq!(lagged.missed, lagged.resume_at - before);
            assert_eq!(lagged.resume_at, subscriber.position());
        }
        Err(TryRecvError::Empty | TryRecvError::Closed) => {}
    }
    subscriber.position() - before
}

/// A value below head is there, whole, for whoever loads head.
#[test]
fn payload_visible() {
    model(|swap| {
        let (mut publisher, ring) = ring(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let publishing = move || {
            publish(&mut publisher, 2);
            publisher
        };
        let reading = move || {
            drain(&mut subscriber, true);
            drain(&mut subscriber, true);
            subscriber
        };
        let (_publisher, mut subscriber) = together(swap, publishing, reading);
        drain(&mut subscriber, true);
        assert_eq!(subscriber.position(), 2);
    });
}

/// A publisher never writes a slot that a gated reader still needs.
#[test]
fn gate_not_lapped() {
    for capacity in [1, 2] {
        model(move |swap| {
            let (mut publisher, ring) = ring(capacity, GATED);
            let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
            publish(&mut publisher, capacity as u64);
            let publishing = move || {
                try_publish(&mut publisher, 3);
                publisher
            };
            let reading = move || {
                drain(&mut gated, true);
                drain(&mut gated, true);
                gated
            };
            let (publisher, mut gated) = together(swap, publishing, reading);
            drain(&mut gated, true);
            assert_eq!(gated.position(), publisher.next());
        });
    }
}

/// A block is not recycled while a reader has it pinned.
#[test]
fn no_recycle_under_a_pin() {
    model(|swap| {
        let (mut publisher, ring) = ring(1, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        publish(&mut publisher, 1);
        let publishing = move || publish(&mut publisher, 2);
        let reading = move || {
            // Holds the value while the publisher goes round.
            if let Ok(value) = subscriber.try_recv() {
                assert_eq!(*value, value.sequence());
            }
            drain(&mut subscriber, false);
            drain(&mut subscriber, false);
        };
        together(swap, publishing, reading);
    });
}

/// Two readers pin the same block; the one that unpins first does not free it for the other.
#[test]
fn pins_are_counted() {
    model(|swap| {
        let (mut publisher, ring) = ring(1, Overflow::Overwrite);
        publish(&mut publisher, 1);
        let subscriber = || ring.subscribe(Start::Oldest).unwrap();
        let (mut one, mut other) = (subscriber(), subscriber());
        let one = thread::spawn(move || drain(&mut one, false));
        let publishing = move || publish(&mut publisher, 1);
        together(swap, publishing, move || drain(&mut other, false));
        one.join().unwrap();
    });
}

/// A reader that comes late to the directory finds a block that is whole, though another chunk's.
#[test]
fn directory_finds_whole_blocks() {
    model(|swap| {
        // Two blocks of four, of which 3, 4 and 5 are kept.
        let (mut publisher, ring) = ring(3, Overflow::Overwrite);
        publish(&mut publisher, 6);
        let subscriber = || ring.subscribe(Start::Oldest).unwrap();
        let (mut one, mut other) = (subscriber(), subscriber());
        // The first block is pinned: the third chunk gets a new one, where the other reader looks for the first.
        let held = one.try_recv().unwrap();
        let publishing = move || publisher.publish_batch([6, 7, 8]).unwrap();
        together(swap, publishing, move || drain(&mut other, false));
        assert_eq!(*held, 3);
    });
}

/// A gated and a lossy reader on one ring: the one loses nothing, the other holds nobody back.
#[test]
fn gated_and_lossy_together() {
    model(|swap| {
        let (mut publisher, ring) = ring(1, GATED);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        let mut lossy = ring.subscribe(Start::Newest).unwrap();
        publish(&mut publisher, 1);
        let looking = thread::spawn(move || drain(&mut lossy, false));
        let publishing = move || {
            try_publish(&mut publisher, 2);
            publisher
        };
        let reading = move || {
            drain(&mut gated, true);
            gated
        };
        let (publisher, mut gated) = together(swap, publishing, reading);
        looking.join().unwrap();
        drain(&mut gated, true);
        assert_eq!(gated.position(), publisher.next());
    });
}

/// A gated reader that joins at the oldest while the publisher opens blocks loses nothing from there on.
#[test]
fn join_at_oldest_while_running() {
    for capacity in [1, 2] {
        model(move |swap| {
            let (mut publisher, ring) = ring(capacity, GATED);
            publish(&mut publisher, 2);
            let publishing = move || {
                try_publish(&mut publisher, 2);
                publisher
            };
            let reading = move || {
                let mut gated = ring.subscribe_gated(Start::Oldest).unwrap();
                drain(&mut gated, true);
                gated
            };
            let (publisher, mut gated) = together(swap, publishing, reading);
            drain(&mut gated, true);
            assert_eq!(gated.position(), publisher.next());
        });
    }
}

/// A gated reader that seeks back to what is kept finds it, and holds it.
#[test]
fn seek_back_while_running() {
    for capacity in [1, 2] {
        model(move |swap| {
            let (mut publisher, ring) = ring(capacity, GATED);
            let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
            for _ in 0..2 {
                publish(&mut publisher, 1);
                assert_eq!(drain(&mut gated, true), 1);
            }
            let publishing = move || {
                try_publish(&mut publisher, 2);
                publisher
            };
            let reading = move || {
                // Refused if it is gone already.
                let _ = gated.seek(1);
                drain(&mut gated, true);
                gated
            };
            let (publisher, mut gated) = together(swap, publishing, reading);
            drain(&mut gated, true);
            assert_eq!(gated.position(), publisher.next());
        });
    }
}

/// What a gated reader read before it left is not written over meanwhile.
#[test]
fn leave_while_running() {
    model(|swap| {
        let (mut publisher, ring) = ring(1, GATED);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        publish(&mut publisher, 1);
        let publishing = move || try_publish(&mut publisher, 2);
        let reading = move || {
            // It looks, and does not move its gate.
            let looked = gated.read_while(1, |sequence, value| *value != sequence);
            assert_eq!(looked, Ok(0));
        };
        together(swap, publishing, reading);
    });
}

/// Joining counts for the very next publish, also where the publisher may go on to the end of its block.
#[test]
fn a_late_gate_gates_at_once() {
    model(|swap| {
        let (mut publisher, ring) = ring(3, GATED);
        publish(&mut publisher, 1);
        let publishing = move || {
            publish(&mut publisher, 1);
            publisher
        };
        let joining = move || ring.subscribe_gated(Start::At(0)).unwrap();
        let (mut publisher, _gated) = together(swap, publishing, joining);
        // 0 to 2 fit, 3 does not, although its block is open.
        publish(&mut publisher, 1);
        assert!(publisher.publish(3).is_err());
    });
}

/// Read and missed add up to what was published, and a lag never ends where the reader already stood, nor above head.
#[test]
fn exact_lag() {
    model(|swap| {
        let (mut publisher, ring) = ring(1, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let publishing = move || {
            publish(&mut publisher, 3);
            publisher
        };
        let reading = move || {
            let mut counted = 0;
            for _ in 0..2 {
                counted += drain(&mut subscriber, false);
                assert!(
                    subscriber.position() <= ring.head(),
                    "resumes in what is published"
                );
            }
            (subscriber, counted)
        };
        let (publisher, (mut subscriber, mut counted)) = together(swap, publishing, reading);
        while subscriber.position() < publisher.next() {
            counted += drain(&mut subscriber, false);
        }
        assert_eq!(counted, publisher.next());
    });
}

/// A batch is seen whole or not at all, also across blocks.
#[test]
fn batch_visible_at_once() {
    model(|swap| {
        let (mut publisher, ring) = ring(2, Overflow::Overwrite);
        publish(&mut publisher, 1);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let publishing = move || {
            publisher.publish_batch([1, 2]).unwrap();
            publisher
        };
        let reading = move || {
            let seen = drain(&mut subscriber, true);
            assert!(seen == 0 || seen == 2, "half a batch");
            subscriber
        };
        let (_publisher, mut subscriber) = together(swap, publishing, reading);
        drain(&mut subscriber, true);
        assert_eq!(subscriber.position(), 3);
    });
}

/// A reader that goes to sleep is woken by what it did not see.
#[test]
fn no_lost_wake_up_of_readers() {
    model(|swap| {
        let (mut publisher, ring) = sleepy(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let publishing = move || {
            publish(&mut publisher, 2);
            publisher
        };
        let reading = move || {
            assert_eq!(*subscriber.recv().unwrap(), 0);
            assert_eq!(*subscriber.recv().unwrap(), 1);
        };
        apart(swap, publishing, reading);
    });
}

/// A reader that goes to sleep is woken by the end.
#[test]
fn no_lost_wake_up_at_the_end() {
    model(|swap| {
        let (publisher, ring) = sleepy(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let reading = move || assert!(subscriber.recv().is_err());
        apart(swap, move || drop(publisher), reading);
    });
}

/// Two readers that sleep are both woken.
#[test]
fn no_lost_wake_up_of_two_readers() {
    model(|swap| {
        let (mut publisher, ring) = sleepy(2, Overflow::Overwrite);
        let subscriber = || ring.subscribe(Start::Newest).unwrap();
        let (mut one, mut other) = (subscriber(), subscriber());
        let one = thread::spawn(move || assert_eq!(*one.recv().unwrap(), 0));
        let publishing = move || {
            publish(&mut publisher, 1);
            publisher
        };
        apart(swap, publishing, move || {
            assert_eq!(*other.recv().unwrap(), 0)
        });
        one.join().unwrap();
    });
}

/// A foreign waker that was armed is notified.
#[test]
fn no_lost_wake_up_of_wakers() {
    struct Flag(AtomicBool);
    impl Notify for Flag {
        fn notify(&self) {
            self.0.store(true, Ordering::Release);
        }
    }
    model(|swap| {
        let (mut publisher, ring) = sleepy(2, Overflow::Overwrite);
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waiter = ring.waiter(flag.clone());
        let publishing = move || {
            publish(&mut publisher, 1);
            publisher
        };
        let arming = move || (waiter.arm(0), waiter);
        let (_publisher, (armed, _waiter)) = apart(swap, publishing, arming);
        assert!(
            !armed || flag.0.load(Ordering::Acquire),
            "armed, and nobody told"
        );
    });
}

/// A publisher that waits for room is woken when the gate moves.
#[test]
fn no_lost_wake_up_of_blocked_publishers() {
    model(|swap| {
        let (mut publisher, ring) = sleepy(1, BLOCKING);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        publish(&mut publisher, 1);
        let publishing = move || {
            publish(&mut publisher, 1);
            publisher
        };
        let reading = move || {
            assert_eq!(drain(&mut gated, true), 1);
            gated
        };
        let (_publisher, mut gated) = apart(swap, publishing, reading);
        assert_eq!(drain(&mut gated, true), 1);
    });
}

/// A publisher that waits for room is woken when the gate goes away.
#[test]
fn no_lost_wake_up_when_a_gate_leaves() {
    model(|swap| {
        let (mut publisher, ring) = sleepy(1, BLOCKING);
        let gated = ring.subscribe_gated(Start::Newest).unwrap();
        publish(&mut publisher, 1);
        apart(
            swap,
            move || publish(&mut publisher, 1),
            move || drop(gated),
        );
    });
}

/// Who finds the ring closed has been offered everything that was published.
#[test]
fn close_against_publish() {
    model(|swap| {
        let (mut publisher, ring) = ring(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let publishing = move || {
            publish(&mut publisher, 2);
            publisher.close();
            assert!(publisher.publish(2).is_err());
        };
        let reading = move || {
            let mut read = 0;
            for _ in 0..3 {
                match subscriber.try_recv() {
                    Ok(value) => {
                        assert_eq!(*value, read);
                        read += 1;
                    }
                    Err(TryRecvError::Closed) => assert_eq!(read, 2, "closed too early"),
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Lagged(lagged)) => panic!("{lagged}"),
                }
            }
        };
        together(swap, publishing, reading);
        assert!(ring.is_closed());
    });
}

/// A value that is counted while it lives.
struct Counted(u64, Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        assert_ne!(self.1.fetch_sub(1, Ordering::Relaxed), 0, "dropped twice");
    }
}

/// Every value is dropped exactly once: overwritten, trimmed or left in the ring, whoever looks at it meanwhile.
#[test]
fn every_value_dropped_once() {
    for capacity in [1, 2] {
        model(move |swap| {
            let alive = Arc::new(AtomicUsize::new(0));
            let count = alive.clone();
            let counted = move |n| {
                count.fetch_add(1, Ordering::Relaxed);
                Counted(n, count.clone())
            };
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
        alive.fetch_add(1, Ordering::Relaxed);
        assert!(publisher.publish(Counted(0, alive.clone())).is_ok());
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
            count.fetch_add(1, Ordering::Relaxed);
            let _ = publisher.publish(Counted(1, count.clone()));
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

/// A ring of several publishers, in which nobody sleeps.
fn shared<T: Send + Sync>(capacity: usize, overflow: Overflow) -> (SharedPublisher<T>, Ring<T>) {
    let builder = Builder::new(capacity).overflow(overflow);
    builder.build_shared().unwrap()
}

/// Drains once, and notes what was at which sequence.
fn note(subscriber: &mut Subscriber<u64>, seen: &mut Vec<(u64, u64)>) {
    let _ = subscriber.drain(usize::MAX, |first, values| {
        seen.extend((first..).zip(values.iter().copied()));
    });
}

/// Two publishers, one with a batch across blocks: at each sequence there is what its publisher put there.
#[test]
fn one_total_order() {
    model(|swap| {
        let (publisher, ring) = shared(2, Overflow::Overwrite);
        let other = publisher.clone();
        assert_eq!(publisher.publish(9), Ok(0));
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let reading = thread::spawn(move || {
            let mut seen = Vec::new();
            note(&mut subscriber, &mut seen);
            assert!(
                seen.last().is_none_or(|(_, value)| *value != 10),
                "half a batch"
            );
            (subscriber, seen)
        });
        let batching = move || publisher.publish_batch(&mut vec![10, 11]).unwrap();
        let publishing = move || (other.try_publish(20), other);
        let (batch, (single, _other)) = together(swap, batching, publishing);
        let (mut subscriber, mut seen) = reading.join().unwrap();
        note(&mut subscriber, &mut seen);
        note(&mut subscriber, &mut seen);
        for (sequence, value) in seen {
            let published = match value {
                20 => single.unwrap(),
                _ => batch.start + value - 10,
            };
            assert_eq!(sequence, published);
        }
        let count = 3 + u64::from(single.is_ok());
        assert_eq!((subscriber.position(), ring.head()), (count, count));
    });
}

/// Two publishers never meet in one slot, however they lap each other; what they replace is dropped once.
#[test]
fn publishers_never_lap_each_other() {
    model(|swap| {
        let alive = Arc::new(AtomicUsize::new(0));
        let (publisher, ring) = shared(1, Overflow::Overwrite);
        let other = publisher.clone();
        let publish = |publisher: SharedPublisher<Counted>, alive: Arc<AtomicUsize>| {
            move || {
                for _ in 0..2 {
                    alive.fetch_add(1, Ordering::Relaxed);
                    let _ = publisher.try_publish(Counted(0, alive.clone()));
                }
            }
        };
        let (one, two) = (
            publish(publisher, alive.clone()),
            publish(other, alive.clone()),
        );
        together(swap, one, two);
        drop(ring);
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

/// Two publishers do not write what a gated reader still needs.
#[test]
fn gate_not_lapped_by_two() {
    model(|swap| {
        let (publisher, ring) = shared(1, GATED);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        assert_eq!(publisher.publish(0), Ok(0));
        let other = publisher.clone();
        let looking = thread::spawn(move || {
            let mut seen = Vec::new();
            note(&mut gated, &mut seen);
            (gated, seen)
        });
        let one = move || publisher.try_publish(1).is_ok();
        let two = move || other.try_publish(1).is_ok();
        let (one, two) = together(swap, one, two);
        let (mut gated, mut seen) = looking.join().unwrap();
        note(&mut gated, &mut seen);
        let all = [(0, 0), (1, 1)];
        assert_eq!(seen, all[..1 + usize::from(one || two)]);
        assert!(!(one && two), "room for one");
    });
}

/// Two publishers do not recycle a block that a lossy reader has pinned.
#[test]
fn no_recycle_under_a_pin_by_two() {
    model(|swap| {
        let (publisher, ring) = shared(1, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        assert_eq!(publisher.publish(0), Ok(0));
        let other = publisher.clone();
        let one = thread::spawn(move || publisher.try_publish(1).is_ok());
        let two = move || other.try_publish(1).is_ok();
        let reading = move || {
            if let Ok(value) = subscriber.try_recv() {
                assert_eq!(*value, value.sequence().min(1));
            }
            subscriber
        };
        let (_two, subscriber) = together(swap, two, reading);
        one.join().unwrap();
        assert!(subscriber.position() <= ring.head());
    });
}

/// Who finds head moved finds the values that it was moved over, without having seen their stamps.
#[test]
fn head_passes_on_what_it_covers() {
    model(|swap| {
        // A gated reader: no pin orders it after anybody, only head does.
        let (publisher, ring) = shared(2, GATED);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        let publishing = move || {
            assert_eq!(publisher.publish(0), Ok(0));
            // To look at head is to move it.
            assert_eq!(ring.head(), 1);
            publisher
        };
        let reading = move || {
            let mut seen = Vec::new();
            note(&mut gated, &mut seen);
            note(&mut gated, &mut seen);
            assert!(seen.iter().all(|&(sequence, value)| sequence == value));
        };
        together(swap, publishing, reading);
    });
}

/// A reader that sleeps is woken by whichever publisher completes what it waits for.
#[test]
fn no_lost_wake_up_with_two_publishers() {
    model(|swap| {
        let builder = Builder::new(2).barrier(Barrier::Fence);
        let (publisher, ring) = builder.build_shared().unwrap();
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let (other, _open) = (publisher.clone(), publisher.clone());
        let reading = thread::spawn(move || {
            let first = *subscriber.recv().unwrap();
            assert_eq!(first + *subscriber.recv().unwrap(), 3);
        });
        let one = move || publisher.publish(1).unwrap();
        let two = move || other.publish(2).unwrap();
        apart(swap, one, two);
        reading.join().unwrap();
    });
}

/// A waker that waits for the later of two values is told, whoever stamps last.
#[test]
fn no_lost_wake_up_beyond_the_next() {
    struct Flag(AtomicBool);
    impl Notify for Flag {
        fn notify(&self) {
            self.0.store(true, Ordering::Release);
        }
    }
    model(|swap| {
        let builder = Builder::new(2).barrier(Barrier::Fence);
        let (publisher, ring) = builder.build_shared().unwrap();
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waiter = ring.waiter(flag.clone());
        assert!(waiter.arm(1), "nothing is there");
        let (other, _open) = (publisher.clone(), publisher.clone());
        let one = move || publisher.publish(1).unwrap();
        let two = move || other.publish(2).unwrap();
        together(swap, one, two);
        assert!(flag.0.load(Ordering::Acquire), "both are there");
    });
}

/// A publisher that shares its ring and waits for room is woken when the gate moves.
#[test]
fn no_lost_wake_up_of_blocked_claims() {
    model(|swap| {
        let builder = Builder::new(1).overflow(BLOCKING).barrier(Barrier::Fence);
        let (publisher, ring) = builder.build_shared().unwrap();
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        assert_eq!(publisher.publish(0), Ok(0));
        let publishing = move || (publisher.publish(1).unwrap(), publisher);
        let reading = move || {
            assert_eq!(drain(&mut gated, true), 1);
            gated
        };
        let (_publisher, mut gated) = apart(swap, publishing, reading);
        assert_eq!(drain(&mut gated, true), 1);
    });
}

/// Who finds a shared ring closed has been offered everything that was claimed before.
#[test]
fn close_against_claims() {
    model(|swap| {
        let (publisher, ring) = shared(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let other = publisher.clone();
        let publishing = thread::spawn(move || (publisher.publish(0).is_ok(), publisher));
        let closing = move || (other.close(), other);
        let reading = move || {
            let mut read = 0;
            for _ in 0..2 {
                match subscriber.try_recv() {
                    Ok(value) => {
                        assert_eq!(*value, 0);
                        read += 1;
                    }
                    Err(TryRecvError::Closed) => return Some(read),
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Lagged(lagged)) => panic!("{lagged}"),
                }
            }
            None
        };
        let (_other, read) = together(swap, closing, reading);
        let (published, _publisher) = publishing.join().unwrap();
        assert!(read.is_none_or(|read| read == u32::from(published)));
        assert!(ring.is_closed());
    });
}

/// A reader that sleeps on a shared ring is woken by its end, whoever stamps or closes last.
#[test]
fn no_lost_wake_up_at_the_end_of_claims() {
    model(|swap| {
        let builder = Builder::new(2).barrier(Barrier::Fence);
        let (publisher, ring) = builder.build_shared::<u64>().unwrap();
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let other = publisher.clone();
        let reading = thread::spawn(move || while subscriber.recv().is_ok() {});
        apart(
            swap,
            move || publisher.publish(0).is_ok(),
            move || other.close(),
        );
        reading.join().unwrap();
    });
}
