//! What is missing is told once, where it is missing, and with the reason.

use std::sync::Arc;

use eventring::event::{Event, EventBatch, Position};
use eventring::hub::{
    Controls, Delivery, Gap, GapReason, HistoryEvent, HistoryQuery, Hub, Item, PublishOptions,
    Receiver, ResetReason, StartFrom, Subscription, TopicConfig, TryReceiveError,
};
use eventring::journal::{
    CommitFailure, CommitRound, Durability, Hole, HoleReason, Journal, MemoryJournal, MemoryLog,
    RoundEvent,
};

use super::{offset, open, publish, until_caught_up};
use crate::common::Count;
use crate::journal::eventually;
use crate::journal::faulty::{Control, FaultyJournal};

/// A log with events 1 to 5, whose process ended when up to 8 may have been shown.
fn crashed() -> MemoryLog {
    let log = MemoryLog::default();
    let mut journal = MemoryJournal::open(&log);
    for offset in 1..=5 {
        let event = Event::builder("a", "t").text(&offset.to_string()).build();
        let event = event.unwrap();
        let mut round = CommitRound::default();
        let recorded = offset as i64 * 1_000;
        round
            .events
            .push(RoundEvent::new(offset, recorded, event.as_ref()));
        journal.commit(&mut round).unwrap();
    }
    journal.reserve(9).unwrap();
    log
}

