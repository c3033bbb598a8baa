//! From history into live in one call, controls beside the order, presence, and positions of streams.

use std::time::Duration;

use eventring::event::{Event, EventBatch, Position};
use eventring::hub::{
    Control, Controls, EndReason, ExpectedVersion, Hub, HubPublishError, Item, Receiver, StartFrom,
    Subscription, TopicConfig,
};

fn publish(hub: &Hub, topic: &str) -> u64 {
    hub.publish(Event::builder(topic, "t").build().unwrap())
        .unwrap()
        .offset
}

/// What one item is, in short.
fn short(item: Item) -> String {
    match item {
        Item::Event(delivery) => delivery.position.offset.to_string(),
        Item::Gap(gap) => format!("lagged {}", gap.missed),
        Item::CaughtUp(position) => format!("caught up {}", position.offset),
        Item::Control(Control::Connected { id }) => format!("connected {id}"),
        Item::Control(Control::Disconnected { reason }) => format!("disconnected: {reason}"),
        Item::Control(Control::Heartbeat) => "heartbeat".into(),
        Item::Control(Control::Joined { id, .. }) => format!("joined {id}"),
        Item::Control(Control::Left { id, .. }) => format!("left {id}"),
        Item::Control(Control::PresenceReset { at }) => format!("reset {at}"),
        other => format!("{other:?}"),
    }
}

fn ready(receiver: &mut Receiver) -> Vec<String> {
    let mut items = Vec::new();
    while let Ok(Some(item)) = receiver.next_item_timeout(Duration::ZERO) {
        items.push(short(item));
    }
    items
}

fn silent() -> Controls {
    Controls::none()
}

#[test]
fn history_then_the_mark_then_live_without_gap_or_repeat() {
    let hub = Hub::builder().capacity(8).build().unwrap();
    let config = TopicConfig::default().retain_events(3);
    hub.create_topic("a", config).unwrap();
    let kept: Vec<u64> = (0..3)
        .map(|_| {
            let offset = publish(&hub, "a");
            (0..10).for_each(|_| _ = publish(&hub, "b"));
            offset
        })
        .collect();
    let subscription = Subscription::topic("a")
        .start(StartFrom::Beginning)
        .controls(silent());
    let mut receiver = hub.subscribe(subscription).unwrap();
    let mark = hub.head();
    let live = publish(&hub, "a");
    let mut expected: Vec<String> = kept.iter().map(u64::to_string).collect();
    expected.push(format!("caught up {mark}"));
    expected.push(live.to_string());
    assert_eq!(ready(&mut receiver), expected);
    publish(&hub, "b");
    assert_eq!(ready(&mut receiver), [""; 0]);
}

#[test]
fn who_starts_now_has_caught_up_at_once() {
    let hub = Hub::new();
    publish(&hub, "a");
    let mut receiver = hub
        .subscribe(Subscription::all().controls(silent()))
        .unwrap();
    publish(&hub, "a");
    assert_eq!(ready(&mut receiver), ["caught up 1", "2"]);
}

#[test]
fn catching_up_while_others_publish_misses_nothing() {
    let hub = Hub::builder().capacity(1 << 16).build().unwrap();
    (0..2_000).for_each(|n| _ = publish(&hub, if n % 2 == 0 { "a" } else { "b" }));
    std::thread::scope(|scope| {
        let writer = {
            let hub = hub.clone();
            scope.spawn(move || {
                (0..8_000).for_each(|n| _ = publish(&hub, if n % 2 == 0 { "a" } else { "b" }))
            })
        };
        let subscription = Subscription::topic("a")
            .start(StartFrom::Beginning)
            .controls(silent());
        let mut receiver = hub.subscribe(subscription).unwrap();
        let (mut seen, mut mark) = (Vec::new(), None);
        // The writer may be done before the receiver is there: it has caught up behind the last one then.
        while seen.len() < 5_000 || mark.is_none() {
            match receiver.next_item().unwrap() {
                Item::Event(delivery) => seen.push(delivery.position.offset),
                Item::CaughtUp(_) => mark = Some(seen.len()),
                other => panic!("{other:?}"),
            }
        }
        writer.join().unwrap();
        assert!(mark.is_some_and(|mark| mark >= 1_000));
        assert_eq!(seen, (0..5_000).map(|n| n * 2 + 1).collect::<Vec<u64>>());
    });
}

