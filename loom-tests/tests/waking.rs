//! Nobody sleeps through what they wait for, on a ring of one publisher.
#![cfg(loom)]

use eventring::ring::{Overflow, Start};
use loom::thread;
use loom_tests::{BLOCKING, Flag, apart, drain, model, publish, sleepy};

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
    model(|swap| {
        let (mut publisher, ring) = sleepy(2, Overflow::Overwrite);
        let flag = Flag::new();
        let waiter = ring.waiter(flag.clone());
        let publishing = move || {
            publish(&mut publisher, 1);
            publisher
        };
        let arming = move || (waiter.arm(0), waiter);
        let (_publisher, (armed, _waiter)) = apart(swap, publishing, arming);
        assert!(!armed || flag.is_up(), "armed, and nobody told");
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
