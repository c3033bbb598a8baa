//! What a gated reader still reads is not written over, whenever it joins, seeks, is cloned or leaves.
#![cfg(loom)]

use eventring::ring::Start;
use loom::thread;
use loom_tests::{GATED, drain, model, publish, ring, together, try_publish};

/// A publisher never writes a slot that a gated reader still needs.
#[test]
fn gate_not_lapped() {
    for capacity in [1, 2] {
        model(move |swap| {
            let (mut publisher, ring) = ring(capacity, GATED);
            let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
            publish(&mut publisher, capacity as u64);
            let publishing = move || {
                try_publish(&mut publisher, 3);
                publisher
            };
            let reading = move || {
                drain(&mut gated, true);
                drain(&mut gated, true);
                gated
            };
            let (publisher, mut gated) = together(swap, publishing, reading);
            drain(&mut gated, true);
            assert_eq!(gated.position(), publisher.next());
        });
    }
}

/// A gated and a lossy reader on one ring: the one loses nothing, the other holds nobody back.
#[test]
fn gated_and_lossy_together() {
    model(|swap| {
        let (mut publisher, ring) = ring(1, GATED);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        let mut lossy = ring.subscribe(Start::Newest).unwrap();
        publish(&mut publisher, 1);
        let looking = thread::spawn(move || drain(&mut lossy, false));
        let publishing = move || {
            try_publish(&mut publisher, 2);
            publisher
        };
        let reading = move || {
            drain(&mut gated, true);
            gated
        };
        let (publisher, mut gated) = together(swap, publishing, reading);
        looking.join().unwrap();
        drain(&mut gated, true);
        assert_eq!(gated.position(), publisher.next());
    });
}

/// A gated reader that joins at the oldest while the publisher opens blocks loses nothing from there on.
#[test]
fn join_at_oldest_while_running() {
    for capacity in [1, 2] {
        model(move |swap| {
            let (mut publisher, ring) = ring(capacity, GATED);
            publish(&mut publisher, 2);
            let publishing = move || {
                try_publish(&mut publisher, 2);
                publisher
            };
            let reading = move || {
                let mut gated = ring.subscribe_gated(Start::Oldest).unwrap();
                drain(&mut gated, true);
                gated
            };
            let (publisher, mut gated) = together(swap, publishing, reading);
            drain(&mut gated, true);
            assert_eq!(gated.position(), publisher.next());
        });
    }
}

/// A gated reader that seeks back to what is kept finds it, and holds it.
#[test]
fn seek_back_while_running() {
    for capacity in [1, 2] {
        model(move |swap| {
            let (mut publisher, ring) = ring(capacity, GATED);
            let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
            for _ in 0..2 {
                publish(&mut publisher, 1);
                assert_eq!(drain(&mut gated, true), 1);
            }
            let publishing = move || {
                try_publish(&mut publisher, 2);
                publisher
            };
            let reading = move || {
                // Refused if it is gone already.
                let _ = gated.seek(1);
                drain(&mut gated, true);
                gated
            };
            let (publisher, mut gated) = together(swap, publishing, reading);
            drain(&mut gated, true);
            assert_eq!(gated.position(), publisher.next());
        });
    }
}

/// What a gated reader read before it left is not written over meanwhile.
#[test]
fn leave_while_running() {
    model(|swap| {
        let (mut publisher, ring) = ring(1, GATED);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        publish(&mut publisher, 1);
        let publishing = move || try_publish(&mut publisher, 2);
        let reading = move || {
            // It looks, and does not move its gate.
            let looked = gated.read_while(1, |sequence, value| *value != sequence);
            assert_eq!(looked, Ok(0));
        };
        together(swap, publishing, reading);
    });
}

/// Joining counts for the very next publish, also where the publisher may go on to the end of its block.
#[test]
fn a_late_gate_gates_at_once() {
    model(|swap| {
        let (mut publisher, ring) = ring(3, GATED);
        publish(&mut publisher, 1);
        let publishing = move || {
            publish(&mut publisher, 1);
            publisher
        };
        let joining = move || ring.subscribe_gated(Start::At(0)).unwrap();
        let (mut publisher, _gated) = together(swap, publishing, joining);
        // 0 to 2 fit, 3 does not, although its block is open.
        publish(&mut publisher, 1);
        assert!(publisher.publish(3).is_err());
    });
}

/// A clone holds what is before its cursor by itself: its original may go on, or leave.
#[test]
fn clone_while_running() {
    model(|swap| {
        let (mut publisher, ring) = ring(1, GATED);
        let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
        publish(&mut publisher, 1);
        let publishing = move || {
            try_publish(&mut publisher, 2);
            publisher
        };
        let reading = move || {
            let mut clone = gated.try_clone().unwrap();
            drain(&mut gated, true);
            drop(gated);
            drain(&mut clone, true);
            clone
        };
        let (publisher, mut clone) = together(swap, publishing, reading);
        drain(&mut clone, true);
        assert_eq!(clone.position(), publisher.next());
    });
}
