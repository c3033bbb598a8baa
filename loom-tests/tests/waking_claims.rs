//! Nobody sleeps through what they wait for, on a ring of several publishers.
#![cfg(loom)]

use eventring::ring::{Overflow, PublishError, Start};
use loom::thread;
use loom_tests::{BLOCKING, Flag, apart, drain, model, model_up_to, sleepy_shared, together};

/// A reader that sleeps is woken by whichever publisher completes what it waits for.
#[test]
fn no_lost_wake_up_with_two_publishers() {
    model_up_to(2, |swap| {
        let (publisher, ring) = sleepy_shared(2, Overflow::Overwrite);
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
    model(|swap| {
        let (publisher, ring) = sleepy_shared(2, Overflow::Overwrite);
        let flag = Flag::new();
        let waiter = ring.waiter(flag.clone());
        assert!(waiter.arm(1), "nothing is there");
        let (other, _open) = (publisher.clone(), publisher.clone());
        let one = move || publisher.publish(1).unwrap();
        let two = move || other.publish(2).unwrap();
        together(swap, one, two);
        assert!(flag.is_up(), "both are there");
    });
}

/// A publisher that shares its ring and waits for room is woken when the gate moves.
#[test]
fn no_lost_wake_up_of_blocked_claims() {
    model(|swap| {
        let (publisher, ring) = sleepy_shared(1, BLOCKING);
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

/// A reader that sleeps on a shared ring is woken by its end, whoever stamps or closes last.
#[test]
fn no_lost_wake_up_at_the_end_of_claims() {
    model(|swap| {
        let (publisher, ring) = sleepy_shared(2, Overflow::Overwrite);
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

/// A publisher that waits for room is told when another one ends the ring.
#[test]
fn no_lost_wake_up_of_blocked_claims_at_the_end() {
    model(|swap| {
        let (publisher, ring) = sleepy_shared(1, BLOCKING);
        let _gated = ring.subscribe_gated(Start::Newest).unwrap();
        assert_eq!(publisher.publish(0), Ok(0));
        let other = publisher.clone();
        let publishing = move || (publisher.publish(1), publisher);
        let (refused, _other) = apart(swap, publishing, move || (other.close(), other));
        assert_eq!(refused.0, Err(PublishError::Closed(1)));
    });
}
