//! Waiting and waking, with real threads. Nothing here sleeps to wait: conditions are polled with a deadline.

use eventring::ring::{
    self, Builder, Fencing, Notify, Overflow, RecvError, RecvTimeoutError, Start, WaitStrategy,
    Waited,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A range that knows its length, which one of `u64` does not say.
fn span(range: std::ops::Range<u64>) -> impl ExactSizeIterator<Item = u64> {
    (range.start as usize..range.end as usize).map(|n| n as u64)
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Notify for Count {
    fn notify(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn eventually(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "it never happened");
        thread::yield_now();
    }
}

#[test]
fn recv_wakes_for_values_and_for_the_end() {
    let (mut publisher, ring) = ring::channel::<u64>(4096).unwrap();
    let read = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (read, mut subscriber) = (read.clone(), ring.subscribe(Start::Newest).unwrap());
            thread::spawn(move || {
                for want in 0.. {
                    match subscriber.recv() {
                        Ok(value) => assert_eq!(*value, want),
                        Err(RecvError::Closed { .. }) => return want,
                        Err(RecvError::Lagged(lagged)) => panic!("{lagged}"),
                    }
                    read.fetch_add(1, Ordering::Relaxed);
                }
                unreachable!()
            })
        })
        .collect();
    for value in 0..200 {
        publisher.publish(value).unwrap();
        if value % 10 == 0 {
            eventually(|| read.load(Ordering::Relaxed) == 3 * (value + 1));
        }
    }
    drop(publisher);
    for reader in readers {
        assert_eq!(reader.join().unwrap(), 200);
    }
}

#[test]
fn waiting_ends_with_its_deadline() {
    let (mut publisher, ring) = ring::channel::<u64>(4).unwrap();
    let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    let soon = Duration::from_millis(2);
    assert_eq!(
        subscriber.recv_timeout(soon).unwrap_err(),
        RecvTimeoutError::TimedOut
    );
    assert_eq!(
        subscriber.recv_deadline(Instant::now()).unwrap_err(),
        RecvTimeoutError::TimedOut
    );
    assert_eq!(subscriber.wait(Some(Instant::now())), Waited::TimedOut);
    publisher.publish(1).unwrap();
    assert_eq!(subscriber.wait(Some(Instant::now())), Waited::Ready);
    assert_eq!(*subscriber.recv_timeout(Duration::MAX).unwrap(), 1);
    publisher.close();
    assert_eq!(
        subscriber.recv_timeout(soon).unwrap_err(),
        RecvTimeoutError::Closed { abandoned: false }
    );
    assert_eq!(subscriber.wait(None), Waited::Closed);
}

#[test]
fn a_blocked_publisher_goes_on_when_there_is_room() {
    let overflow = Overflow::Block { timeout: None };
    let (mut publisher, ring) = Builder::new(2).overflow(overflow).build::<u64>().unwrap();
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    let publishing = thread::spawn(move || {
        for value in 0..500 {
            publisher.publish(value).unwrap();
        }
        publisher.publish_batch(span(500..502)).unwrap();
        publisher
    });
    for want in 0..500 {
        assert_eq!(*gated.recv().unwrap(), want);
        assert!(
            ring.head() <= want + 3,
            "never more than the capacity ahead"
        );
    }
    let mut publisher = publishing.join().unwrap();
    let publishing = thread::spawn(move || publisher.publish(502).unwrap());
    thread::yield_now();
    drop(gated);
    assert_eq!(publishing.join().unwrap(), 502, "who leaves lets go");
}

#[test]
fn a_foreign_waker_is_told_once() {
    let (mut publisher, ring) = ring::channel::<u64>(4).unwrap();
    let subscriber = ring.subscribe(Start::Newest).unwrap();
    let count = Arc::new(Count::default());
    let waiter = subscriber.waiter(count.clone());
    publisher.publish(0).unwrap();
    assert_eq!(count.get(), 0, "not armed");
    assert!(!waiter.arm(0), "there is something");
    assert!(waiter.arm(1));
    assert!(waiter.arm(1), "again");
    publisher.publish(1).unwrap();
    publisher.publish(2).unwrap();
    assert_eq!(count.get(), 1, "armed once");
    assert!(waiter.arm(5), "in the future");
    publisher.publish_batch(span(3..6)).unwrap();
    assert_eq!(count.get(), 2);
    assert!(waiter.arm(7));
    publisher.publish(6).unwrap();
    assert_eq!(count.get(), 2, "head is 7, which is not past 7");
    waiter.disarm();
    publisher.publish(7).unwrap();
    assert_eq!(count.get(), 2, "disarmed");
    assert!(waiter.arm(8));
    publisher.close();
    assert_eq!(count.get(), 3, "the end is news too");
    assert!(!waiter.arm(8));
}