#[test]
fn what_a_crash_has_taken_is_told_between_what_was_before_it_and_what_came_after() {
    let hub = open(&crashed());
    assert_eq!(hub.head(), 8);
    publish(&hub, "a", 200);
    let all = Subscription::all().controls(Controls::none());
    let items = until_caught_up(&mut hub.subscribe(all.start(StartFrom::Beginning)).unwrap());
    assert_eq!(
        items[..5].iter().flat_map(offset).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    let gap = Gap {
        missed: 3,
        resume_at: 9,
        exact: true,
        reason: GapReason::Crash,
    };
    assert_eq!(items[5], Item::Gap(gap));
    assert_eq!(
        items[6..].iter().flat_map(offset).collect::<Vec<_>>(),
        (9..=208).collect::<Vec<_>>()
    );
    let page = hub.history(&HistoryQuery::default().limit(7)).unwrap();
    assert_eq!(page.holes, [Hole::new(6..9, HoleReason::Crash)]);
}

#[test]
fn an_id_within_what_a_crash_has_taken_goes_on_behind_it_and_is_told() {
    let hub = open(&crashed());
    publish(&hub, "a", 200);
    let id = Position {
        offset: 7,
        ..hub.position()
    }
    .to_string();
    let all = Subscription::all().controls(Controls::none()).resume(&id);
    let mut receiver = hub.subscribe(all).unwrap();
    assert_eq!(receiver.reset(), None);
    let items = until_caught_up(&mut receiver);
    assert!(matches!(
        items[0],
        Item::Gap(Gap {
            missed: 1,
            resume_at: 9,
            reason: GapReason::Crash,
            ..
        })
    ));
    assert_eq!(offset(&items[1]), Some(9));
}

/// A replay over topics that are not kept met a hole at every second event: a page that loads anew at each gap never
/// ended.
#[test]
fn what_was_in_memory_only_is_told_once_and_only_to_who_wants_it() {
    let hub = open(&MemoryLog::default());
    let unkept = TopicConfig::default().durability(Durability::None);
    hub.create_topic("ticks", unkept).unwrap();
    for _ in 0..300 {
        publish(&hub, "orders", 1);
        publish(&hub, "ticks", 1);
    }
    let told = |topics: &[&str]| {
        let wanted = Subscription::topics(topics).controls(Controls::none());
        let mut receiver = hub.subscribe(wanted.start(StartFrom::Beginning)).unwrap();
        let items = until_caught_up(&mut receiver);
        let gaps: Vec<usize> = (0..items.len())
            .filter(|at| matches!(items[*at], Item::Gap(gap) if gap.reason == GapReason::Memory))
            .collect();
        let all_gaps = items
            .iter()
            .filter(|item| matches!(item, Item::Gap(_)))
            .count();
        assert_eq!(gaps.len(), all_gaps);
        (gaps, items.iter().filter_map(offset).collect::<Vec<_>>())
    };
    let orders: Vec<u64> = (1..=600).filter(|n| n % 2 == 1).collect();
    assert_eq!(told(&["orders"]), (vec![], orders.clone()));
    let (gaps, offsets) = told(&[">"]);
    assert_eq!(gaps, [0], "first, and once");
    let kept: Vec<u64> = offsets.iter().copied().filter(|n| n % 2 == 1).collect();
    assert_eq!(kept, orders);
    // What the ring still has is there, kept or not.
    assert_eq!(
        offsets[offsets.len() - 40..],
        (561..=600).collect::<Vec<_>>()
    );
}

/// Copies that a topic retains for itself are no gap, wherever the journal has nothing.
#[test]
fn what_a_topic_retains_itself_is_read_among_what_the_journal_has() {
    let hub = open(&MemoryLog::default());
    let unkept = TopicConfig::default()
        .durability(Durability::None)
        .retain_events(1_000);
    hub.create_topic("ticks", unkept).unwrap();
    for _ in 0..300 {
        publish(&hub, "orders", 1);
        publish(&hub, "ticks", 1);
    }
    let all = Subscription::all()
        .controls(Controls::none())
        .start(StartFrom::Beginning);
    let items = until_caught_up(&mut hub.subscribe(all).unwrap());
    let offsets: Vec<u64> = items.iter().filter_map(offset).collect();
    assert_eq!(offsets, (1..=600).collect::<Vec<_>>());
    let mut seen = Vec::new();
    let mut query = HistoryQuery::default();
    loop {
        let page = hub.history(&query).unwrap();
        seen.extend(page.events.iter().map(|one| one.position.offset));
        if page.next.is_none() {
            break;
        }
        query.cursor = page.next;
    }
    assert_eq!(seen, offsets);
}

/// A hub of which offsets 3 to 5 were not committed, with a ring of 64 events.
fn with_a_failed_commit(failure: CommitFailure) -> Hub {
    let control = Control::default();
    let journal = FaultyJournal::new(&control);
    let hub = Hub::builder()
        .capacity(64)
        .journal(journal)
        .build()
        .unwrap();
    publish(&hub, "a", 2);
    control.fail(Some(failure));
    let mut batch = EventBatch::new();
    (0..3).for_each(|_| batch.push(Event::builder("a", "t").build().unwrap()));
    hub.publish_batch(&batch).unwrap_err();
    control.fail(None);
    eventually("what is void is passed", || hub.visible() == 5);
    hub
}

fn aborted(items: &[Item]) -> Vec<usize> {
    let gap = Gap {
        missed: 3,
        resume_at: 6,
        exact: true,
        reason: GapReason::Aborted,
    };
    let is_it = |at: &usize| items[*at] == Item::Gap(gap);
    (0..items.len()).filter(is_it).collect()
}

#[test]
fn what_was_not_committed_is_told_in_the_ring_and_below_it_to_who_reads_and_to_who_sleeps() {
    let hub = with_a_failed_commit(CommitFailure::Aborted);
    let all = || Subscription::all().controls(Controls::none());
    let from_the_start = || hub.subscribe(all().start(StartFrom::Beginning)).unwrap();
    let items = until_caught_up(&mut from_the_start());
    assert_eq!(items.iter().filter_map(offset).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(aborted(&items), [2]);
    publish(&hub, "a", 20);
    let mut in_ring = from_the_start();
    let items = until_caught_up(&mut in_ring);
    assert_eq!(aborted(&items), [2]);
    assert_eq!(items.iter().filter_map(offset).count(), 22);
    publish(&hub, "a", 200);
    let items = until_caught_up(&mut from_the_start());
    assert_eq!(aborted(&items), [2], "below the ring");
    assert_eq!(items.iter().filter_map(offset).count(), 222);
    let page = hub.history(&HistoryQuery::default().limit(10)).unwrap();
    assert_eq!(page.holes, [Hole::new(3..6, HoleReason::Aborted)]);
    let first: Option<&HistoryEvent> = page.events.first();
    assert!(first.is_some_and(|one| one.position.offset < 3));
    assert_eq!(page.events.len(), 10);
}

#[test]
fn what_may_or_may_not_be_there_is_told_as_that_and_counted() {
    let hub = with_a_failed_commit(CommitFailure::Poisoned);
    let all = Subscription::all().controls(Controls::none());
    let mut receiver = hub.subscribe(all.start(StartFrom::Beginning)).unwrap();
    let items = until_caught_up(&mut receiver);
    let gap = Gap {
        missed: 3,
        resume_at: 6,
        exact: true,
        reason: GapReason::Indeterminate,
    };
    assert_eq!(items[2], Item::Gap(gap));
    let stats = receiver.stats();
    assert_eq!((stats.delivered, stats.gaps, stats.missed), (2, 1, 3));
    let voids = hub.journal().unwrap().voids(&(1..100));
    assert_eq!(voids, [Hole::new(3..6, HoleReason::Indeterminate)]);
}

#[test]
fn a_sleeper_is_told_of_what_was_not_committed_while_it_slept() {
    let control = Control::default();
    let hub = Hub::builder()
        .journal(FaultyJournal::new(&control))
        .build()
        .unwrap();
    let mut receiver = hub.subscribe("a").unwrap();
    let woken = Arc::new(Count::default());
    assert!(receiver.arm(woken.clone()));
    control.fail(Some(CommitFailure::Aborted));
    hub.publish(Event::builder("a", "t").build().unwrap())
        .unwrap_err();
    control.fail(None);
    publish(&hub, "b", 3);
    publish(&hub, "a", 1);
    let told = std::iter::from_fn(|| match receiver.try_recv() {
        Err(TryReceiveError::Empty) => None,
        other => Some(other),
    });
    let told: Vec<_> = told.collect();
    assert!(
        matches!(
            told[..],
            [
                Err(TryReceiveError::Gap(Gap {
                    missed: 1,
                    resume_at: 2,
                    exact: false,
                    reason: GapReason::Aborted
                })),
                Ok(Delivery {
                    position: Position { offset: 5, .. },
                    ..
                }),
            ]
        ),
        "{told:?}"
    );
}

/// Somebody publishes, and comes back with the position before the journal has it.
#[test]
fn an_id_that_is_in_flight_is_waited_for() {
    let control = Control::default();
    let hub = Hub::builder()
        .journal(FaultyJournal::new(&control))
        .build()
        .unwrap();
    publish(&hub, "a", 1);
    control.hold();
    let options = PublishOptions::default();
    let event = || Event::builder("a", "t").build().unwrap();
    let in_flight = hub.publisher().submit(event(), &options).unwrap();
    control.wait_held();
    let id = Position {
        offset: in_flight.start,
        ..hub.position()
    };
    assert_eq!((hub.visible(), id.offset), (1, 2));
    let resumed = Subscription::all().resume(&id.to_string());
    let mut receivers = [
        hub.subscribe(resumed).unwrap(),
        hub.subscribe(Subscription::all().start(StartFrom::After(id)))
            .unwrap(),
    ];
    let next = hub.publisher().submit(event(), &options).unwrap();
    for receiver in &mut receivers {
        assert_eq!((receiver.reset(), Receiver::position(receiver)), (None, id));
        assert_eq!(receiver.try_recv(), Err(TryReceiveError::Empty));
    }
    control.release();
    for receiver in &mut receivers {
        assert_eq!(receiver.recv().unwrap().position.offset, next.start);
    }
    let beyond = Position {
        offset: next.start + 1,
        ..id
    }
    .to_string();
    let reset = hub.subscribe(Subscription::all().resume(&beyond)).unwrap();
    assert_eq!(reset.reset().unwrap().reason, ResetReason::Future);
}
