//! Events that somebody has deleted: found nowhere from then on, and told to nobody; and holds.

use eventring::event::Epoch;
use eventring::hub::{
    Durability, Hub, HubPublishError, ReceiveError, StartFrom, TopicConfig, TransactError,
    TryReceiveError,
};
use eventring::journal::{CommitFailure, MemoryJournal, StateError, TopicPolicy, holds};
use eventring::{Event, Position, Receiver, Subscription};

use super::super::{event, eventually, hub, seen};

fn at(hub: &Hub, offset: u64) -> Position {
    let epoch = hub.epoch();
    Position { epoch, offset }
}

fn publish(hub: &Hub, topics: &[&str]) {
    for topic in topics {
        hub.publish(event(topic)).unwrap();
    }
}

fn truncate(hub: &Hub, topic: &str, before: u64, streams: bool) -> Result<(), TransactError> {
    let journal = hub.journal().unwrap();
    journal.truncate(topic, at(hub, before), streams)
}

/// What a new reader finds of a filter, which must not be told of any gap.
fn found(hub: &Hub, pattern: &str) -> Vec<u64> {
    let all = Subscription::topic(pattern).start(StartFrom::Beginning);
    let mut receiver = hub.subscribe(all).unwrap();
    all_of(&mut receiver)
}

