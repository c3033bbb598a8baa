//! What has gone by the journal's bounds is told to whoever asks for it, and to nobody else.

use std::time::Instant;

use eventring::event::{Event, EventBatch};
use eventring::hub::{
    Controls, Gap, GapReason, HistoryQuery, Hub, StartFrom, TopicConfig, TryReceiveError,
};
use eventring::journal::{
    CommitRound, HoleReason, Journal, MemoryJournal, Retention, RoundEvent, SqliteJournal,
    SqliteOptions,
};
use eventring::{Position, Receiver, Subscription};

use crate::journal::eventually;
use crate::journal::sqlite::Directory;

/// Events that the journal keeps.
const BOUND: u64 = 300;
/// Calls of `maintain` after which nothing is due any more.
const CALLS_MAX: usize = 100_000;

fn event(with_stream: bool) -> Event {
    let mut builder = Event::builder("a", "t");
    builder.data("application/octet-stream", &[b'x'; 1_000]);
    if with_stream {
        builder.stream("order", "7", None);
    }
    builder.build().unwrap()
}

fn open_journal(directory: &Directory) -> SqliteJournal {
    let retention = Retention::default().events(Some(BOUND));
    let options = SqliteOptions::default().retention(retention);
    SqliteJournal::open_with(directory.path(), &options).unwrap()
}

/// A hub on a journal that had 1,000 events and keeps the last of them, and those that have a stream.
fn hub(directory: &Directory, has_stream: impl Fn(u64) -> bool) -> Hub {
    let mut journal = open_journal(directory);
    let mut now = Instant::now();
    for first in (1..=1_000).step_by(10) {
        let built: Vec<(u64, Event)> = (first..first + 10)
            .map(|offset| (offset, event(has_stream(offset))))
            .collect();
        let mut round = CommitRound::default();
        for (offset, event) in &built {
            let mut event = RoundEvent::new(*offset, 1_700_000_000_000, event.as_ref());
            event.version = has_stream(*offset).then_some(*offset);
            round.events.push(event);
        }
        journal.commit(&mut round).unwrap();
    }
    // Its own time: a pass waits for the one before.
    for _ in 0..CALLS_MAX {
        let Some(wait) = journal.maintain(now) else {
            break;
        };
        now += wait;
    }
    journal.close().unwrap();
    drop(journal);
    let builder = Hub::builder().capacity(64).streams_max(10);
    builder.journal(open_journal(directory)).build().unwrap()
}

fn floor(hub: &Hub) -> u64 {
    hub.journal().unwrap().stats().floor
}

/// Publishes until what was there before an offset has gone.
fn raise_floor(hub: &Hub, above: u64) {
    eventually("the floor rises", || {
        let mut batch = EventBatch::new();
        (0..10).for_each(|_| batch.push(event(false)));
        hub.publish_batch(&batch).unwrap();
        floor(hub) > above
    });
}

fn subscribe(hub: &Hub, start: StartFrom) -> Receiver {
    let all = Subscription::all().controls(Controls::none());
    hub.subscribe(all.start(start)).unwrap()
}

fn after(hub: &Hub, offset: u64) -> StartFrom {
    let epoch = hub.epoch();
    StartFrom::After(Position { epoch, offset })
}

