//! Versions of streams go on in the next run, though nothing is loaded when the journal is opened.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use eventring::event::EventBatch;
use eventring::hub::{ExpectedVersion, Hub, HubPublishError, Outcome, PublishOptions};
use eventring::journal::{CommitFailure, Journal, MemoryJournal, MemoryLog};
use eventring::{Event, Position};

use super::event;
use super::faulty::{Control, FaultyJournal};

fn hub_on(journal: impl Journal + 'static) -> Hub {
    let builder = Hub::builder().capacity(256).streams_max(10);
    builder.journal(journal).build().unwrap()
}

fn of(stream: &str) -> Event {
    let mut event = Event::builder("orders", "changed");
    event.stream("order", stream, None).build().unwrap()
}

fn expect(hub: &Hub, expected: ExpectedVersion, stream: &str) -> Result<(), HubPublishError> {
    hub.publish_expecting(expected, of(stream)).map(|_| ())
}

/// What every journal has to give back.
pub(super) fn check_versions_go_on(open: impl Fn() -> Hub) {
    let hub = open();
    for _ in 0..3 {
        hub.publish(of("a")).unwrap();
    }
    expect(&hub, ExpectedVersion::NoStream, "b").unwrap();
    drop(hub);
    let hub = open();
    assert_eq!(hub.stream_position("order", "a"), Some(3));
    let conflict = |expected, actual| {
        let at = None;
        Err(HubPublishError::Version {
            expected,
            actual,
            at,
        })
    };
    for expected in [ExpectedVersion::NoStream, ExpectedVersion::Exactly(2)] {
        assert_eq!(expect(&hub, expected, "a"), conflict(expected, Some(3)));
    }
    assert_eq!(expect(&hub, ExpectedVersion::Exactly(3), "a"), Ok(()));
    assert_eq!(hub.stream_position("order", "a"), Some(4));
    let none = ExpectedVersion::Exactly(1);
    assert_eq!(expect(&hub, none, "new"), conflict(none, None));
    assert_eq!(expect(&hub, ExpectedVersion::NoStream, "new"), Ok(()));
    drop(hub);
    let hub = open();
    // A batch, and streams of which one is unknown altogether.
    let mut batch = EventBatch::new();
    for stream in ["b", "a", "b", "never"] {
        batch.push(of(stream));
    }
    hub.publish_batch(&batch).unwrap();
    let found = ["a", "b", "never", "new"].map(|stream| hub.stream_position("order", stream));
    assert_eq!(found, [Some(5), Some(3), Some(1), Some(1)]);
    assert_eq!(hub.stream_position("order", "nobody"), None);
}

/// Once it was not told: who read the stream anew found the version before, and tried the same again.
#[test]
fn a_conflict_with_what_is_in_flight_says_where_that_is() {
    let (hub, control) = super::hub(|builder| builder.streams_max(10));
    let options = PublishOptions::default();
    control.hold();
    for stream in ["a", "b", "a", "b"] {
        hub.publisher().submit(of(stream), &options).unwrap();
    }
    let conflict = |at: Option<u64>| {
        let epoch = hub.epoch();
        Err(HubPublishError::Version {
            expected: ExpectedVersion::Exactly(1),
            actual: Some(2),
            at: at.map(|offset| Position { epoch, offset }),
        })
    };
    let stale = ExpectedVersion::Exactly(1);
    assert_eq!(expect(&hub, stale, "a"), conflict(Some(3)));
    control.release();
    assert_eq!(super::outcome(&hub, 3), Outcome::Visible);
    assert_eq!(expect(&hub, stale, "a"), conflict(None), "it is seen");
}

#[test]
fn versions_go_on() {
    let log = MemoryLog::default();
    check_versions_go_on(|| hub_on(MemoryJournal::open(&log)));
}

#[test]
fn many_who_find_a_stream_unknown_at_once_get_a_version_each() {
    let log = MemoryLog::default();
    for life in 0u64..20 {
        let hub = hub_on(MemoryJournal::open(&log));
        let started = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !started.load(Ordering::Relaxed) {
                        thread::yield_now();
                    }
                    (0..5).for_each(|_| _ = hub.publish(of("a")).unwrap());
                });
            }
            started.store(true, Ordering::Relaxed);
        });
        assert_eq!(hub.stream_position("order", "a"), Some((life + 1) * 20));
    }
    let hub = hub_on(MemoryJournal::open(&log));
    let mut reader = hub.journal().unwrap().view().reader().unwrap();
    let mut versions = HashSet::new();
    let all = eventring::Filter::all();
    let scan = eventring::journal::Scan::new(&all, 1..hub.head() + 1);
    reader
        .read(&scan, &mut |stored| {
            assert!(versions.insert(stored.version.unwrap()), "{stored:?}");
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(versions.len(), 400);
}

#[test]
fn a_commit_that_fails_leaves_the_version_that_the_journal_has() {
    let control = Control::default();
    let hub = hub_on(FaultyJournal::new(&control));
    hub.publish(of("a")).unwrap();
    drop(hub);
    let hub = hub_on(FaultyJournal::new(&control));
    control.fail(Some(CommitFailure::Aborted));
    hub.publish(of("a")).unwrap_err();
    control.fail(None);
    assert_eq!(hub.stream_position("order", "a"), Some(1));
    expect(&hub, ExpectedVersion::Exactly(1), "a").unwrap();
    hub.publish(event("no stream")).unwrap();
}

#[test]
fn streams_of_the_journal_count_as_those_of_this_run() {
    let log = MemoryLog::default();
    let hub = hub_on(MemoryJournal::open(&log));
    (0..10).for_each(|stream| _ = hub.publish(of(&stream.to_string())).unwrap());
    drop(hub);
    let hub = hub_on(MemoryJournal::open(&log));
    (0..10).for_each(|stream| _ = hub.publish(of(&format!("other {stream}"))).unwrap());
    let refused = Err(HubPublishError::TooManyStreams { limit: 10 });
    assert_eq!(expect(&hub, ExpectedVersion::Any, "1"), refused);
}