#[test]
fn dropped_wakers_leave_the_others_in_place() {
    let (mut publisher, ring) = ring::channel::<u64>(4).unwrap();
    let counts: Vec<_> = (0..5).map(|_| Arc::new(Count::default())).collect();
    let mut waiters: Vec<_> = counts
        .iter()
        .map(|count| ring.waiter(count.clone()))
        .collect();
    for waiter in &waiters {
        assert!(waiter.arm(0));
    }
    waiters.remove(3);
    waiters.remove(0);
    publisher.publish(0).unwrap();
    let told: Vec<_> = counts.iter().map(|count| count.get()).collect();
    assert_eq!(told, [0, 1, 1, 0, 1]);
}

#[test]
fn a_waker_that_panics_stops_nobody() {
    struct Bomb;
    impl Notify for Bomb {
        fn notify(&self) {
            panic!("bomb");
        }
    }
    let (mut publisher, ring) = ring::channel::<u64>(4).unwrap();
    let count = Arc::new(Count::default());
    let waiters = [
        ring.waiter(count.clone()),
        ring.waiter(Arc::new(Bomb)),
        ring.waiter(count.clone()),
    ];
    for waiter in &waiters {
        assert!(waiter.arm(0));
    }
    assert_eq!(publisher.publish(0), Ok(0));
    assert_eq!(count.get(), 2);
}

/// Wakers run outside the list's lock: they may use the ring.
#[test]
fn a_waker_may_use_the_ring() {
    struct Resubscribe(ring::Ring<u64>, Count);
    impl Notify for Resubscribe {
        fn notify(&self) {
            let other = self.0.waiter(Arc::new(Count::default()));
            assert!(other.arm(self.0.head()));
            drop(self.0.subscribe(Start::Oldest).unwrap());
            self.1.notify();
        }
    }
    let (mut publisher, ring) = ring::channel::<u64>(4).unwrap();
    let notify = Arc::new(Resubscribe(ring.clone(), Count::default()));
    let waiter = ring.waiter(notify.clone());
    assert!(waiter.arm(0));
    publisher.publish(0).unwrap();
    assert_eq!(notify.1.get(), 1);
}

const FENCINGS: [Fencing; 2] = [Fencing::Auto, Fencing::Fence];

/// Each value is published while its reader makes up its mind to sleep: whichever way the ring keeps the two apart,
/// either the reader sees the value, or it is told.
#[test]
fn nobody_sleeps_through_with_either_barrier() {
    for fencing in FENCINGS {
        let builder = Builder::new(64).fencing(fencing);
        let (mut publisher, ring) = builder.build::<u64>().unwrap();
        assert!(fencing == Fencing::Auto || !ring.uses_membarrier());
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let read = Arc::new(AtomicU64::new(0));
        let seen = read.clone();
        let reading = thread::spawn(move || {
            let (count, mut told) = (Arc::new(Count::default()), 0);
            let waiter = subscriber.waiter(count.clone());
            while subscriber.drain(usize::MAX, |_, _| ())
                != Err(ring::TryRecvError::Closed { abandoned: false })
            {
                seen.store(subscriber.position(), Ordering::Release);
                if waiter.arm(subscriber.position()) {
                    told += 1;
                    eventually(|| count.get() >= told);
                }
            }
            told
        });
        for value in 0..2_000 {
            publisher.publish(value).unwrap();
            eventually(|| read.load(Ordering::Acquire) > value);
        }
        publisher.close();
        reading.join().unwrap();
    }
}

#[test]
fn every_strategy_wakes_with_either_barrier() {
    for fencing in FENCINGS {
        for strategy in [
            WaitStrategy::BusySpin,
            WaitStrategy::Yield,
            WaitStrategy::Park,
        ] {
            let builder = Builder::new(2)
                .overflow(Overflow::Block { timeout: None })
                .fencing(fencing)
                .wait_strategy(strategy);
            let (mut publisher, ring) = builder.build::<u64>().unwrap();
            let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
            let mut other = gated.try_clone().unwrap();
            other.set_wait_strategy(WaitStrategy::Park);
            let publishing = thread::spawn(move || {
                for value in 0..300 {
                    publisher.publish(value).unwrap();
                }
            });
            for want in 0..300 {
                assert_eq!(*gated.recv().unwrap(), want);
                assert_eq!(*other.recv().unwrap(), want);
            }
            publishing.join().unwrap();
            assert_eq!(gated.wait(None), Waited::Closed);
            let soon = Instant::now() + Duration::from_millis(2);
            let (_publisher, ring) = builder.build::<u64>().unwrap();
            let mut empty = ring.subscribe(Start::Newest).unwrap();
            assert_eq!(empty.wait(Some(soon)), Waited::TimedOut);
        }
    }
}
