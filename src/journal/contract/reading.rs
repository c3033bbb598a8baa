//! Readers find what they ask for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Fixture;
use super::model::{Model, read_all};
use crate::event::{Event, Filter};
use crate::journal::{Journal, Scan};

/// Calls of `maintain` that let a journal bring itself into its lasting form, at most.
const UPKEEP: usize = 1_000;

/// Commits rounds of many topics, so that parts of it have some of them and not others.
fn many_topics(journal: &mut dyn Journal, model: &mut Model, rounds: u64) {
    for round in 0..rounds {
        let mut events = Vec::new();
        for n in 0..20 {
            model.next += u64::from(n == 7);
            let topic = match n % 4 {
                0 => format!("orders.eu.{}", round % 10),
                1 => format!("orders.us.{}", (round + n) % 10),
                2 => format!("users.{}", round * 20 + n),
                _ => "ticks".to_owned(),
            };
            events.push(model.event(&topic, 50));
        }
        model.recorded += 1_000;
        model.commit(journal, events);
    }
}

fn keep_up(journal: &mut dyn Journal) {
    let mut now = Instant::now();
    for _ in 0..UPKEEP {
        match journal.maintain(now) {
            Some(wait) => now += wait,
            None => return,
        }
    }
}

pub(super) fn filters_take_their_topics(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    many_topics(&mut *journal, &mut model, 60);
    keep_up(&mut *journal);
    many_topics(&mut *journal, &mut model, 20);
    let mut reader = journal.view().reader().expect("a reader");
    let filters: &[&[&str]] = &[
        &[">"],
        &["ticks"],
        &["orders.eu.3"],
        &["orders.*.3", "users.0"],
        &["orders.eu.>", "ticks"],
        &["*.us.*"],
        &["users.*"],
        &["users.402"],
        &["nobody", "orders"],
        &["$sys.>"],
    ];
    for patterns in filters {
        let filter = Filter::parse(*patterns).expect("a filter");
        for descending in [false, true] {
            for range in [0..model.next, 100..777, 500..501, 600..600, 900..u64::MAX] {
                let scan = Scan::new(&filter, range.clone()).descending(descending);
                let (found, holes) = read_all(&mut *reader, &scan);
                assert_eq!(holes, []);
                model.compare(&found, &model.expect(&filter, range, descending));
            }
        }
    }
    // The topic is new, and the reader has looked for it before.
    let filter = Filter::parse(["nobody", "orders"]).expect("a filter");
    let event = model.event("nobody", 5);
    model.commit(&mut *journal, vec![event]);
    let (found, _) = read_all(&mut *reader, &Scan::new(&filter, 0..model.next));
    model.compare(&found, &model.expect(&filter, 0..model.next, false));
    assert_eq!(found.len(), 1);
}

pub(super) fn a_rare_topic_is_found(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    for round in 0..200_u64 {
        let mut events = model.batch("busy", 100, 300);
        if round % 50 == 3 {
            let rare = model.event("rare.one", 20);
            events.push(rare);
        }
        model.commit(&mut *journal, events);
        if round % 100 == 99 {
            keep_up(&mut *journal);
        }
    }
    let filter = Filter::parse(["rare.*"]).expect("a filter");
    let mut reader = journal.view().reader().expect("a reader");
    for descending in [false, true] {
        let scan = Scan::new(&filter, 0..model.next).descending(descending);
        let (found, _) = read_all(&mut *reader, &scan);
        model.compare(&found, &model.expect(&filter, 0..model.next, descending));
        assert_eq!(found.len(), 4);
    }
}

pub(super) fn readers_go_back(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    many_topics(&mut *journal, &mut model, 30);
    let mut reader = journal.view().reader().expect("a reader");
    let filter = Filter::all();
    for events_max in [1, 7, 64] {
        let scan = Scan::new(&filter, 3..model.next).descending(true);
        let scan = scan.events_max(events_max);
        let (found, _) = read_all(&mut *reader, &scan);
        model.compare(&found, &model.expect(&filter, 3..model.next, true));
    }
}

pub(super) fn times_are_found(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    let begin = model.recorded;
    for round in 0..100_u64 {
        let mut events = Vec::new();
        for n in 0..9_u64 {
            model.recorded += ((round + n) % 3) as i64;
            events.push(model.event("times", 40));
        }
        model.next += round % 5;
        model.commit(&mut *journal, events);
    }
    let mut reader = journal.view().reader().expect("a reader");
    for at in (begin - 5..model.recorded + 5)
        .step_by(3)
        .chain([0, i64::MIN, i64::MAX])
    {
        let first = model.kept.iter().find(|kept| kept.recorded >= at);
        let last = model.kept.last().map_or(0, |kept| kept.offset);
        let expected = first.map_or(last + 1, |kept| kept.offset);
        assert_eq!(reader.since(at), Ok(expected), "since {at}");
    }
}

pub(super) fn versions_of_streams_are_known(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    for version in 1..=30_u64 {
        let mut kept = model.event("orders", 10);
        let mut builder = Event::builder("orders", "t");
        builder.stream("Order", &format!("o-{}", version % 3), version);
        kept.event = builder.build().expect("an event");
        kept.version = Some(version);
        model.commit(&mut *journal, vec![kept]);
    }
    let check = |journal: &dyn Journal| {
        let mut reader = journal.view().reader().expect("a reader");
        assert_eq!(reader.stream_version("Order", "o-0"), Ok(Some(30)));
        assert_eq!(reader.stream_version("Order", "o-1"), Ok(Some(28)));
        assert_eq!(reader.stream_version("Order", "o-3"), Ok(None));
        assert_eq!(reader.stream_version("order", "o-1"), Ok(None));
    };
    check(&*journal);
    fixture.crash(journal);
    check(&*fixture.open());
}

pub(super) fn readers_read_while_it_writes(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let view = journal.view();
    let (visible, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut model = Model::new();
    let deadline = crate::deadline::after(Instant::now(), Duration::from_secs(60));
    thread::scope(|scope| {
        for descending in [false, true] {
            let (view, visible, done) = (&view, &visible, &done);
            scope.spawn(move || {
                let mut reader = view.reader().expect("a reader");
                let filter = Filter::all();
                let mut finished = false;
                while !finished {
                    finished = done.load(Ordering::Acquire);
                    let last = visible.load(Ordering::Acquire);
                    let scan = Scan::new(&filter, 1..last + 1).descending(descending);
                    let (found, _) = read_all(&mut *reader, &scan);
                    // Offsets are dense here: what is visible is all there, once, in order.
                    let mut offsets: Vec<u64> = found.iter().map(|kept| kept.offset).collect();
                    if descending {
                        offsets.reverse();
                    }
                    assert!(
                        offsets.iter().copied().eq(1..last + 1),
                        "of {last}: {offsets:?}"
                    );
                    assert!(Instant::now() < deadline, "it takes too long");
                }
            });
        }
        for round in 0..150 {
            let events = model.batch("live", 1 + round % 20, 120);
            model.commit(&mut *journal, events);
            visible.store(model.next - 1, Ordering::Release);
            journal.maintain(Instant::now());
        }
        done.store(true, Ordering::Release);
    });
    model.check(&*journal);
}
