//! What is committed comes back.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::Fixture;
use super::model::Model;
use crate::event::{Event, Filter};
use crate::journal::{CommitRound, JournalError, JournalState, RoundEvent, Scan};

/// Calls of `maintain` after which upkeep of a small journal is done.
const UPKEEP_MAX: u32 = 10_000;

pub(super) fn a_new_journal_is_empty(fixture: &mut dyn Fixture) {
    let journal = fixture.open();
    let recovered = journal.recovered();
    assert_eq!((recovered.last, recovered.next), (0, 1));
    assert!(recovered.holes.is_empty() && recovered.clean);
    let view = journal.view();
    assert_eq!(view.state(), JournalState::Writable);
    let stats = view.stats();
    assert_eq!((stats.last, stats.events, stats.oldest_recorded), (0, 0, 0));
    let mut reader = view.reader().expect("a reader");
    assert_eq!(reader.since(0), Ok(1));
    Model::new().check(&*journal);
}

pub(super) fn events_come_back_as_they_were(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    for round in 0..50_u64 {
        let mut events = Vec::new();
        for n in 0..round % 7 {
            // Events between them are not kept: offsets have holes, also within a round, and at its ends.
            model.next += (round + n) % 3;
            model.recorded += (round % 4) as i64 * 10;
            let mut event = model.event(&format!("a.{}", n % 3), (round * 13 + n) as usize % 400);
            event.version = (n == 2).then_some(round + 1);
            events.push(event);
        }
        model.commit(&mut *journal, events);
        model.next += round % 2;
    }
    model.check(&*journal);
    // Every attribute, every kind of data, and none.
    let mut builder = Event::builder("größe.von", "π");
    builder
        .id("1")
        .source("/s")
        .subject("x")
        .time("2026-03-01T12:00:00.5+02:00");
    builder
        .tag("k", "v")
        .header("h", "w")
        .json_attribute("n", "1.50")
        .actor("user", "u");
    let full = builder.json("{\"a\": 1.0}").build().expect("an event");
    let reserved = Event::builder("$sys.x", "t")
        .text("ü")
        .build()
        .expect("an event");
    for event in [
        full,
        reserved,
        Event::builder("a", "t").build().expect("an event"),
    ] {
        let mut kept = model.event("a", 0);
        kept.event = event;
        model.commit(&mut *journal, vec![kept]);
    }
    let kept = model.kept.clone();
    // Reserved topics are taken by name only, so that they do not come with everything.
    let filter = Filter::parse(["$sys.>", ">"]).expect("a filter");
    let mut reader = journal.view().reader().expect("a reader");
    let scan = Scan::new(&filter, 0..model.next);
    let (found, holes) = super::model::read_all(&mut *reader, &scan);
    model.compare(&found, &kept);
    assert_eq!(holes, [], "what is not kept is no hole that is told");
}

pub(super) fn a_round_of_every_size_comes_back(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    for bytes in [0, 1, 4_000, 16_300, 16_384, 40_000, 1 << 20, 10] {
        let event = model.event("sizes", bytes);
        model.commit(&mut *journal, vec![event]);
    }
    let events = model.batch("sizes", 4_096, 100);
    model.commit(&mut *journal, events);
    model.check(&*journal);
    // A round without events is one, too: a probe whether it can write.
    let mut probe = CommitRound {
        flush: true,
        ..CommitRound::default()
    };
    assert_eq!(journal.commit(&mut probe), Ok(()));
    model.check(&*journal);
}

pub(super) fn batches_stay_whole(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    for events in [1, 2, 64, 500] {
        let batch = model.batch("batch", events, 300);
        model.commit(&mut *journal, batch);
    }
    fixture.crash(journal);
    let journal = fixture.open();
    model.check(&*journal);
    assert_eq!(journal.recovered().last, model.next - 1);
}

pub(super) fn figures_follow_commits(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let view = journal.view();
    let mut model = Model::new();
    model.next = 5;
    for n in 1..=20 {
        let event = model.event("figures", 10);
        model.recorded += 1;
        model.commit(&mut *journal, vec![event]);
        let stats = view.stats();
        assert_eq!((stats.oldest, stats.last), (5, model.next - 1));
        assert_eq!(stats.oldest_recorded, model.kept[0].recorded);
        assert_eq!((stats.commits, stats.events), (n, n));
        assert!(stats.bytes > 0);
    }
    assert!(view.stats().flushes >= 10, "every other round is flushed");
}

pub(super) fn upkeep_changes_nothing(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    let mut now = Instant::now();
    for round in 0..300 {
        let event = model.event(&format!("upkeep.{}", round % 5), 200);
        model.commit(&mut *journal, vec![event]);
        journal.maintain(now);
        now += Duration::from_millis(1);
    }
    model.check(&*journal);
    let mut calls = 0;
    while let Some(wait) = journal.maintain(now) {
        now += wait;
        calls += 1;
        assert!(calls < UPKEEP_MAX, "upkeep comes to an end");
        if calls % 16 == 0 {
            model.check(&*journal);
        }
    }
    model.check(&*journal);
    fixture.crash(journal);
    model.check(&*fixture.open());
}

pub(super) fn a_closed_journal_says_so(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    let event = model.event("closed", 1);
    model.commit(&mut *journal, vec![event]);
    let view = journal.view();
    let mut reader = view.reader().unwrap();
    assert_eq!(journal.close(), Ok(()));
    assert_eq!(view.state(), JournalState::Closed);
    assert_eq!(view.reader().err(), Some(JournalError::Closed));
    // Whoever was reading goes on: everything is there.
    let (everything, mut seen) = (Filter::all(), Vec::new());
    let scan = Scan::new(&everything, 1..model.next);
    let end = reader.read(&scan, &mut |stored| {
        seen.push(stored.offset);
        ControlFlow::Continue(())
    });
    let end = end.unwrap();
    assert_eq!((seen.len() as u64 + 1, end.next), (model.next, model.next));
    assert_eq!(reader.since(i64::MAX), Ok(model.next));
    assert_eq!(reader.stream_version("none", "none"), Ok(None));
    assert_eq!(reader.state(&mut |_| {}), Ok(()));
    let late = model.event("closed", 1);
    let late = RoundEvent::new(late.offset, late.recorded, late.event.as_ref());
    let mut round = CommitRound {
        events: vec![late],
        ..CommitRound::default()
    };
    assert!(
        journal.commit(&mut round).is_err(),
        "nothing is taken any more"
    );
    drop(journal);
    model.check(&*fixture.open());
}
