//! What goes on request, and what goes by a bound of its topic. A journal that keeps everything passes as well.

use std::ops::ControlFlow;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::Fixture;
use super::model::{Kept, Model, read_all};
use crate::event::{Event, Filter};
use crate::journal::{
    CommitRound, Hole, HoleReason, Journal, Retention, Scan, StateWork, TopicPolicy, holds,
};

/// Calls of `maintain` after which upkeep of a small journal is done.
const UPKEEP_MAX: u32 = 10_000;
/// Calls of it in which a small journal does what it can do.
const TRIES: u32 = 200;

/// Makes an event of a stream.
fn of_stream(model: &mut Model, topic: &str, version: u64) -> Kept {
    let mut kept = model.event(topic, 0);
    let mut builder = Event::builder(topic, "contract");
    builder.stream("order", topic, None);
    kept.event = builder.build().expect("an event");
    kept.version = Some(version);
    kept
}

fn keep_up(journal: &mut dyn Journal) {
    let (mut now, mut calls) = (Instant::now(), 0);
    while let Some(wait) = journal.maintain(now) {
        (now, calls) = (now + wait, calls + 1);
        assert!(calls < UPKEEP_MAX, "upkeep comes to an end");
    }
}

/// Commits events of two topics in turn, each tenth with a stream.
fn commit(journal: &mut dyn Journal, model: &mut Model, rounds: u64) {
    for round in 0..rounds {
        for topic in ["gone", "stays"] {
            let mut events = model.batch(topic, 9, 50);
            if topic == "gone" {
                events.push(of_stream(model, topic, round + 1));
            }
            model.recorded += 1;
            model.commit(journal, events);
        }
    }
}

fn check_without_holes(journal: &dyn Journal, model: &Model) {
    model.check(journal);
    let mut reader = journal.view().reader().expect("a reader");
    for pattern in ["gone", "stays", ">"] {
        let filter = Filter::parse([pattern]).expect("a filter");
        for descending in [false, true] {
            let scan = Scan::new(&filter, 0..model.next).descending(descending);
            let (found, holes) = read_all(&mut *reader, &scan);
            model.compare(&found, &model.expect(&filter, 0..model.next, descending));
            assert_eq!(holes, [], "whoever asked knows");
        }
    }
}

pub(super) fn what_is_truncated_is_gone_at_once_and_for_good(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    commit(&mut *journal, &mut model, 40);
    let below = model.next / 2;
    // One that does not delete says so, and has deleted nothing.
    if journal.truncate("gone", below, false).is_err() {
        assert!(!fixture.deletes(), "it is said to delete");
        return check_without_holes(&*journal, &model);
    }
    let is_gone = |kept: &Kept, below: u64| kept.offset < below && kept.event.topic() == "gone";
    let (next, recorded) = (model.next, model.recorded);
    model
        .kept
        .retain(|kept| !is_gone(kept, below) || kept.version.is_some());
    check_without_holes(&*journal, &model);
    keep_up(&mut *journal);
    check_without_holes(&*journal, &model);
    fixture.crash(journal);
    let mut journal = fixture.open();
    check_without_holes(&*journal, &model);
    assert_eq!(journal.recovered().next, next);
    // A lower offset, and a topic that nobody has heard of, change nothing.
    assert_eq!(journal.truncate("gone", below / 2, false), Ok(()));
    assert_eq!(journal.truncate("unheard", u64::MAX, true), Ok(()));
    check_without_holes(&*journal, &model);
    assert_eq!(journal.truncate("gone", u64::MAX, true), Ok(()));
    model.kept.retain(|kept| kept.event.topic() != "gone");
    check_without_holes(&*journal, &model);
    // What comes then is there, and versions go on.
    let event = of_stream(&mut model, "gone", 41);
    model.recorded = recorded + 1;
    model.commit(&mut *journal, vec![event]);
    keep_up(&mut *journal);
    check_without_holes(&*journal, &model);
    let mut reader = journal.view().reader().expect("a reader");
    assert_eq!(reader.stream_version("order", "gone"), Ok(Some(41)));
    assert_eq!(journal.close(), Ok(()));
    drop((reader, journal));
    let mut journal = fixture.open();
    check_without_holes(&*journal, &model);
    assert_eq!(journal.truncate("gone", u64::MAX, true), Ok(()));
    assert_eq!(journal.truncate("stays", u64::MAX, true), Ok(()));
    model.kept.clear();
    keep_up(&mut *journal);
    check_without_holes(&*journal, &model);
    fixture.crash(journal);
    let journal = fixture.open();
    check_without_holes(&*journal, &model);
    assert_eq!(journal.recovered().next, model.next);
    let mut reader = journal.view().reader().expect("a reader");
    assert_eq!(reader.stream_version("order", "gone"), Ok(Some(41)));
}

