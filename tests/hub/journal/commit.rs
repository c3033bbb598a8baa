//! What is seen when, and how safe it is.

use std::thread;
use std::time::Duration;

use eventring::event::EventBatch;
use eventring::hub::{
    Durability, HubError, HubPublishError, HubPublisher, Outcome, PublishOptions, ReceiveError,
    StartFrom, Subscription, TopicConfig, TryReceiveError,
};
use eventring::journal::MemoryJournal;
use eventring::{Event, Hub};

use super::{event, eventually, hub, outcome, seen, submit};

#[test]
fn nothing_is_seen_before_its_commit() {
    let (hub, control) = hub(|builder| builder);
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    control.hold();
    let offset = submit(&hub, "a");
    control.wait_held();
    assert_eq!((hub.head(), hub.visible()), (1, 0));
    assert_eq!(hub.position().offset, 0);
    assert_eq!(hub.publisher().outcome(&(1..2)), None);
    assert_eq!(receiver.try_recv(), Err(TryReceiveError::Empty));
    assert_eq!(
        (
            receiver.lag(),
            seen(
                &mut hub
                    .subscribe(Subscription::all().start(StartFrom::Beginning))
                    .unwrap()
            )
        ),
        (0, vec![])
    );
    control.release();
    assert_eq!(outcome(&hub, offset), Outcome::Visible);
    assert_eq!(receiver.recv().unwrap().position, hub.position());
}

#[test]
fn a_publish_returns_when_its_event_is_seen_and_flushed() {
    let (hub, control) = hub(|builder| builder);
    for offset in 1..=100 {
        assert_eq!(hub.publish(event("a")).unwrap().offset, offset);
        assert!(hub.visible() >= offset);
    }
    let rounds = control.rounds();
    assert!(rounds.iter().all(|round| round.flush));
    let written: Vec<u64> = rounds
        .iter()
        .flat_map(|round| round.offsets.clone())
        .collect();
    assert_eq!(written, (1..=100).collect::<Vec<_>>());
    // No change of threads where the journal is idle.
    let here = thread::current().id();
    assert!(rounds.iter().any(|round| round.thread == here));
}

#[test]
fn publishers_that_come_together_share_commits() {
    let (hub, control) = hub(|builder| builder);
    control.hold();
    submit(&hub, "a");
    control.wait_held();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| hub.publish(event("a")).unwrap());
        }
        eventually("all are published", || hub.head() == 17);
        control.release();
    });
    assert_eq!(hub.visible(), 17);
    assert_eq!(
        control.rounds().len(),
        2,
        "one for the first, one for all the others"
    );
}

#[test]
fn a_batch_has_the_greatest_safety_that_any_of_its_events_has() {
    let (hub, control) = hub(|builder| builder.durability(Durability::None));
    let durable = TopicConfig::default().durability(Durability::Durable);
    let buffered = TopicConfig::default().durability(Durability::Buffered);
    hub.create_topic("durable", durable).unwrap();
    hub.create_topic("buffered", buffered).unwrap();
    let before = control.rounds().len();
    let mut batch = EventBatch::new();
    ["memory", "buffered"]
        .iter()
        .for_each(|topic| batch.push(event(topic)));
    assert_eq!(hub.publish_batch(&batch), Ok(1..3));
    batch.push(event("durable"));
    assert_eq!(hub.publish_batch(&batch), Ok(3..6));
    let rounds = control.rounds().split_off(before);
    assert_eq!(rounds[0].offsets, [1, 2]);
    assert!(!rounds[0].flush);
    assert_eq!(rounds[1].offsets, [3, 4, 5]);
    assert!(rounds[1].flush);
    let info = |topic: &str| hub.describe_topic(topic).unwrap().durability;
    assert_eq!(
        ["memory", "buffered", "durable"].map(info),
        [Durability::None, Durability::Buffered, Durability::Durable]
    );
}

