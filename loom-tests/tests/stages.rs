//! Nobody downstream reads what upstream has not released, nobody sleeps through it, and the end comes last.
#![cfg(loom)]

use eventring::ring::{ReleaseError, Start, TryRecvError, models};
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use loom_tests::{
    BLOCKING, Flag, GATED, apart, drain, model, publish, sleepy_staged, staged, together,
    try_publish,
};
use std::sync::Arc;

/// A reader downstream sees a value only after it was released, and then all of it.
#[test]
fn nothing_is_read_before_the_barrier_passes_it() {
    for gated in [false, true] {
        model(move |swap| {
            let (mut publisher, ring) = staged(2, GATED);
            let mut upstream = ring.upstream().unwrap();
            let mut reader = match gated {
                true => ring.subscribe_gated(Start::Oldest).unwrap(),
                false => ring.subscribe(Start::Oldest).unwrap(),
            };
            let released = Arc::new(AtomicU64::new(0));
            let seen = released.clone();
            publish(&mut publisher, 2);
            let releasing = move || {
                upstream.drain(1, |_, _| ()).unwrap();
                // What a journal does: first it is written, then it is shown.
                released.store(1, Ordering::Relaxed);
                upstream.release(1).unwrap();
                assert_eq!(
                    upstream.release(2),
                    Err(ReleaseError::NotRead { position: 1 })
                );
                (publisher, upstream)
            };
            let reading = move || {
                let read = drain(&mut reader, gated);
                assert!(
                    read <= seen.load(Ordering::Relaxed),
                    "read before it was released"
                );
            };
            together(swap, releasing, reading);
        });
    }
}

/// The publisher writes while upstream reads and a reader downstream follows: what that one finds was written before.
#[test]
fn what_is_released_is_visible() {
    model(|swap| {
        let (mut publisher, ring) = staged(2, GATED);
        let mut upstream = ring.upstream().unwrap();
        let mut reader = ring.subscribe(Start::Oldest).unwrap();
        let releasing = thread::spawn(move || {
            if upstream.drain(usize::MAX, |_, _| ()).is_ok() {
                upstream.release(upstream.position()).unwrap();
            }
            upstream
        });
        let publishing = move || {
            publish(&mut publisher, 1);
            publisher
        };
        together(swap, publishing, move || drain(&mut reader, true));
        releasing.join().unwrap();
    });
}

/// What upstream has read and not released, and what a gated reader downstream has not read, is not written over.
#[test]
fn a_gated_reader_downstream_is_not_lapped() {
    model(|swap| {
        let (mut publisher, ring) = staged(1, GATED);
        let mut upstream = ring.upstream().unwrap();
        let mut gated = ring.subscribe_gated(Start::Oldest).unwrap();
        publish(&mut publisher, 1);
        upstream.drain(1, |_, _| ()).unwrap();
        let publishing = move || {
            try_publish(&mut publisher, 2);
            publisher
        };
        let reading = move || {
            // Once more: it holds what it has not released.
            upstream.seek(0).unwrap();
            let looked = upstream.read_while(1, |sequence, value| *value != sequence);
            assert_eq!(looked, Ok(0));
            assert_eq!(*upstream.try_recv().unwrap(), 0);
            upstream.release(1).unwrap();
            assert_eq!(drain(&mut gated, true), 1);
            (upstream, gated)
        };
        together(swap, publishing, reading);
    });
}

/// What an upstream handle has not let go of is not written over, also once the barrier has passed it.
#[test]
fn an_upstream_handle_is_not_lapped() {
    model(|swap| {
        let (mut publisher, ring) = staged(1, GATED);
        let mut upstream = ring.upstream().unwrap();
        publish(&mut publisher, 1);
        let publishing = move || {
            try_publish(&mut publisher, 2);
            publisher
        };
        let reading = move || {
            // As the hub does: shown first, and read once more to judge it.
            models::raise_barrier(&ring, 1);
            assert_eq!(*upstream.try_recv().unwrap(), 0);
            models::move_gate(&mut upstream, 1);
            upstream
        };
        together(swap, publishing, reading);
    });
}

