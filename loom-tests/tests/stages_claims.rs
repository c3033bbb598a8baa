//! The barrier of a ring of several publishers: nobody reads beyond it, and the end comes last.
#![cfg(loom)]

use eventring::ring::{PublishError, Start, TryRecvError};
use loom::thread;
use loom_tests::{BLOCKING, Flag, GATED, apart, model, model_up_to, note, sleepy_staged_shared};

/// Two publish while upstream releases what it has read: downstream there is nothing else, and each value is whole.
#[test]
fn what_two_publish_is_released_in_order() {
    model_up_to(2, |swap| {
        let (publisher, ring) = sleepy_staged_shared(2, GATED);
        let mut upstream = ring.upstream().unwrap();
        let mut reader = ring.subscribe(Start::Oldest).unwrap();
        let (other, _open) = (publisher.clone(), publisher.clone());
        let one = thread::spawn(move || publisher.publish(10).unwrap());
        let two = move || other.publish(20).unwrap();
        let releasing = move || {
            let _ = upstream.drain(usize::MAX, |_, _| ());
            upstream.release(upstream.position()).unwrap();
            let mut seen = Vec::new();
            note(&mut reader, &mut seen);
            (upstream, seen)
        };
        let (two, (upstream, seen)) = apart(swap, two, releasing);
        let one = one.join().unwrap();
        assert_eq!(
            seen.len() as u64,
            upstream.position(),
            "all that is released"
        );
        for (sequence, value) in seen {
            assert_eq!(sequence, if value == 10 { one } else { two });
        }
    });
}

/// The end of several publishers is seen downstream after the last value, and nobody sleeps through it.
#[test]
fn the_end_of_claims_is_seen_last() {
    model(|swap| {
        let (publisher, ring) = sleepy_staged_shared(2, GATED);
        let mut upstream = ring.upstream().unwrap();
        let mut reader = ring.subscribe(Start::Oldest).unwrap();
        let flag = Flag::new();
        let waiter = ring.waiter(flag.clone());
        assert_eq!(publisher.publish(0), Ok(0));
        upstream.drain(1, |_, _| ()).unwrap();
        assert!(waiter.arm(1));
        let releasing = move || {
            upstream.release(1).unwrap();
            upstream
        };
        let closing = move || (publisher.close(), publisher);
        let (_upstream, _publisher) = apart(swap, releasing, closing);
        assert_eq!(*reader.try_recv().unwrap(), 0);
        let end = TryRecvError::Closed { abandoned: false };
        assert_eq!(reader.try_recv().unwrap_err(), end);
        assert!(flag.is_up(), "slept through the end");
    });
}

/// A claim that waits for room behind upstream is made when that releases, and refused when it is dropped.
#[test]
fn no_lost_wake_up_of_claims_behind_upstream() {
    for is_dropped in [false, true] {
        model(move |swap| {
            let (publisher, ring) = sleepy_staged_shared(1, BLOCKING);
            let mut upstream = ring.upstream().unwrap();
            assert_eq!(publisher.publish(0), Ok(0));
            let publishing = move || (publisher.publish(1), publisher);
            let leaving = move || {
                if is_dropped {
                    return None;
                }
                upstream.drain(1, |_, _| ()).unwrap();
                upstream.release(1).unwrap();
                // Kept: to leave would end the ring.
                Some(upstream)
            };
            let ((published, _publisher), _upstream) = apart(swap, publishing, leaving);
            match is_dropped {
                true => assert_eq!(published, Err(PublishError::Closed(1))),
                false => assert_eq!(published, Ok(1)),
            }
        });
    }
}