#[test]
fn a_publish_may_ask_for_more_than_its_topic_and_not_for_less() {
    let (hub, control) = hub(|builder| builder.durability(Durability::Buffered));
    let asks = |durability| PublishOptions::default().durability(Some(durability));
    let publisher: HubPublisher<'_> = hub.publisher();
    let below = HubPublishError::DurabilityBelow {
        asked: Durability::None,
        topic: Durability::Buffered,
    };
    assert_eq!(
        publisher.publish(event("a"), &asks(Durability::None)),
        Err(below.clone())
    );
    assert_eq!(
        publisher.submit(event("a"), &asks(Durability::None)),
        Err(below)
    );
    assert_eq!(hub.head(), 0, "nothing is changed");
    publisher
        .publish(event("a"), &asks(Durability::Durable))
        .unwrap();
    assert!(control.rounds()[0].flush);
    // An event of a stream is never less than durable.
    let stream = Event::builder("a", "t")
        .stream("order", "1", 1)
        .build()
        .unwrap();
    publisher
        .publish(&stream, &PublishOptions::default())
        .unwrap();
    assert!(control.rounds()[1].flush);
    assert!(
        publisher
            .publish(&stream, &asks(Durability::Buffered))
            .is_err()
    );
    let memory = Hub::new();
    let asked = memory
        .publisher()
        .publish(event("a"), &asks(Durability::Buffered));
    assert_eq!(asked, Err(HubPublishError::DurabilityUnavailable));
    assert!(
        memory
            .publisher()
            .publish(event("a"), &asks(Durability::None))
            .is_ok()
    );
}

#[test]
fn what_is_in_flight_when_a_hub_is_closed_is_still_committed_and_seen_first() {
    let (hub, control) = hub(|builder| builder);
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    control.hold();
    (0..3).for_each(|_| _ = submit(&hub, "a"));
    control.wait_held();
    thread::scope(|scope| {
        scope.spawn(|| hub.close());
        eventually("it is closed", || hub.is_closed());
        assert_eq!(hub.publish(event("a")), Err(HubPublishError::Closed));
        assert_eq!(receiver.try_recv(), Err(TryReceiveError::Empty));
        assert_eq!(receiver.ended(), None);
        control.release();
    });
    assert_eq!(hub.visible(), 3, "closing waits for it");
    assert_eq!(
        (0..3)
            .map(|_| receiver.recv().unwrap().position.offset)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(receiver.recv(), Err(ReceiveError::Closed));
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let build = |hub: eventring::hub::HubBuilder| hub.build().map(drop).unwrap_err();
    let durable = Hub::builder().durability(Durability::Durable);
    assert_eq!(build(durable), HubError::NoJournal);
    assert!(matches!(
        build(Hub::builder().in_flight(1)),
        HubError::InFlight { .. }
    ));
    let builder = Hub::builder().journal(MemoryJournal::new());
    builder.clone().build().unwrap();
    assert_eq!(build(builder), HubError::JournalTaken);
}

/// Once nobody woke the thread for it, which slept for 50 ms, or as long as the journal had said before.
#[test]
fn a_journal_is_looked_after_behind_what_publishers_commit_themselves() {
    for due in [None, Some(Duration::from_secs(3_600))] {
        let (hub, control) = hub(|builder| builder.durability(Durability::Buffered));
        control.due(due);
        for _ in 0..20 {
            hub.publish(event("a")).unwrap();
            let rounds = control.rounds().len();
            // The second time there is nothing to do, and the thread goes to sleep.
            eventually("it is looked after", || control.maintained(rounds) > 1);
        }
    }
}

#[cfg(feature = "async")]
#[test]
fn a_task_waits_for_its_commit() {
    let (hub, control) = hub(|builder| builder.in_flight(2));
    control.hold();
    submit(&hub, "a");
    submit(&hub, "a");
    control.wait_held();
    // There is no room: it waits for that first.
    let publish = hub
        .publisher()
        .publish_async(event("a"), &PublishOptions::default());
    thread::scope(|scope| {
        let publishing = scope.spawn(|| futures::executor::block_on(publish));
        control.release();
        assert_eq!(publishing.join().unwrap().unwrap().offset, 3);
    });
    assert_eq!(hub.visible(), 3);
}
