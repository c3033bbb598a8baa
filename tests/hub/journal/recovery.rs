//! The same journal again.

use eventring::Filter;
use eventring::hub::{Durability, Hub, StartFrom, Subscription, SubscriptionError, TopicConfig};
use eventring::journal::{
    CommitFailure, Hole, HoleReason, Journal, MemoryJournal, MemoryLog, Scan,
};

use super::{event, hub};

fn open(log: &MemoryLog) -> Hub {
    let builder = Hub::builder().capacity(256);
    builder.journal(MemoryJournal::open(log)).build().unwrap()
}

/// As `kill -9`: nothing is closed, and its thread stays where it is.
fn kill(hub: Hub) {
    std::mem::forget(hub);
}

#[test]
fn offsets_go_on_in_the_same_epoch() {
    let log = MemoryLog::default();
    let mut published = 0;
    let mut epoch = None;
    // Numbers that end inside a block of the ring, at its edge, and beyond its capacity.
    for count in [1, 62, 1, 64, 1_000, 7] {
        let hub = open(&log);
        assert_eq!(*epoch.get_or_insert(hub.epoch()), hub.epoch());
        assert_eq!((hub.head(), hub.visible()), (published, published));
        assert_eq!(hub.earliest(), published + 1, "the ring has nothing yet");
        let mut receiver = hub.subscribe(Subscription::all()).unwrap();
        for _ in 0..count {
            published += 1;
            let position = hub.publish(event("a")).unwrap();
            assert_eq!((position.offset, position.epoch), (published, hub.epoch()));
            assert_eq!(receiver.recv().unwrap().position, position);
        }
        match count {
            64 => drop(hub),
            _ => kill(hub),
        }
    }
    let holes = MemoryJournal::open(&log).recovered().holes.len();
    assert_eq!(holes, 0, "nothing was lost, and nothing is told");
}

#[test]
fn what_was_seen_without_being_written_is_not_given_out_again() {
    let log = MemoryLog::default();
    let hub = open(&log);
    hub.set_topic(
        "memory",
        TopicConfig::default().durability(Durability::None),
    )
    .unwrap();
    hub.publish(event("a")).unwrap();
    (0..9).for_each(|_| _ = hub.publish(event("memory")).unwrap());
    let last = hub.publish(event("memory")).unwrap();
    kill(hub);
    let hub = open(&log);
    assert!(hub.head() >= last.offset, "{} {}", hub.head(), last.offset);
    let next = hub.publish(event("a")).unwrap();
    assert!(next.offset > last.offset);
    // Closed in order, nothing is reserved that nobody has seen.
    let shown = hub.publish(event("memory")).unwrap();
    drop(hub);
    assert_eq!(open(&log).head(), shown.offset);
}

#[test]
fn positions_before_the_ring_are_known_and_those_beyond_are_not() {
    let log = MemoryLog::default();
    let hub = open(&log);
    let positions: Vec<_> = (0..10).map(|_| hub.publish(event("a")).unwrap()).collect();
    drop(hub);
    let hub = open(&log);
    hub.subscribe(Subscription::all().start(StartFrom::After(positions[9])))
        .unwrap();
    let mut beyond = positions[9];
    beyond.offset += 1;
    let error = hub.subscribe(Subscription::all().start(StartFrom::After(beyond)));
    assert!(matches!(
        error,
        Err(SubscriptionError::InFuture { head: 10, got: 11 })
    ));
}

#[test]
fn settings_of_topics_come_back() {
    let log = MemoryLog::default();
    let hub = open(&log);
    let config = TopicConfig::default()
        .durability(Durability::Buffered)
        .retain_events(5);
    hub.create_topic("kept", config.clone()).unwrap();
    hub.create_topic("changed", config.clone()).unwrap();
    let changed = TopicConfig::default().durability(Durability::None);
    hub.set_topic("changed", changed.clone()).unwrap();
    hub.create_topic("deleted", config.clone()).unwrap();
    hub.delete_topic("deleted").unwrap();
    kill(hub);
    let hub = open(&log);
    assert_eq!(hub.topics(), ["changed", "kept"]);
    assert_eq!(hub.describe_topic("kept").unwrap().config, config);
    let info = hub.describe_topic("changed").unwrap();
    assert_eq!((info.config, info.durability), (changed, Durability::None));
}

#[test]
fn recorded_never_goes_back() {
    let log = MemoryLog::default();
    for _ in 0..3 {
        let mut last = 0;
        let hub = open(&log);
        (0..20).for_each(|_| _ = hub.publish(event("a")).unwrap());
        let mut reader = hub.journal().unwrap().view().reader().unwrap();
        let all = Filter::all();
        let scan = Scan::new(&all, 1..hub.head() + 1);
        reader
            .read(&scan, &mut |stored| {
                assert!(stored.recorded >= last, "{stored:?}");
                last = stored.recorded;
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        assert!((now.as_millis() as i64 - last).abs() < 60_000, "{last}");
        kill(hub);
    }
}

/// Once it was known in the run only in which it was given up.
#[test]
fn what_was_given_up_is_told_after_a_restart() {
    let (hub, control) = hub(|builder| builder);
    hub.publish(event("a")).unwrap();
    control.fail(Some(CommitFailure::Aborted));
    hub.publish(event("a")).unwrap_err();
    control.fail(None);
    for _ in 0..3 {
        hub.publish(event("a")).unwrap();
    }
    kill(hub);
    let journal = MemoryJournal::open(&control.log());
    let expected = [Hole::new(2..3, HoleReason::Aborted)];
    // Behind it there may be what was reserved when it was killed.
    assert_eq!(journal.recovered().holes[..1], expected);
}