/// The offsets and the gaps up to the newest event; each gap with the offset that the receiver says it stands at.
fn read(receiver: &mut Receiver, last: u64) -> (Vec<u64>, Vec<(Gap, u64)>) {
    let (mut offsets, mut gaps) = (Vec::new(), Vec::new());
    while offsets.last() != Some(&last) {
        match receiver.try_recv() {
            Ok(delivery) => offsets.push(delivery.position.offset),
            Err(TryReceiveError::Gap(gap)) => gaps.push((gap, Receiver::position(receiver).offset)),
            Err(TryReceiveError::Empty) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    (offsets, gaps)
}

#[test]
fn who_comes_from_below_the_floor_is_told_and_who_asks_for_what_is_there_is_not() {
    let directory = Directory::new();
    let hub = hub(&directory, |_| false);
    let floor = floor(&hub);
    assert!(
        (1_000 - BOUND - 20..=1_000 - BOUND + 20).contains(&floor),
        "{floor}"
    );
    let left: Vec<u64> = (floor..=1_000).collect();
    let (found, gaps) = read(&mut subscribe(&hub, after(&hub, 10)), 1_000);
    let told = Gap {
        missed: floor - 11,
        resume_at: floor,
        exact: true,
        reason: GapReason::Retention,
    };
    assert_eq!((&found, gaps), (&left, vec![(told, floor - 1)]));
    for start in [
        StartFrom::Beginning,
        StartFrom::Last(1_000),
        StartFrom::Timestamp(0),
        after(&hub, floor - 1),
    ] {
        let (found, gaps) = read(&mut subscribe(&hub, start), 1_000);
        assert_eq!((&found, gaps), (&left, vec![]), "{start:?}");
    }
    let page = hub.history(&HistoryQuery::default().limit(7)).unwrap();
    assert_eq!(
        (page.events[0].position.offset, page.holes),
        (floor, vec![])
    );
}

/// A page began where the journal did, without a word of what had gone since the page before.
#[test]
fn a_floor_that_overtakes_the_pages_of_history_is_told() {
    let directory = Directory::new();
    let hub = hub(&directory, |_| false);
    let page = hub.history(&HistoryQuery::default().limit(7)).unwrap();
    let next = page.events[6].position.offset + 1;
    raise_floor(&hub, next + 100);
    let floor = floor(&hub);
    let query = HistoryQuery::default().limit(7).cursor(page.next);
    let page = hub.history(&query).unwrap();
    let [gap] = &page.holes[..] else {
        panic!("{:?}", page.holes)
    };
    assert_eq!((gap.range.start, gap.reason), (next, HoleReason::Retention));
    assert!(gap.range.end >= floor);
    assert_eq!(page.events[0].position.offset, gap.range.end);
}

/// A reader that was told of a gap stood behind it, and had passed the events with a stream that came after.
#[test]
fn events_that_stay_below_the_floor_come_behind_what_is_told_and_are_not_passed_by_it() {
    let directory = Directory::new();
    let has_stream = |offset: u64| offset.is_multiple_of(100);
    let hub = hub(&directory, has_stream);
    let floor = floor(&hub);
    assert!(floor > 400, "{floor}");
    let left: Vec<u64> = (1..=1_000)
        .filter(|offset| *offset >= floor || has_stream(*offset))
        .collect();
    let (found, gaps) = read(&mut subscribe(&hub, after(&hub, 10)), 1_000);
    assert_eq!(found, left);
    assert!(!gaps.is_empty());
    for (gap, stands_at) in &gaps {
        assert_eq!(gap.reason, GapReason::Retention);
        assert!(!gap.exact && left.contains(&gap.resume_at), "{gap:?}");
        assert!(*stands_at < gap.resume_at, "{gap:?} {stands_at}");
    }
    let missed: u64 = gaps.iter().map(|(gap, _)| gap.missed).sum();
    assert!(
        (floor - 11..floor + 11).contains(&missed),
        "{missed} {floor}"
    );
    let (found, gaps) = read(&mut subscribe(&hub, StartFrom::Beginning), 1_000);
    assert_eq!((found, gaps), (left, vec![]));
}

#[test]
fn a_floor_that_overtakes_a_slow_reader_is_told() {
    let directory = Directory::new();
    let hub = hub(&directory, |_| false);
    let mut slow = subscribe(&hub, StartFrom::Beginning);
    let first = slow.recv().unwrap().position.offset;
    // Beyond what it has read ahead.
    let far = first + 1_100;
    raise_floor(&hub, far);
    let last = hub.visible();
    let (found, gaps) = read(&mut slow, last);
    let mut next = first + 1;
    // One where the ring began when it was told of, and one behind it.
    let mut told = gaps.iter().map(|(gap, _)| gap);
    for offset in &found {
        while next < *offset {
            let gap = told.next().expect("a jump is told");
            assert_eq!(gap.reason, GapReason::Retention);
            assert_eq!(gap.resume_at, next + gap.missed);
            next = gap.resume_at;
        }
        assert_eq!(next, *offset);
        next += 1;
    }
    assert_eq!(told.next(), None);
    assert!(!gaps.is_empty());
    assert!(found.windows(2).all(|two| two[0] < two[1]));
}

/// A reader of events that stay below the floor was told in each piece that it read.
#[test]
fn a_catch_up_is_told_once_of_what_went_among_what_is_there() {
    let directory = Directory::new();
    // More than one piece of them.
    let has_stream = |offset: u64| offset <= 600;
    let hub = hub(&directory, has_stream);
    let floor = floor(&hub);
    assert!(floor > 600, "{floor}");
    let (found, gaps) = read(&mut subscribe(&hub, after(&hub, 10)), 1_000);
    let left: Vec<u64> = (11..=600).chain(floor..=1_000).collect();
    assert_eq!(found, left);
    let told = Gap {
        missed: floor - 11,
        resume_at: 11,
        exact: false,
        reason: GapReason::Retention,
    };
    assert_eq!(gaps, [(told, 10)]);
}

/// Whoever reads all topics was told in each piece up to the floor of one.
#[test]
fn bounds_of_a_topic_are_told_once_and_not_to_who_begins_with_what_is_there() {
    let hub = Hub::builder().capacity(64).streams_max(10);
    let hub = hub.journal(MemoryJournal::new()).build().unwrap();
    let bounds = Retention::default().events(Some(50));
    let config = TopicConfig::default().journal(bounds);
    hub.set_topic("a", config).unwrap();
    let mut other = Event::builder("b", "t");
    other.data("application/octet-stream", &[b'x'; 1_000]);
    let other = other.build().unwrap();
    for _ in 0..1_000 {
        hub.publish(event(false)).unwrap();
        hub.publish(other.clone()).unwrap();
    }
    let last: u64 = 2_000;
    let left: Vec<u64> = (1..=last)
        .filter(|offset| offset.is_multiple_of(2) || *offset > last - 100)
        .collect();
    let (found, gaps) = read(&mut subscribe(&hub, StartFrom::Beginning), last);
    assert_eq!((&found, gaps), (&left, vec![]));
    let (found, gaps) = read(&mut subscribe(&hub, after(&hub, 1)), last);
    assert_eq!(found, left);
    let told = Gap {
        missed: last - 100 - 2,
        resume_at: 2,
        exact: false,
        reason: GapReason::Retention,
    };
    assert_eq!(gaps, [(told, 1)]);
}
