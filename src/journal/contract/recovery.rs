//! What is there after a stop, and after a crash.

use std::ops::{ControlFlow, Range};

use super::Fixture;
use super::model::{Model, read_all};
use crate::event::{Event, Filter};
use crate::journal::{CommitRound, Hole, HoleReason, Journal, RoundEvent, Scan};

fn commit_some(journal: &mut dyn Journal, model: &mut Model, rounds: usize) {
    for _ in 0..rounds {
        let events = model.batch("recovery", 3, 100);
        model.recorded += 7;
        model.commit(journal, events);
    }
}

/// Checks which holes were found, and that readers are told of them.
fn check_holes(journal: &dyn Journal, expected: &[Range<u64>]) {
    let expected: Vec<Hole> = expected
        .iter()
        .map(|range| Hole::new(range.clone(), HoleReason::Crash))
        .collect();
    let recovered = journal.recovered();
    assert_eq!(recovered.holes, expected);
    let filter = Filter::all();
    let mut reader = journal.view().reader().expect("a reader");
    for descending in [false, true] {
        let scan = Scan::new(&filter, 0..recovered.next).descending(descending);
        // A hole may come in parts, where a call ended inside it.
        let (_, mut told) = read_all(&mut *reader, &scan);
        told.sort_by_key(|hole| hole.range.start);
        told.dedup_by(|next, hole| {
            let joins = next.range.start == hole.range.end && next.reason == hole.reason;
            if joins {
                hole.range.end = next.range.end;
            }
            joins
        });
        assert_eq!(told, expected);
    }
}

pub(super) fn what_was_committed_survives_a_crash(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let epoch = journal.recovered().epoch;
    let mut model = Model::new();
    for _ in 0..4 {
        commit_some(&mut *journal, &mut model, 40);
        fixture.crash(journal);
        journal = fixture.open();
        let recovered = journal.recovered();
        assert_eq!(recovered.epoch, epoch);
        assert_eq!(
            (recovered.last, recovered.next),
            (model.next - 1, model.next)
        );
        assert!(!recovered.clean, "it was not closed");
        // Nothing was shown that was not written: nothing is missing.
        check_holes(&*journal, &[]);
        model.check(&*journal);
    }
}

pub(super) fn a_clean_stop_leaves_no_hole(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let epoch = journal.recovered().epoch;
    let mut model = Model::new();
    for _ in 0..3 {
        commit_some(&mut *journal, &mut model, 10);
        assert_eq!(journal.close(), Ok(()));
        drop(journal);
        journal = fixture.open();
        let recovered = journal.recovered();
        assert!(recovered.clean);
        assert_eq!(recovered.epoch, epoch);
        assert_eq!(
            (recovered.last, recovered.next),
            (model.next - 1, model.next)
        );
        check_holes(&*journal, &[]);
        model.check(&*journal);
    }
}

pub(super) fn reserved_offsets_are_never_given_again(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    commit_some(&mut *journal, &mut model, 2);
    let reserved = model.next + 1_000;
    assert_eq!(journal.reserve(reserved), Ok(()));
    // Events that are not kept were shown up to somewhere below it.
    model.next += 10;
    commit_some(&mut *journal, &mut model, 1);
    let first = model.next..reserved;
    fixture.crash(journal);
    let mut journal = fixture.open();
    assert_eq!(journal.recovered().last, model.next - 1);
    assert_eq!(journal.recovered().next, reserved);
    check_holes(&*journal, std::slice::from_ref(&first));
    // The next life: told again, and one more.
    model.next = reserved;
    commit_some(&mut *journal, &mut model, 1);
    assert_eq!(journal.reserve(model.next + 50), Ok(()));
    let second = model.next..model.next + 50;
    fixture.crash(journal);
    let journal = fixture.open();
    assert_eq!(journal.recovered().next, second.end);
    check_holes(&*journal, &[first.clone(), second.clone()]);
    // Nothing happened since: nothing comes to it.
    fixture.crash(journal);
    let journal = fixture.open();
    assert_eq!(journal.recovered().next, second.end);
    check_holes(&*journal, &[first, second]);
    model.check(&*journal);
}

pub(super) fn a_reservation_can_be_taken_back(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    assert_eq!(journal.reserve(1 << 20), Ok(()));
    commit_some(&mut *journal, &mut model, 3);
    assert_eq!(journal.reserve(model.next), Ok(()));
    fixture.crash(journal);
    let journal = fixture.open();
    assert_eq!(journal.recovered().next, model.next);
    check_holes(&*journal, &[]);
}

pub(super) fn recorded_never_goes_back(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    assert_eq!(journal.recovered().recorded, 0);
    commit_some(&mut *journal, &mut model, 5);
    let last = model.kept.last().map_or(0, |kept| kept.recorded);
    fixture.crash(journal);
    let mut journal = fixture.open();
    assert_eq!(
        journal.recovered().recorded,
        last,
        "what comes next is not before it"
    );
    let mut reader = journal.view().reader().expect("a reader");
    assert_eq!(reader.since(last + 1), Ok(model.next));
    model.recorded = last;
    commit_some(&mut *journal, &mut model, 1);
    assert_eq!(journal.close(), Ok(()));
    drop((reader, journal));
    assert_eq!(fixture.open().recovered().recorded, last);
}

pub(super) fn what_was_given_up_is_told(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let event = Event::builder("given-up", "t").build().unwrap();
    let given_up = Hole::new(2..4, HoleReason::Aborted);
    for (offset, holes) in [
        (1, Vec::new()),
        (5, vec![given_up.clone()]),
        (6, Vec::new()),
    ] {
        let mut round = CommitRound {
            flush: true,
            holes,
            ..CommitRound::default()
        };
        let event = RoundEvent::new(offset, 1_000, event.as_ref());
        round.events.push(event);
        assert_eq!(journal.commit(&mut round), Ok(()));
    }
    // With nothing to write beside them it counts as well, flushed or not.
    let mut all = vec![given_up];
    for (range, flush) in [(7..9, true), (9..10, false)] {
        let given_up = Hole::new(range, HoleReason::Indeterminate);
        all.push(given_up.clone());
        let mut round = CommitRound {
            flush,
            holes: vec![given_up],
            ..CommitRound::default()
        };
        assert_eq!(journal.commit(&mut round), Ok(()));
    }
    fixture.crash(journal);
    for _ in 0..2 {
        let mut journal = fixture.open();
        let recovered = journal.recovered();
        assert_eq!(recovered.holes, all);
        assert_eq!((recovered.last, recovered.next), (6, 10));
        let everything = Filter::all();
        let mut reader = journal.view().reader().unwrap();
        let scan = Scan::new(&everything, 1..10);
        let end = reader.read(&scan, &mut |_| ControlFlow::Continue(()));
        assert_eq!(end.unwrap().holes, all);
        assert_eq!(journal.close(), Ok(()));
    }
}