pub(super) fn a_topic_keeps_what_its_bounds_allow(fixture: &mut dyn Fixture) {
    const BOUND: u64 = 50;
    let mut journal = fixture.open();
    let mut model = Model::new();
    let gone = Filter::parse(["gone"]).expect("a filter");
    let stays = Filter::parse(["stays"]).expect("a filter");
    let policy = TopicPolicy::default().retention(Retention::default().events(Some(BOUND)));
    // Before there is anything, when there is, and after it was opened again.
    for rounds in [30, 30, 30] {
        journal.set_topic("gone", &policy).expect("it is taken");
        commit(&mut *journal, &mut model, rounds);
        keep_up(&mut *journal);
        let mut reader = journal.view().reader().expect("a reader");
        let (found, holes) = read_all(&mut *reader, &Scan::new(&gone, 1..model.next));
        let plain = found.iter().filter(|kept| kept.version.is_none());
        let plain: Vec<u64> = plain.map(|kept| kept.offset).collect();
        let all = model
            .kept
            .iter()
            .filter(|kept| kept.event.topic() == "gone");
        if found.len() == all.count() {
            assert!(!fixture.deletes(), "it is said to delete");
            return;
        }
        let left = plain.len() as u64;
        assert!((BOUND..=BOUND + BOUND / 5).contains(&left), "{left}");
        model.kept.retain(|kept| {
            kept.event.topic() != "gone" || kept.version.is_some() || kept.offset >= plain[0]
        });
        model.check(&*journal);
        // Joined, they reach from the beginning to the last event that went.
        let end = holes.last().map_or(0, |hole| hole.range.end);
        assert!(
            holes
                .iter()
                .all(|hole| hole.reason == HoleReason::Retention)
        );
        assert!((1..=plain[0]).contains(&end), "{end} {plain:?}");
        // Whoever reads a part is told how far all of it goes.
        let scan = Scan::new(&gone, 1..model.next).events_max(1);
        let part = reader.read(&scan, &mut |_| ControlFlow::Continue(()));
        assert_eq!(part.map(|part| part.retained_below), Ok(end));
        let view = journal.view();
        assert_eq!(view.retained_below(&gone), end);
        assert_eq!(view.retained_below(&stays), 0);
        let (_, behind) = read_all(&mut *reader, &Scan::new(&gone, plain[0]..model.next));
        let none: [Hole; 0] = [];
        assert_eq!(behind, none, "nothing is missing there");
        // Others are told nothing.
        let scan = Scan::new(&stays, 1..model.next).descending(true);
        let (found, holes) = read_all(&mut *reader, &scan);
        model.compare(&found, &model.expect(&stays, 1..model.next, true));
        assert_eq!(holes, none);
        drop(reader);
        fixture.crash(journal);
        journal = fixture.open();
        model.check(&*journal);
    }
}

/// Sets a hold, or removes it, as whoever needs something does.
fn hold(journal: &mut dyn Journal, position: Option<u64>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_millis() as i64);
    let mut round = CommitRound::default();
    let change = StateWork::new(Box::new(move |tx| match position {
        Some(position) => holds::set(tx, "contract", position, now),
        None => holds::remove(tx, "contract").map(|_| ()),
    }));
    round.work.push(change);
    assert_eq!(journal.commit(&mut round), Ok(()));
}

/// Lets a journal do what it can: where something is held it is never done.
fn try_to(journal: &mut dyn Journal) {
    let mut now = Instant::now();
    for _ in 0..TRIES {
        match journal.maintain(now) {
            Some(wait) => now += wait,
            None => return,
        }
    }
}

pub(super) fn what_is_held_stays_until_it_is_not(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    let gone = Filter::parse(["gone"]).expect("a filter");
    let policy = TopicPolicy::default().retention(Retention::default().events(Some(50)));
    let _ = journal.set_topic("gone", &policy);
    commit(&mut *journal, &mut model, 10);
    let held = model.next;
    hold(&mut *journal, Some(held));
    let left = |journal: &dyn Journal, next: u64, below: u64| {
        let mut reader = journal.view().reader().expect("a reader");
        let (found, _) = read_all(&mut *reader, &Scan::new(&gone, 1..next));
        let plain = found.iter().filter(|kept| kept.version.is_none());
        plain.filter(|kept| kept.offset < below).count()
    };
    for _ in 0..2 {
        commit(&mut *journal, &mut model, 20);
        try_to(&mut *journal);
        let (all, before) = (
            left(&*journal, model.next, u64::MAX),
            left(&*journal, model.next, held),
        );
        let behind = model.kept.iter().filter(|kept| {
            kept.offset >= held && kept.version.is_none() && kept.event.topic() == "gone"
        });
        assert_eq!(all - before, behind.count(), "what is held is there");
        assert!(
            before < 90 || !fixture.deletes(),
            "what is not held goes: {before}"
        );
        fixture.crash(journal);
        journal = fixture.open();
        let _ = journal.set_topic("gone", &policy);
    }
    hold(&mut *journal, None);
    commit(&mut *journal, &mut model, 1);
    try_to(&mut *journal);
    let left = left(&*journal, model.next, u64::MAX);
    // In passes, each of a part of it.
    let behind = model.kept.iter().filter(|kept| {
        kept.offset >= held && kept.version.is_none() && kept.event.topic() == "gone"
    });
    let is_less = left < behind.count();
    assert!(is_less || !fixture.deletes(), "what was held goes: {left}");
}
