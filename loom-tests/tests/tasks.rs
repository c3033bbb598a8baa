//! Futures wait on the same list as threads, and nobody sleeps through there either.
#![cfg(loom)]

use eventring::ring::{Overflow, PublishError, SharedPublisher, Start};
use futures_core::Stream;
use loom::thread;
use loom_tests::{
    BLOCKING, Flag, apart, block_on, drain, model, publish, sleepy, sleepy_shared, together,
};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// A task that waits for a value is woken by it.
#[test]
fn no_lost_wake_up_of_tasks() {
    model(|swap| {
        let (mut publisher, ring) = sleepy(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let publishing = move || (publish(&mut publisher, 2), publisher);
        let reading = move || {
            block_on(async {
                assert_eq!(*subscriber.recv_async().await.unwrap(), 0);
                assert_eq!(*subscriber.recv_async().await.unwrap(), 1);
            });
        };
        apart(swap, publishing, reading);
    });
}

/// A stream that waits is woken by a value, and by its end.
#[test]
fn no_lost_wake_up_of_streams() {
    model(|swap| {
        let (mut publisher, ring) = sleepy(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let publishing = move || publish(&mut publisher, 1);
        let reading = move || {
            let mut next = || block_on(poll_fn(|cx| Pin::new(&mut subscriber).poll_next(cx)));
            assert_eq!(next(), Some(Ok(0)));
            assert_eq!(next(), None);
        };
        apart(swap, publishing, reading);
    });
}

/// Of several wakers that a future was polled with, the last is woken.
#[test]
fn the_last_waker_is_woken() {
    model(|swap| {
        let (mut publisher, ring) = sleepy(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let publishing = move || (publish(&mut publisher, 1), publisher);
        let polling = move || {
            let last = Flag::new();
            let mut poll = |waker: &Waker| {
                let mut context = Context::from_waker(waker);
                Pin::new(&mut subscriber)
                    .poll_next(&mut context)
                    .is_pending()
            };
            let is_pending = poll(&Flag::new().into()) && poll(&last.clone().into());
            // Still on the list.
            (is_pending.then_some(last), subscriber)
        };
        let (_publisher, (pending, _subscriber)) = together(swap, publishing, polling);
        assert!(
            pending.is_none_or(|last| last.is_up()),
            "told somebody else"
        );
    });
}

/// A future that is dropped while it waits has taken nothing, and the next one is woken.
#[test]
fn a_dropped_future_loses_nothing() {
    model(|swap| {
        let (mut publisher, ring) = sleepy(2, Overflow::Overwrite);
        let mut subscriber = ring.subscribe(Start::Newest).unwrap();
        let publishing = move || (publish(&mut publisher, 1), publisher);
        let reading = move || {
            let first = {
                let mut future = pin!(subscriber.recv_async());
                let waker = Flag::new().into();
                match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(value) => Some(*value.unwrap()),
                    Poll::Pending => None,
                }
            };
            let value = first.or_else(|| block_on(subscriber.recv_async()).ok().map(|v| *v));
            assert_eq!(value, Some(0));
        };
        apart(swap, publishing, reading);
    });
}

/// A task that waits for room is woken when the gate moves.
#[test]
fn no_lost_wake_up_of_publishing_tasks() {
    model(|swap| {
        let (mut publisher, ring) = sleepy(1, BLOCKING);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        publish(&mut publisher, 1);
        let publishing = move || {
            assert_eq!(block_on(publisher.publish_async(1)), Ok(1));
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

/// A task that waits for room on a shared ring is woken when the gate moves.
#[test]
fn no_lost_wake_up_of_claiming_tasks() {
    model(|swap| {
        let (publisher, ring) = sleepy_shared(1, BLOCKING);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        assert_eq!(publisher.publish(0), Ok(0));
        let publishing = move || (block_on(publisher.publish_async(1)), publisher);
        let reading = move || {
            assert_eq!(drain(&mut gated, true), 1);
            gated
        };
        let ((published, _publisher), mut gated) = apart(swap, publishing, reading);
        assert_eq!(published, Ok(1));
        assert_eq!(drain(&mut gated, true), 1);
    });
}

/// A task that waits for room is told when another publisher ends the ring.
#[test]
fn no_lost_wake_up_of_claiming_tasks_at_the_end() {
    model(|swap| {
        let (publisher, ring) = sleepy_shared(1, BLOCKING);
        let _gated = ring.subscribe_gated(Start::Newest).unwrap();
        assert_eq!(publisher.publish(0), Ok(0));
        let other = publisher.clone();
        let publishing = move || (block_on(publisher.publish_async(1)), publisher);
        let (refused, _other) = apart(swap, publishing, move || (other.close(), other));
        assert_eq!(refused.0, Err(PublishError::Closed(1)));
    });
}

/// Of several tasks that wait for room, all are woken that it suffices for.
#[test]
fn no_lost_wake_up_of_two_claiming_tasks() {
    model(|swap| {
        let (publisher, ring) = sleepy_shared(2, BLOCKING);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        assert_eq!(publisher.publish_batch(&mut vec![0, 1]), Ok(0..2));
        let reading = thread::spawn(move || (drain(&mut gated, true), gated));
        let task = |publisher: SharedPublisher<u64>| {
            move || (block_on(publisher.publish_async(7)).unwrap(), publisher)
        };
        let (one, two) = apart(swap, task(publisher.clone()), task(publisher));
        assert_eq!(one.0 + two.0, 2 + 3);
        assert_eq!(reading.join().unwrap().0, 2);
    });
}
