//! A group is one reader: one gate for its slowest cursor, one pin for those in a block.
#![cfg(loom)]

use eventring::ring::{Overflow, ReaderGroup, Start};
use loom_tests::{GATED, model, publish, ring, together, try_publish};

/// Drains once, and checks that payloads are sequences. Returns how many were read or missed.
fn drain(group: &mut ReaderGroup<u64>, max: usize) -> u64 {
    let round = group.drain(max, |_, first, values| {
        for (sequence, value) in (first..).zip(values) {
            assert_eq!(*value, sequence, "the payload of this sequence");
        }
    });
    round.read + round.missed
}

/// A cursor that joins its group behind the others is held from there on.
#[test]
fn add_behind_the_group_while_running() {
    model(|swap| {
        let (mut publisher, ring) = ring(1, GATED);
        let mut group = ring.group_gated().unwrap();
        publish(&mut publisher, 1);
        let publishing = move || {
            try_publish(&mut publisher, 2);
            publisher
        };
        let reading = move || {
            // Refused if it is gone already. The next one stands at or above it, and lets go of nothing.
            let behind = group.add(Start::At(0));
            let newest = group.add(Start::Newest).unwrap();
            drain(&mut group, usize::MAX);
            drain(&mut group, usize::MAX);
            (group, behind.ok(), newest)
        };
        let (publisher, (mut group, behind, newest)) = together(swap, publishing, reading);
        drain(&mut group, usize::MAX);
        for id in behind.into_iter().chain([newest]) {
            assert_eq!(group.position(id), Some(publisher.next()));
        }
    });
}

/// Publishers go by the slowest cursor of a group, not by the others.
#[test]
fn group_gates_at_its_slowest() {
    model(|swap| {
        let (mut publisher, ring) = ring(2, GATED);
        publish(&mut publisher, 2);
        let mut group = ring.group_gated().unwrap();
        let slow = group.add(Start::At(0)).unwrap();
        group.add(Start::Newest).unwrap();
        let publishing = move || {
            try_publish(&mut publisher, 3);
            publisher
        };
        let reading = move || {
            drain(&mut group, 1);
            group
        };
        let (publisher, group) = together(swap, publishing, reading);
        assert_eq!(group.position(slow), Some(1));
        assert!(publisher.next() <= 3, "a capacity above the slowest");
    });
}

/// Cursors in several blocks are read each under a pin on its own, and count exactly.
#[test]
fn group_reads_under_its_pin() {
    model(|swap| {
        let (mut publisher, ring) = ring(2, Overflow::Overwrite);
        publish(&mut publisher, 3);
        let mut group = ring.group().unwrap();
        let ids = [1, 2].map(|at| group.add(Start::At(at)).unwrap());
        let publishing = move || publish(&mut publisher, 2);
        let reading = move || {
            let counted = drain(&mut group, 1);
            (group, counted)
        };
        let ((), (mut group, mut counted)) = together(swap, publishing, reading);
        while ids.iter().any(|&id| group.position(id) != Some(5)) {
            counted += drain(&mut group, 1);
        }
        assert_eq!(counted, 4 + 3);
    });
}
