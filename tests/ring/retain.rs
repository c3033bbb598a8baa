//! A ring that does not retain: who passes a block last drops its values.

use eventring::ring::{Builder, Overflow, Publisher, Ring, RingError, Start, SubscribeError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

fn ring<T: Send + Sync>(capacity: usize) -> (Publisher<T>, Ring<T>) {
    let builder = Builder::new(capacity)
        .overflow(Overflow::Reject)
        .retain(false);
    builder.build().unwrap()
}

/// Counts how often it was dropped, in all.
struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_last_to_pass_a_block_drops_its_values() {
    let dropped = Arc::new(AtomicU64::new(0));
    let count = || dropped.load(Ordering::Relaxed);
    let (mut publisher, ring) = ring(256);
    let mut quick = ring.subscribe_gated(Start::Newest).unwrap();
    let mut slow = ring.group_gated().unwrap();
    slow.add(Start::Newest).unwrap();
    publisher
        .publish_batch((0..200).map(|_| Counted(dropped.clone())))
        .unwrap();
    quick.drain(usize::MAX, |_, _| ()).unwrap();
    assert_eq!(count(), 0, "somebody has not");
    slow.drain(63, |_, _, _| ());
    assert_eq!(count(), 0, "inside a block");
    slow.drain(1, |_, _, _| ());
    assert_eq!(count(), 64);
    assert_eq!((ring.oldest(), ring.len()), (64, 136));
    slow.drain(usize::MAX, |_, _, _| ());
    assert_eq!(count(), 192, "three blocks of four");
    for _ in 0..200 {
        let value = Counted(dropped.clone());
        assert!(publisher.publish(value).is_ok());
    }
    quick.drain(usize::MAX, |_, _| ()).unwrap();
    drop(slow);
    assert_eq!(count(), 384, "who leaves lets go, six blocks of seven");
    drop(quick);
    assert_eq!(count(), 384, "what nobody passed stays");
    drop((publisher, ring));
    assert_eq!(count(), 400);
}

#[test]
fn lossy_readers_are_refused() {
    let (_publisher, ring) = ring::<u64>(4);
    let refused = Some(SubscribeError::LossyNotAllowed);
    assert_eq!(ring.subscribe(Start::Newest).err(), refused);
    assert_eq!(ring.group().err(), refused);
    assert_eq!(ring.subscriber_count(), 0);
    let overwriting = Builder::new(4).retain(false).build::<u64>();
    assert_eq!(overwriting.err(), Some(RingError::MustRetain));
}

#[test]
fn a_drop_that_panics_drops_the_rest() {
    struct Bomb(u64, Arc<AtomicU64>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
            assert_ne!(self.0, 1, "bomb");
        }
    }
    let dropped = Arc::new(AtomicU64::new(0));
    let (mut publisher, ring) = ring(4);
    let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    let bombs = (0..4).map(|n| Bomb(n, dropped.clone()));
    publisher.publish_batch(bombs.collect::<Vec<_>>()).unwrap();
    let read = catch_unwind(AssertUnwindSafe(|| gated.drain(usize::MAX, |_, _| ())));
    assert!(read.is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 4);
    assert_eq!(gated.position(), 4, "it was read");
    assert!(publisher.publish(Bomb(4, dropped.clone())).is_ok());
    assert_eq!(gated.try_recv().unwrap().0, 4);
}

/// Two readers and the publisher, each value dropped once, none before both have read it.
#[test]
fn nothing_is_dropped_before_it_is_passed() {
    const COUNT: u64 = 30_000;
    let dropped = Arc::new(AtomicU64::new(0));
    let builder = Builder::new(100)
        .overflow(Overflow::Block { timeout: None })
        .retain(false);
    let (mut publisher, ring) = builder.build().unwrap();
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
            thread::spawn(move || {
                let mut want = 0;
                while let Ok(value) = gated.recv() {
                    let (n, text, _): &(u64, String, Counted) = &value;
                    assert_eq!((*n, text), (want, &want.to_string()));
                    want += 1;
                }
                want
            })
        })
        .collect();
    for n in 0..COUNT {
        let value = (n, n.to_string(), Counted(dropped.clone()));
        assert!(publisher.publish(value).is_ok());
    }
    drop(publisher);
    for reader in readers {
        assert_eq!(reader.join().unwrap(), COUNT);
    }
    drop(ring);
    assert_eq!(dropped.load(Ordering::Relaxed), COUNT);
}