/// The oldest that a lossy reader is told is not above the barrier.
#[test]
fn a_lag_downstream_is_exact() {
    model(|swap| {
        let (mut publisher, ring) = staged(1, GATED);
        let mut upstream = ring.upstream().unwrap();
        let mut lossy = ring.subscribe(Start::Oldest).unwrap();
        publish(&mut publisher, 1);
        let publishing = move || {
            upstream.drain(1, |_, _| ()).unwrap();
            upstream.release(1).unwrap();
            try_publish(&mut publisher, 1);
            (publisher, upstream)
        };
        let reading = move || {
            drain(&mut lossy, false);
            assert!(lossy.lag() <= 1);
            lossy
        };
        together(swap, publishing, reading);
    });
}

/// Who sleeps at different positions downstream is woken by what releases them.
#[test]
fn no_lost_wake_up_of_readers_downstream() {
    model(|swap| {
        let (mut publisher, ring) = sleepy_staged(2, GATED);
        let mut upstream = ring.upstream().unwrap();
        let mut reader = ring.subscribe(Start::Oldest).unwrap();
        let flag = Flag::new();
        let waiter = ring.waiter(flag.clone());
        assert!(waiter.arm(1));
        publish(&mut publisher, 2);
        upstream.drain(2, |_, _| ()).unwrap();
        let releasing = move || {
            upstream.release(1).unwrap();
            upstream.release(2).unwrap();
            (publisher, upstream)
        };
        apart(swap, releasing, move || {
            assert_eq!(*reader.recv().unwrap(), 0)
        });
        assert!(flag.is_up(), "the other one sleeps on");
    });
}

/// An upstream handle that sleeps is woken by a publisher.
#[test]
fn no_lost_wake_up_upstream() {
    model(|swap| {
        let (mut publisher, ring) = sleepy_staged(2, GATED);
        let mut upstream = ring.upstream().unwrap();
        let publishing = move || {
            publish(&mut publisher, 1);
            publisher
        };
        let reading = move || {
            assert_eq!(*upstream.recv().unwrap(), 0);
            upstream
        };
        apart(swap, publishing, reading);
    });
}

/// A publisher that waits for room is woken by a release.
#[test]
fn no_lost_wake_up_of_publishers_behind_upstream() {
    model(|swap| {
        let (mut publisher, ring) = sleepy_staged(1, BLOCKING);
        let mut upstream = ring.upstream().unwrap();
        publish(&mut publisher, 1);
        upstream.drain(1, |_, _| ()).unwrap();
        let publishing = move || {
            publish(&mut publisher, 1);
            publisher
        };
        let releasing = move || {
            upstream.release(1).unwrap();
            upstream
        };
        apart(swap, publishing, releasing);
    });
}

/// Who waits for room in a publisher's place is notified, on a ring that rejects as well.
#[test]
fn no_lost_wake_up_of_who_waits_for_room() {
    model(|swap| {
        let (mut publisher, ring) = sleepy_staged(1, GATED);
        let mut upstream = ring.upstream().unwrap();
        publish(&mut publisher, 1);
        upstream.drain(1, |_, _| ()).unwrap();
        let flag = Flag::new();
        let waiter = models::room_waiter(&ring, flag.clone());
        let waiting = move || {
            let armed = waiter.arm(0);
            (
                armed && publisher.try_publish(1).is_err(),
                waiter,
                publisher,
            )
        };
        let releasing = move || {
            models::raise_barrier(&ring, 1);
            models::move_gate(&mut upstream, 1);
            upstream
        };
        let ((waits, _waiter, _publisher), _upstream) = apart(swap, waiting, releasing);
        assert!(!waits || flag.is_up(), "no room, and nobody told");
    });
}