#[test]
fn controls_take_no_position_and_are_never_stored() {
    let hub = Hub::new();
    let controls = Controls::default()
        .heartbeat(Some(Duration::ZERO))
        .presence(true);
    let mut watcher = hub
        .subscribe(Subscription::topic("a.*").id("w").controls(controls))
        .unwrap();
    let mut take = || short(watcher.next_item().unwrap());
    assert_eq!(
        (take(), take(), take()),
        (
            "connected w".into(),
            "caught up 0".into(),
            "heartbeat".into()
        )
    );
    let other = hub.subscribe(Subscription::topic("*.b").id("o")).unwrap();
    let unrelated = hub.subscribe(Subscription::topic("x").id("u")).unwrap();
    assert_eq!(take(), "joined o");
    drop((other, unrelated));
    assert_eq!((take(), take()), ("left o".into(), "heartbeat".into()));
    let gone = hub.subscribe(Subscription::all().id("g")).unwrap();
    hub.unsubscribe("g");
    assert_eq!((take(), take()), ("joined g".into(), "left g".into()));
    drop(gone);
    assert_eq!((hub.head(), hub.stats().published), (0, 0));
    hub.unsubscribe("w");
    assert_eq!(take(), "disconnected: unsubscribed");
    assert_eq!(watcher.next_item(), Err(EndReason::Unsubscribed));
}

#[test]
fn each_control_can_be_switched_off() {
    let hub = Hub::new();
    let mut none = hub
        .subscribe(Subscription::all().controls(silent()))
        .unwrap();
    let mut plain = hub.subscribe(Subscription::all()).unwrap();
    publish(&hub, "a");
    assert!(plain.try_recv().is_ok(), "plain receives give events only");
    assert_eq!(ready(&mut none), ["caught up 0", "1"]);
    hub.close();
    assert_eq!(none.next_item(), Err(EndReason::Closed));
    assert_eq!(
        ready(&mut plain),
        [
            "connected s-2",
            "caught up 1",
            "disconnected: the hub is closed"
        ]
    );
}

#[test]
fn a_blocked_watcher_is_woken_by_who_joins() {
    let hub = Hub::new();
    let controls = silent().presence(true);
    let mut watcher = hub
        .subscribe(Subscription::topic("a").controls(controls))
        .unwrap();
    std::thread::scope(|scope| {
        let blocked = scope.spawn(move || {
            (
                short(watcher.next_item().unwrap()),
                short(watcher.next_item().unwrap()),
            )
        });
        let _joined = hub.subscribe(Subscription::topic("a").id("j")).unwrap();
        let (first, second) = blocked.join().unwrap();
        assert!(first == "caught up 0" || first == "joined j");
        assert!(second == "caught up 0" || second == "joined j");
    });
}

#[test]
fn controls_that_nobody_takes_are_bounded() {
    let hub = Hub::new();
    let controls = silent().presence(true);
    let mut watcher = hub
        .subscribe(Subscription::topic("a").controls(controls))
        .unwrap();
    (0..1_000).for_each(|_| drop(hub.subscribe(Subscription::topic("a"))));
    let items = ready(&mut watcher);
    assert!(items.len() <= 64 + 1);
    // What is left out is told, and what follows is whole: its own join was the first change.
    let reset = items.iter().find_map(|item| item.strip_prefix("reset "));
    let reset: usize = reset.expect("it is told").parse().unwrap();
    let is_news = |item: &&String| item.starts_with("joined") || item.starts_with("left");
    let told = items.iter().filter(is_news).count();
    assert_eq!(reset + told, 1 + 2_000);
    assert_eq!(hub.present("a", 10).at, 1 + 2_000);
}

fn on_stream(id: &str, version: impl Into<Option<u64>>) -> Event {
    let mut event = Event::builder("orders", "t");
    event.stream("Order", id, version).build().unwrap()
}

/// Weakness 15: positions were whatever the caller passed, 9 and then 5.
#[test]
fn weakness_15_stream_positions_are_dense_and_rise() {
    let hub = Hub::builder().streams_max(3).build().unwrap();
    assert_eq!(
        hub.stream_position("Order", "1"),
        None,
        "unknown, and not 0"
    );
    for position in 1..=3 {
        hub.publish(on_stream("1", None)).unwrap();
        assert_eq!(hub.stream_position("Order", "1"), Some(position));
    }
    hub.publish(on_stream("1", 4)).unwrap();
    let error = hub.publish(on_stream("1", 9)).unwrap_err();
    assert_eq!(
        error,
        HubPublishError::StreamPosition {
            expected: 5,
            got: 9
        }
    );
    assert_eq!(
        hub.publish(on_stream("1", 4)),
        Err(HubPublishError::StreamPosition {
            expected: 5,
            got: 4
        })
    );
    hub.publish(on_stream("2", 7)).unwrap();
    assert_eq!(
        hub.stream_position("Order", "2"),
        Some(7),
        "an unknown stream begins where its event says"
    );
    assert_eq!((hub.head(), hub.stream_position("User", "1")), (5, None));
    hub.publish(on_stream("3", None)).unwrap();
    assert_eq!(
        hub.publish(on_stream("4", None)),
        Err(HubPublishError::TooManyStreams { limit: 3 })
    );
}

