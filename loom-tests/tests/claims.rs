//! Several publishers share a ring: one order, and nobody in anybody else's slot.
#![cfg(loom)]

use eventring::ring::{Overflow, SharedPublisher, Start, TryRecvError};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use loom_tests::{Counted, GATED, model, model_up_to, note, shared, together};
use std::sync::Arc;

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
                    let _ = publisher.try_publish(Counted::new(0, &alive));
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
    model_up_to(2, |swap| {
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
        // The reader goes first: what its pin does not keep from the publishers is found at once so, and otherwise only
        // after hundreds of thousands of executions in which it comes last.
        let (subscriber, _two) = together(swap, reading, two);
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
                    Err(TryRecvError::Closed { .. }) => return Some(read),
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

/// A weak handle gives a publisher while there is one, and none to a ring that has ended.
#[test]
fn upgrade_against_the_last_drop() {
    model(|swap| {
        let (publisher, ring) = shared::<u64>(1, Overflow::Overwrite);
        let weak = publisher.downgrade();
        let upgrading = move || {
            let upgraded = weak.upgrade();
            if let Some(publisher) = &upgraded {
                assert_eq!(publisher.publish(0), Ok(0), "it is open");
            }
            upgraded
        };
        let ((), upgraded) = together(swap, move || drop(publisher), upgrading);
        assert_eq!(ring.is_closed(), upgraded.is_none());
    });
}
