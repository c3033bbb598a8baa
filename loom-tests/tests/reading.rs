//! What a reader finds: whole values, in order, with an exact count of those it missed.
#![cfg(loom)]

use eventring::ring::{Overflow, Start, TryRecvError};
use loom::thread;
use loom_tests::{drain, model, publish, ring, together};

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
                    Err(TryRecvError::Closed { .. }) => assert_eq!(read, 2, "closed too early"),
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Lagged(lagged)) => panic!("{lagged}"),
                }
            }
        };
        together(swap, publishing, reading);
        assert!(ring.is_closed());
    });
}