/// Dropped while a publisher publishes: it is refused, and nothing beyond the barrier is shown.
#[test]
fn upstream_dropped_while_publishing() {
    model(|swap| {
        // The permit reaches beyond what is published here.
        let (mut publisher, ring) = staged(4, GATED);
        let mut upstream = ring.upstream().unwrap();
        publish(&mut publisher, 1);
        upstream.drain(1, |_, _| ()).unwrap();
        upstream.release(1).unwrap();
        let mut reader = ring.subscribe(Start::Oldest).unwrap();
        let publishing = move || {
            try_publish(&mut publisher, 1);
            publisher
        };
        let (mut publisher, ()) = together(swap, publishing, move || drop(upstream));
        assert!(publisher.publish(9).is_err(), "published for nobody");
        assert_eq!(drain(&mut reader, true), 1);
        let end = TryRecvError::Closed { abandoned: true };
        assert_eq!(reader.try_recv().unwrap_err(), end);
    });
}

/// Dropped while others sleep, a reader downstream, another upstream and a publisher that waits for room: all are told.
#[test]
fn upstream_dropped_while_others_sleep() {
    model(|swap| {
        let (mut publisher, ring) = sleepy_staged(1, BLOCKING);
        let (upstream, other) = (ring.upstream().unwrap(), ring.upstream().unwrap());
        let flags = [Flag::new(), Flag::new()];
        let below = ring.waiter(flags[0].clone());
        let beside = other.waiter(flags[1].clone());
        assert!(below.arm(0));
        publish(&mut publisher, 1);
        assert!(beside.arm(1));
        // Kept: to drop it would end the ring as well, and wake them for that.
        let publishing = move || (publisher.publish(1).is_err(), publisher);
        let ((refused, _publisher), ()) = apart(swap, publishing, move || drop(upstream));
        assert!(refused);
        assert!(
            flags.iter().all(|flag| flag.is_up()),
            "abandoned, and nobody told"
        );
    });
}

/// The end is seen downstream after the last value, however closing and releasing meet, and nobody sleeps through it.
#[test]
fn the_end_is_seen_last() {
    model(|swap| {
        let (mut publisher, ring) = sleepy_staged(2, GATED);
        let mut upstream = ring.upstream().unwrap();
        let mut reader = ring.subscribe(Start::Oldest).unwrap();
        let flag = Flag::new();
        let waiter = ring.waiter(flag.clone());
        publish(&mut publisher, 1);
        upstream.drain(1, |_, _| ()).unwrap();
        // Behind the value: only the end wakes it.
        assert!(waiter.arm(1));
        let releasing = move || {
            upstream.release(1).unwrap();
            upstream
        };
        let (_upstream, ()) = apart(swap, releasing, move || drop(publisher));
        assert_eq!(*reader.try_recv().unwrap(), 0);
        let end = TryRecvError::Closed { abandoned: false };
        assert_eq!(reader.try_recv().unwrap_err(), end);
        assert!(flag.is_up(), "slept through the end");
    });
}

/// A publisher that passes and a driver that raises: each part is one's alone, and nothing is left out.
#[test]
fn who_moves_the_barrier_moves_it_over_a_range_of_its_own() {
    model(|swap| {
        let (mut publisher, ring) = staged(4, GATED);
        publish(&mut publisher, 2);
        let driver = ring.clone();
        let passing = move || {
            let first = models::pass(&mut publisher, 1);
            publish(&mut publisher, 1);
            [first, models::pass(&mut publisher, 3)]
        };
        let raising = move || models::raise_barrier(&driver, 2);
        let (passed, raised) = together(swap, passing, raising);
        let mut parts: Vec<u64> = passed.into_iter().chain([raised]).flatten().collect();
        parts.sort_unstable();
        assert_eq!((parts, ring.visible()), (vec![0, 1, 2], 3));
    });
}

/// Two that release at once: the barrier ends at the minimum of both.
#[test]
fn the_barrier_is_the_minimum_of_two() {
    model(|swap| {
        let (mut publisher, ring) = staged(2, GATED);
        let (mut one, mut other) = (ring.upstream().unwrap(), ring.upstream().unwrap());
        publish(&mut publisher, 2);
        let releasing = move || {
            one.drain(2, |_, _| ()).unwrap();
            one.release(2).unwrap();
            one
        };
        let beside = move || {
            other.drain(1, |_, _| ()).unwrap();
            other.release(1).unwrap();
            other
        };
        let (_one, _other) = together(swap, releasing, beside);
        assert_eq!(ring.visible(), 1);
    });
}
