//! A thread that waits for several rings is woken by each of them.
#![cfg(loom)]

use eventring::ring::{Builder, Fencing, Overflow, Select, Start, TryRecvError};
use loom::thread;
use loom_tests::{apart, model, model_up_to, publish, sleepy};

/// Whichever ring has something: the thread wakes, and is told which.
#[test]
fn no_lost_wake_up_of_select() {
    model(|swap| {
        let (idle, first) = sleepy(1, Overflow::Overwrite);
        let (mut publisher, second) = sleepy(1, Overflow::Overwrite);
        let nothing = first.subscribe(Start::Newest).unwrap();
        let mut subscriber = second.subscribe(Start::Newest).unwrap();
        let publishing = move || {
            publish(&mut publisher, 1);
            (idle, publisher)
        };
        let waiting = move || {
            let mut select = Select::new();
            select.add(&nothing);
            select.add(&subscriber);
            let found = select.wait(&[nothing.position(), subscriber.position()], None);
            assert_eq!(found, Some(1));
            assert_eq!(*subscriber.try_recv().unwrap(), 0);
        };
        apart(swap, publishing, waiting);
    });
}

/// Two rings that get something at once are both found, however the one hides the other.
#[test]
fn select_finds_every_ring() {
    model_up_to(2, |swap| {
        let (mut left, first) = sleepy(1, Overflow::Overwrite);
        let (mut right, second) = sleepy(1, Overflow::Overwrite);
        let mut subscribers = [first, second].map(|ring| ring.subscribe(Start::Newest).unwrap());
        let waiting = thread::spawn(move || {
            let mut select = Select::new();
            for subscriber in &subscribers {
                select.add(subscriber);
            }
            for _ in 0..2 {
                let positions = subscribers
                    .each_ref()
                    .map(|subscriber| subscriber.position());
                let found = select.wait(&positions, None).unwrap();
                assert_eq!(*subscribers[found].try_recv().unwrap(), 0);
            }
        });
        let left = move || (publish(&mut left, 1), left);
        let right = move || (publish(&mut right, 1), right);
        let _open = apart(swap, left, right);
        waiting.join().unwrap();
    });
}

/// Who waits for several rings is woken by the end of one.
#[test]
fn no_lost_wake_up_of_select_at_the_end() {
    model(|swap| {
        let (idle, first) = sleepy(1, Overflow::Overwrite);
        let (publisher, second) = sleepy(1, Overflow::Overwrite);
        let nothing = first.subscribe(Start::Newest).unwrap();
        let mut subscriber = second.subscribe(Start::Newest).unwrap();
        let waiting = move || {
            let mut select = Select::new();
            select.add(&nothing);
            select.add(&subscriber);
            assert_eq!(select.wait(&[0, 0], None), Some(1));
            assert_eq!(
                subscriber.try_recv().unwrap_err(),
                TryRecvError::Closed { abandoned: false }
            );
            idle
        };
        apart(swap, move || drop(publisher), waiting);
    });
}

/// Lanes are read together to the end of the last, each in its publisher's order, and none is waited for in vain.
#[test]
fn lanes_are_read_to_their_ends() {
    model_up_to(2, |swap| {
        let builder = Builder::new(1).fencing(Fencing::Fence);
        let (publishers, lanes) = builder.build_lanes::<u64>(2).unwrap();
        let mut group = lanes.group(Start::Newest).unwrap();
        let [mut left, right]: [_; 2] = publishers.try_into().unwrap();
        let publishing = move || publish(&mut left, 1);
        let reading = move || {
            let mut read = [0; 2];
            loop {
                let round = group.drain(usize::MAX, |lane, first, values| {
                    assert_eq!((first, values), (read[lane], &[read[lane]][..]));
                    read[lane] += values.len() as u64;
                });
                if round.closed {
                    break;
                }
                group.wait(None);
            }
            assert_eq!(read, [1, 0]);
        };
        let closing = thread::spawn(move || drop(right));
        apart(swap, publishing, reading);
        closing.join().unwrap();
    });
}