fn all_of(receiver: &mut Receiver) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        match receiver.try_recv() {
            Ok(delivery) => found.push(delivery.position.offset),
            Err(TryReceiveError::Empty) => return found,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_deleted_is_found_nowhere_and_told_to_nobody() {
    let (hub, control) = hub(|builder| builder);
    let keeps = TopicConfig::default().retain_events(10);
    hub.create_topic("a", keeps.durability(Durability::Durable))
        .unwrap();
    publish(&hub, &["a", "b", "a", "b", "a", "a"]);
    let mut reading = hub
        .subscribe(Subscription::all().start(StartFrom::Beginning))
        .unwrap();
    assert_eq!(reading.recv().unwrap().position.offset, 1);
    truncate(&hub, "a", 5, false).unwrap();
    assert_eq!(found(&hub, "a"), [5, 6]);
    assert_eq!(found(&hub, ">"), [2, 4, 5, 6]);
    assert_eq!(all_of(&mut reading), [2, 4, 5, 6]);
    assert_eq!(hub.describe_topic("a").unwrap().retained, 2);
    let last = Subscription::topic("a").start(StartFrom::Last(3));
    assert_eq!(seen(&mut hub.subscribe(last).unwrap()), [5, 6]);
    let page = hub.history(&Default::default()).unwrap();
    let page: Vec<u64> = page.events.iter().map(|one| one.position.offset).collect();
    assert_eq!(page, [2, 4, 5, 6]);
    // Nothing is left.
    truncate(&hub, "a", 7, false).unwrap();
    assert_eq!(found(&hub, "a"), [0; 0]);
    assert_eq!(hub.describe_topic("a").unwrap().last_offset, 0);
    publish(&hub, &["a"]);
    assert_eq!(found(&hub, "a"), [7]);
    hub.close();
    drop((hub, reading));
    let journal = MemoryJournal::open(&control.log());
    let again = Hub::builder().journal(journal).build().unwrap();
    assert_eq!(found(&again, ">"), [2, 4, 7]);
}

#[test]
fn events_with_a_stream_stay_unless_they_are_asked_for() {
    let (hub, _control) = hub(|builder| builder.streams_max(10));
    let streamed = Event::builder("a", "t").stream("order", "7", None).build();
    hub.publish(streamed.unwrap()).unwrap();
    publish(&hub, &["a", "a"]);
    truncate(&hub, "a", 4, false).unwrap();
    assert_eq!(found(&hub, "a"), [1]);
    truncate(&hub, "a", 4, true).unwrap();
    assert_eq!(found(&hub, "a"), [0; 0]);
    assert_eq!(hub.stream_position("order", "7"), Some(1));
}

#[test]
fn events_in_memory_only_are_deleted_as_well() {
    let (hub, _control) = hub(|builder| builder);
    let none = TopicConfig::default().durability(Durability::None);
    hub.create_topic("a", none).unwrap();
    publish(&hub, &["a", "a", "a"]);
    truncate(&hub, "a", 3, false).unwrap();
    assert_eq!(found(&hub, "a"), [3]);
}

#[test]
fn what_cannot_be_deleted_is_refused_and_changes_nothing() {
    let (hub, control) = hub(|builder| builder);
    publish(&hub, &["a", "a"]);
    let refused = |outcome: Result<(), TransactError>, words: &str| {
        let Err(TransactError::State(StateError::Refused(told))) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(told.contains(words), "{told}");
    };
    refused(truncate(&hub, "a", 4, false), "comes next");
    refused(truncate(&hub, "a..b", 1, false), "not a topic name");
    let epoch = Epoch(7);
    let other = Position { epoch, offset: 1 };
    let journal = hub.journal().unwrap();
    refused(journal.truncate("a", other, false), "another log");
    refused(journal.hold("x", other), "another log");
    control.fail(Some(CommitFailure::Aborted));
    let failed = truncate(&hub, "a", 3, false);
    assert!(
        matches!(failed, Err(TransactError::Aborted(_))),
        "{failed:?}"
    );
    control.fail(None);
    assert_eq!(found(&hub, "a"), [1, 2]);
}

#[test]
fn a_topic_is_deleted_with_its_events() {
    let (hub, control) = hub(|builder| builder);
    hub.create_topic("a", TopicConfig::default()).unwrap();
    publish(&hub, &["a", "b", "a"]);
    let mut named = hub.subscribe("a").unwrap();
    hub.delete_topic("a").unwrap();
    assert_eq!(named.recv(), Err(ReceiveError::TopicDeleted));
    assert_eq!(found(&hub, ">"), [2]);
    let forgotten = ("a".to_owned(), TopicPolicy::default());
    assert_eq!(control.policies().last(), Some(&forgotten));
    publish(&hub, &["a"]);
    assert_eq!(found(&hub, ">"), [2, 4]);
    hub.close();
    let journal = MemoryJournal::open(&control.log());
    let again = Hub::builder().journal(journal).build().unwrap();
    assert_eq!(found(&again, ">"), [2, 4]);
}

/// Once no change was taken where events found no room: neither a deletion nor a hold that was let go could make any.
#[test]
fn where_events_find_no_room_it_can_be_made() {
    let (hub, control) = hub(|builder| builder);
    publish(&hub, &["a", "a"]);
    hub.journal().unwrap().hold("billing", at(&hub, 1)).unwrap();
    control.refuse_events(true);
    let is_full = |outcome| matches!(outcome, Err(HubPublishError::NoSpace));
    assert!(is_full(hub.publish(event("a"))));
    assert!(is_full(hub.publish(event("a"))));
    truncate(&hub, "a", 2, false).unwrap();
    assert_eq!(hub.journal().unwrap().release_hold("billing"), Ok(true));
    let checkpoints = hub.checkpoints().unwrap();
    checkpoints.save("billing", at(&hub, 2)).unwrap();
    hub.set_topic("a", TopicConfig::default()).unwrap();
    assert!(is_full(hub.publish(event("a"))), "it is still");
    // What was refused is told: it had an offset.
    let all = Subscription::topic("a").start(StartFrom::Beginning);
    assert_eq!(seen(&mut hub.subscribe(all).unwrap()), [2]);
    control.refuse_events(false);
    eventually("there is room", || hub.publish(event("a")).is_ok());
}

#[test]
fn a_hold_is_set_moved_and_released() {
    let (hub, _control) = hub(|builder| builder);
    publish(&hub, &["a", "a"]);
    let journal = hub.journal().unwrap();
    let held = || {
        let mut held = Vec::new();
        let mut reader = journal.view().reader().unwrap();
        let look = &mut |state: &mut dyn eventring::journal::StateTx| {
            held = holds::all(state).unwrap();
        };
        reader.state(look).unwrap();
        let held = held.into_iter().map(|hold| (hold.name, hold.position));
        held.collect::<Vec<_>>()
    };
    journal.hold("billing", at(&hub, 1)).unwrap();
    journal.hold("billing", at(&hub, 2)).unwrap();
    assert_eq!(held(), [("billing".to_owned(), 2)]);
    assert_eq!(journal.release_hold("billing"), Ok(true));
    assert_eq!(journal.release_hold("billing"), Ok(false));
    assert_eq!(held(), []);
    let long = "x".repeat(256);
    for name in ["", &long] {
        let refused = journal.hold(name, at(&hub, 1));
        assert!(
            matches!(refused, Err(TransactError::State(StateError::Refused(_)))),
            "{refused:?}"
        );
    }
}
