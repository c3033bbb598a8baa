//! Pages: what is refused, and what stays the same while others publish.

use std::sync::mpsc;
use std::time::Duration;

use eventring::event::{Event, EventBatch, EventBuilder, EventLimits, EventQuery, Filter};
use eventring::hub::{
    EventPage, HistoryCursorError, HistoryError, HistoryOrder, HistoryQuery, HistoryTotal, Hub,
};
use eventring::journal::{CommitFailure, Hole, HoleReason, MemoryLog};

use super::{open, publish};
use crate::journal::eventually;
use crate::journal::faulty::{Control, FaultyJournal};

const DEADLINE: Duration = Duration::from_secs(60);

fn offsets(page: &EventPage) -> Vec<u64> {
    page.events.iter().map(|one| one.position.offset).collect()
}

fn topics(pattern: &str) -> HistoryQuery {
    HistoryQuery::topics(Filter::parse([pattern]).unwrap())
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_read() {
    let hub = open(&MemoryLog::default());
    publish(&hub, "a", 10);
    let error = |query: &HistoryQuery| {
        let error = hub.history(query).unwrap_err();
        let same = hub.submit_history(query, |_| unreachable!("it was refused"));
        assert_eq!(same, Err(error.clone()));
        (error.field(), error)
    };
    let all = HistoryQuery::default();
    for given in [0, 1_001] {
        let limit = (Some("limit"), HistoryError::Limit { given });
        assert_eq!(error(&all.clone().limit(given)), limit);
    }
    let times = HistoryError::Times { since: 5, until: 4 };
    assert_eq!(
        error(&all.clone().since(Some(5)).until(Some(4))),
        (Some("since"), times)
    );
    let page = hub.history(&all.clone().limit(3)).unwrap();
    let cursor = page.next.clone();
    let both = all.clone().cursor(cursor.clone()).offset(1);
    assert_eq!(
        error(&both),
        (Some("offset"), HistoryError::OffsetWithCursor)
    );
    let junk = all.clone().cursor(Some("junk".into()));
    assert_eq!(
        error(&junk),
        (
            Some("cursor"),
            HistoryError::Cursor(HistoryCursorError::Junk)
        )
    );
    let other = Hub::new();
    publish(&other, "a", 10);
    let foreign = other.history(&all.clone().limit(3)).unwrap().next;
    assert!(matches!(
        error(&all.clone().cursor(foreign)).1,
        HistoryError::Cursor(HistoryCursorError::Epoch { .. })
    ));
    let text = cursor.unwrap().replace("-10-", "-11-");
    assert_eq!(
        error(&all.clone().cursor(Some(text))).1,
        HistoryError::Cursor(HistoryCursorError::Future { head: 10, got: 11 })
    );
    let none = hub.history(&all.since(Some(4)).until(Some(4))).unwrap();
    assert!(offsets(&none).is_empty());
}

#[test]
fn ascending_pages_go_on_into_what_is_new_and_descending_ones_do_not_move() {
    let hub = open(&MemoryLog::default());
    publish(&hub, "a", 500);
    let ascending = topics("a").limit(200);
    let first = hub.history(&ascending).unwrap();
    let descending = topics("a").limit(200).order(HistoryOrder::Descending);
    let newest = hub.history(&descending).unwrap();
    assert_eq!(newest.as_of.offset, 500);
    publish(&hub, "a", 500);
    let second = hub
        .history(&ascending.clone().cursor(first.next.clone()))
        .unwrap();
    assert_eq!(offsets(&first), (1..=200).collect::<Vec<_>>());
    assert_eq!(offsets(&second), (201..=400).collect::<Vec<_>>());
    let older = hub
        .history(&descending.cursor(newest.next.clone()))
        .unwrap();
    assert_eq!(offsets(&newest), (301..=500).rev().collect::<Vec<_>>());
    assert_eq!(offsets(&older), (101..=300).rev().collect::<Vec<_>>());
    assert_eq!(older.as_of, newest.as_of);
    // A cursor has the order, and is of use after a restart as well.
    let same = hub
        .history(&topics("a").limit(200).cursor(newest.next))
        .unwrap();
    assert_eq!(offsets(&same), offsets(&older));
    let last = hub.history(&ascending.offset(900)).unwrap();
    assert_eq!(
        (offsets(&last).len(), last.has_more, &last.next),
        (100, false, &None)
    );
}

#[test]
fn an_address_of_before_a_restart_is_good_behind_it() {
    let log = MemoryLog::default();
    let hub = open(&log);
    publish(&hub, "a", 300);
    let query = topics("a").order(HistoryOrder::Descending);
    let next = hub.history(&query).unwrap().next;
    drop(hub);
    let hub = open(&log);
    let page = hub.history(&query.cursor(next)).unwrap();
    assert_eq!(offsets(&page), (101..=200).rev().collect::<Vec<_>>());
}

#[test]
fn a_total_is_counted_where_it_is_asked_for_and_up_to_a_bound() {
    let hub = open(&MemoryLog::default());
    publish(&hub, "a", 250);
    publish(&hub, "b", 50);
    assert_eq!(hub.history(&topics("a")).unwrap().total, None);
    let page = hub.history(&topics("a").limit(1).total(true)).unwrap();
    assert_eq!(page.total, Some(HistoryTotal::Exactly(250)));
    let none = hub.history(&topics("none").total(true)).unwrap();
    assert_eq!(
        (none.total, none.events.len()),
        (Some(HistoryTotal::Exactly(0)), 0)
    );
    let query = EventQuery::from_json(br#"{"topic": "b", "limit": 5, "offset": 48}"#).unwrap();
    let page = hub.history(&HistoryQuery::from(query).total(true)).unwrap();
    assert_eq!((offsets(&page), page.has_more), (vec![299, 300], false));
    assert_eq!(page.total, Some(HistoryTotal::Exactly(50)));
    let memory = Hub::builder().capacity(131_072).build().unwrap();
    let mut batch = EventBatch::new();
    (0..10_000).for_each(|_| {
        batch.push(Event::builder("a", "t").build().unwrap());
    });
    (0..10).for_each(|_| _ = memory.publish_batch(&batch).unwrap());
    let page = memory
        .history(&HistoryQuery::default().limit(1).total(true))
        .unwrap();
    assert_eq!(page.total, Some(HistoryTotal::AtLeast(100_000)));
}

/// `since=` once looked at the events' own time, and began too late without a word.
#[test]
fn times_are_those_at_which_the_hub_took_the_events() {
    let hub = open(&MemoryLog::default());
    publish(&hub, "a", 100);
    let all = hub.history(&HistoryQuery::default().limit(1_000)).unwrap();
    let recorded: Vec<i64> = all.events.iter().map(|one| one.recorded).collect();
    assert!(recorded.is_sorted() && recorded[0] > 0, "{recorded:?}");
    for (since, until) in [(0, 99), (10, 60), (50, 50), (99, 99)] {
        let nanos = |at: usize| Some(recorded[at] * 1_000_000);
        let query = HistoryQuery::default()
            .limit(1_000)
            .since(nanos(since))
            .until(nanos(until));
        let within = recorded[since]..recorded[until];
        let expected: Vec<u64> = (1..=100)
            .filter(|offset| within.contains(&recorded[*offset as usize - 1]))
            .collect();
        assert_eq!(offsets(&hub.history(&query).unwrap()), expected);
    }
    let later = HistoryQuery::default().since(Some(i64::MAX));
    assert!(offsets(&hub.history(&later).unwrap()).is_empty());
}

#[test]
fn a_page_is_made_on_another_thread_for_who_must_not_wait() {
    let hub = open(&MemoryLog::default());
    publish(&hub, "a", 300);
    let (sender, pages) = mpsc::channel();
    let queries: Vec<_> = (1..=20).map(|limit| topics("a").limit(limit)).collect();
    for query in &queries {
        let sender = sender.clone();
        hub.submit_history(query, move |page| sender.send(page).unwrap())
            .unwrap();
    }
    let mut made: Vec<EventPage> = Vec::new();
    while made.len() < queries.len() {
        made.push(pages.recv_timeout(DEADLINE).unwrap().unwrap());
    }
    made.sort_by_key(|page| page.events.len());
    for (page, query) in made.iter().zip(&queries) {
        assert_eq!(page, &hub.history(query).unwrap());
    }
}

/// A page that its bytes end has looked at what is behind it, and told of the holes there; so did the next one.
#[test]
fn a_hole_behind_a_page_that_is_full_is_told_by_the_next_one_alone() {
    let limits = EventLimits::default().payload_bytes(8 << 20);
    let control = Control::default();
    let builder = Hub::builder().limits(limits);
    let hub = builder.journal(FaultyJournal::new(&control)).build();
    let hub = hub.unwrap();
    let large = || {
        let data = vec![b'x'; 3 << 20];
        let mut event = EventBuilder::with_limits(limits);
        event.topic("a").ty("t").data("text/plain", &data);
        event.build().unwrap()
    };
    for _ in 0..2 {
        hub.publish(large()).unwrap();
    }
    control.fail(Some(CommitFailure::Aborted));
    let mut batch = EventBatch::new();
    (0..3).for_each(|_| batch.push(Event::builder("a", "t").build().unwrap()));
    hub.publish_batch(&batch).unwrap_err();
    control.fail(None);
    eventually("what is void is passed", || hub.visible() == 5);
    for _ in 0..2 {
        hub.publish(large()).unwrap();
    }
    for order in [HistoryOrder::Ascending, HistoryOrder::Descending] {
        let mut query = topics("a").order(order);
        for (number, expected) in [0, 1, 0, 0].into_iter().enumerate() {
            let page = hub.history(&query).unwrap();
            assert_eq!(offsets(&page).len(), 1, "{order:?} {number}");
            let hole = Hole::new(3..6, HoleReason::Aborted);
            assert_eq!(page.holes, vec![hole; expected], "{order:?} {number}");
            query.cursor = page.next;
        }
        assert_eq!(query.cursor, None);
    }
}