#[test]
fn an_expected_version_is_checked_with_the_publish() {
    let hub = Hub::builder().streams_max(10).build().unwrap();
    let publish = |expected| {
        hub.publish_expecting(expected, on_stream("1", None))
            .map(|position| position.offset)
    };
    let refused = |expected, actual| {
        let at = None;
        Err(HubPublishError::Version {
            expected,
            actual,
            at,
        })
    };
    assert_eq!(
        publish(ExpectedVersion::Exactly(1)),
        refused(ExpectedVersion::Exactly(1), None)
    );
    assert_eq!(publish(ExpectedVersion::NoStream), Ok(1));
    assert_eq!(
        publish(ExpectedVersion::NoStream),
        refused(ExpectedVersion::NoStream, Some(1))
    );
    assert_eq!(publish(ExpectedVersion::Exactly(1)), Ok(2));
    assert_eq!(
        publish(ExpectedVersion::Exactly(1)),
        refused(ExpectedVersion::Exactly(1), Some(2))
    );
    let plain = Event::builder("t", "t").build().unwrap();
    assert_eq!(
        hub.publish_expecting(ExpectedVersion::NoStream, &plain),
        Err(HubPublishError::NoStream)
    );
    let none = Hub::new();
    assert_eq!(
        none.publish_expecting(ExpectedVersion::NoStream, &plain),
        Err(HubPublishError::StreamsNotKept)
    );
}

#[test]
fn of_racing_writers_one_wins_each_version() {
    let hub = Hub::builder().streams_max(1).build().unwrap();
    let won: Vec<usize> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let one = |version| match version {
                        0 => ExpectedVersion::NoStream,
                        version => ExpectedVersion::Exactly(version),
                    };
                    (0..500)
                        .filter(|version| {
                            hub.publish_expecting(one(*version), on_stream("1", None))
                                .is_ok()
                        })
                        .count()
                })
            })
            .collect();
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });
    assert_eq!(won.iter().sum::<usize>() as u64, hub.head());
    assert_eq!(hub.stream_position("Order", "1"), Some(hub.head()));
}

#[test]
fn a_batch_takes_its_stream_positions_whole_or_not_at_all() {
    let hub = Hub::builder().streams_max(10).build().unwrap();
    let mut batch = EventBatch::new();
    [("1", 1), ("1", 2), ("2", 5), ("1", 3)]
        .iter()
        .for_each(|(id, version)| batch.push(on_stream(id, *version)));
    assert_eq!(hub.publish_batch(&batch), Ok(1..5));
    assert_eq!(
        (
            hub.stream_position("Order", "1"),
            hub.stream_position("Order", "2")
        ),
        (Some(3), Some(5))
    );
    let mut bad = EventBatch::new();
    [("1", 4), ("1", 6)]
        .iter()
        .for_each(|(id, version)| bad.push(on_stream(id, *version)));
    assert_eq!(
        hub.publish_batch(&bad),
        Err(HubPublishError::StreamPosition {
            expected: 5,
            got: 6
        })
    );
    assert_eq!(
        (hub.stream_position("Order", "1"), hub.head()),
        (Some(3), 4)
    );
}

#[test]
fn resuming_after_a_position_repeats_nothing() {
    let hub = Hub::builder().capacity(64).build().unwrap();
    (0..20).for_each(|_| _ = publish(&hub, "a"));
    let from = |offset| {
        StartFrom::After(Position {
            epoch: hub.epoch(),
            offset,
        })
    };
    let mut receiver = hub.subscribe(Subscription::all().start(from(0))).unwrap();
    let mut seen = Vec::new();
    for _ in 0..20 {
        seen.push(receiver.recv().unwrap().position.offset);
        let position = receiver.position();
        receiver = hub
            .subscribe(Subscription::all().start(StartFrom::After(position)))
            .unwrap();
    }
    assert_eq!(seen, (1..=20).collect::<Vec<_>>());
}
