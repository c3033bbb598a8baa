//! State that commits with events, or alone.

use std::sync::mpsc;

use eventring::event::EventBatch;
use eventring::hub::{
    Hub, HubPublishError, PublishOptions, TopicConfig, TransactDone, TransactError,
};
use eventring::journal::{CommitFailure, StateError, StateTx};

use super::{event, hub};

fn value(hub: &Hub, key: &str) -> Option<Vec<u8>> {
    kept(hub, "test", key)
}

fn kept(hub: &Hub, table: &str, key: &str) -> Option<Vec<u8>> {
    let mut reader = hub.journal().unwrap().view().reader().unwrap();
    let mut found = None;
    let look = &mut |state: &mut dyn StateTx| found = state.get(table, key.as_bytes()).unwrap();
    reader.state(look).unwrap();
    found
}

fn put(key: &'static str) -> impl FnOnce(&mut dyn StateTx) -> Result<(), StateError> + Send {
    move |state| state.put("test", key.as_bytes(), b"there")
}

fn batch() -> EventBatch {
    let mut batch = EventBatch::new();
    (0..3).for_each(|_| batch.push(event("a")));
    batch
}

#[test]
fn a_change_of_state_commits_with_its_events_or_not_at_all() {
    let (hub, control) = hub(|builder| builder);
    let options = PublishOptions::default();
    let publisher = hub.publisher();
    assert_eq!(
        publisher.publish_with(&batch(), &options, put("one")),
        Ok(1..4)
    );
    assert!(value(&hub, "one").is_some());
    control.fail(Some(CommitFailure::Aborted));
    let failed = publisher.publish_with(&batch(), &options, put("two"));
    assert!(matches!(failed, Err(HubPublishError::Aborted { .. })));
    control.fail(None);
    publisher.publish(event("a"), &options).unwrap();
    assert_eq!(value(&hub, "two"), None);
}

#[test]
fn a_change_that_fails_is_undone_alone_and_told_to_its_caller() {
    let (hub, _control) = hub(|builder| builder);
    let options = PublishOptions::default();
    let refuses = |state: &mut dyn StateTx| {
        state.put("test", b"half", b"there")?;
        Err(StateError::Refused("no".to_owned()))
    };
    let failed = hub.publisher().publish_with(&batch(), &options, refuses);
    let Err(HubPublishError::State { position, error }) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(
        (position.offset, error),
        (1, StateError::Refused("no".to_owned()))
    );
    assert_eq!((hub.visible(), value(&hub, "half")), (3, None));
    let journal = hub.journal().unwrap();
    let panics = journal.transact(|_| panic!("a test panics here on purpose"));
    assert_eq!(panics, Err(TransactError::State(StateError::Panicked)));
    assert_eq!(journal.transact(put("after")), Ok(()));
    assert!(value(&hub, "after").is_some());
}

/// Once a publish was answered when its events were seen, which is before its change is told.
#[test]
fn a_change_is_waited_for_also_where_its_events_are_seen_already() {
    let (hub, control) = hub(|builder| builder);
    let refuses = |_: &mut dyn StateTx| Err(StateError::Refused("no".to_owned()));
    control.hold();
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let options = PublishOptions::default();
            let none = EventBatch::new();
            hub.publisher().publish_with(&none, &options, refuses)
        });
        control.wait_held();
        control.release();
        let failed = publishing.join().unwrap();
        assert!(
            matches!(failed, Err(HubPublishError::State { .. })),
            "{failed:?}"
        );
    });
}

/// Once memory was changed first, and the journal told behind it: of two who changed a topic at once each could be the last in
/// one of them.
/// A change whose events are more than a round takes was overtaken by those that came behind it.
#[test]
fn changes_are_made_in_the_order_in_which_they_were_asked_for() {
    let (hub, control) = hub(|builder| builder.in_flight(1 << 13));
    control.hold();
    hub.publisher()
        .submit(event("a"), &PublishOptions::default())
        .unwrap();
    control.wait_held();
    // What a round takes, and some more.
    for _ in 0..4_096 {
        let options = PublishOptions::default();
        hub.publisher().submit(event("a"), &options).unwrap();
    }
    let (made, order) = mpsc::channel();
    let (first, second) = (made.clone(), made);
    let with_events =
        hub.publisher()
            .submit_with(&batch(), &PublishOptions::default(), move |_| {
                first.send("with events").unwrap();
                Ok(())
            });
    with_events.unwrap();
    let alone = Box::new(move |_: &mut dyn StateTx| {
        second.send("alone").unwrap();
        Ok(())
    });
    let done = Box::new(|done: Result<(), _>| assert_eq!(done, Ok(())));
    hub.journal().unwrap().submit_transact(alone, done).unwrap();
    control.release();
    assert_eq!(order.iter().collect::<Vec<_>>(), ["with events", "alone"]);
}

#[test]
fn who_changes_a_topic_last_is_kept_last() {
    let (hub, _control) = hub(|builder| builder);
    for _ in 0..100 {
        std::thread::scope(|scope| {
            for events in [1, 2] {
                let (hub, config) = (&hub, TopicConfig::default().retain_events(events));
                scope.spawn(move || hub.set_topic("a", config).unwrap());
            }
        });
        let kept = kept(&hub, "topics", "a").unwrap();
        let config = hub.describe_topic("a").unwrap().config;
        let expected = format!("1 - {} ", config.retain_events);
        assert!(kept.starts_with(expected.as_bytes()), "{config:?}");
    }
}

#[test]
fn a_change_without_events_needs_none_and_is_flushed() {
    let (hub, control) = hub(|builder| builder);
    hub.journal().unwrap().transact(put("one")).unwrap();
    let rounds = control.rounds();
    assert!(rounds[0].flush && rounds[0].offsets.is_empty());
    let (send, receive) = mpsc::channel();
    let done: TransactDone = Box::new(move |outcome| send.send(outcome).unwrap());
    let journal = hub.journal().unwrap();
    journal.submit_transact(Box::new(put("two")), done).unwrap();
    assert_eq!(receive.recv().unwrap(), Ok(()));
    control.fail(Some(CommitFailure::NoSpace));
    assert_eq!(journal.transact(put("three")), Err(TransactError::NoSpace));
    assert_eq!(journal.transact(put("four")), Err(TransactError::NoSpace));
    hub.close();
    assert_eq!(journal.transact(put("five")), Err(TransactError::Closed));
}

#[test]
fn a_hub_in_memory_has_no_state_to_commit() {
    let hub = Hub::new();
    assert!(hub.journal().is_none());
    let published = hub
        .publisher()
        .publish_with(&batch(), &PublishOptions::default(), put("one"));
    assert_eq!(published, Err(HubPublishError::NoJournal));
}
