//! Ending subscriptions, sleeping and being woken. Named after what the systems that this replaces got wrong.

use std::sync::Arc;
use std::sync::mpsc;

use eventring::event::{Event, EventQuery, Filter};
use eventring::hub::{
    EndReason, Gap, GapReason, Hub, PresenceChange, PresenceConfig, PresenceEvent, PresenceHandle,
    PresenceUpdate, PresenceWatch, Present, ReceiveError, StartFrom, Subscription,
    SubscriptionError, SubscriptionStats, TryReceiveError,
};

use crate::common::{Count, offsets, publish};

/// Weakness 12: `unsubscribe` removed a map entry, and the receiver went on receiving.
#[test]
fn weakness_12_unsubscribe_stops_delivery_at_once() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::all().id("a")).unwrap();
    publish(&hub, "t", "t");
    assert!(hub.unsubscribe("a"));
    assert_eq!(receiver.try_recv(), Err(TryReceiveError::Unsubscribed));
    assert_eq!(
        receiver.recv(),
        Err(ReceiveError::Unsubscribed),
        "and again"
    );
    assert_eq!(receiver.next(), None);
    assert_eq!(receiver.ended(), Some(EndReason::Unsubscribed));
    assert!(!hub.unsubscribe("a"), "once is enough");
    assert!(!hub.unsubscribe("unknown"));
}

#[test]
fn unsubscribing_while_events_are_shown_ends_the_run() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::all().id("a")).unwrap();
    (0..10).for_each(|_| _ = publish(&hub, "t", "t"));
    let seen = receiver.drain(usize::MAX, |position, _| {
        if position.offset == 3 {
            hub.unsubscribe("a");
        }
    });
    assert_eq!(seen, Ok(3));
    assert_eq!(receiver.try_recv(), Err(TryReceiveError::Unsubscribed));
}

/// Weakness 6: an unsubscribed consumer woke after up to 30 s.
#[test]
fn weakness_6_a_blocked_receive_ends_when_it_is_unsubscribed() {
    let hub = Hub::new();
    for wide in [true, false] {
        let topic = if wide { ">" } else { "wanted.*" };
        let mut receiver = hub.subscribe(Subscription::topic(topic).id("a")).unwrap();
        let (ready, started) = mpsc::channel();
        std::thread::scope(|scope| {
            let blocked = scope.spawn(move || {
                ready.send(()).unwrap();
                receiver.recv()
            });
            started.recv().unwrap();
            assert!(hub.unsubscribe("a"));
            assert_eq!(blocked.join().unwrap(), Err(ReceiveError::Unsubscribed));
        });
    }
}

/// Weakness 12, too: dropped receivers stayed in the map.
#[test]
fn weakness_12_dropping_a_receiver_unsubscribes_it() {
    let hub = Hub::new();
    let receiver = hub.subscribe(Subscription::all().id("a")).unwrap();
    let error = hub.subscribe(Subscription::all().id("a")).unwrap_err();
    assert_eq!(error, SubscriptionError::DuplicateId { id: "a".into() });
    drop(receiver);
    let again = hub.subscribe(Subscription::all().id("a")).unwrap();
    let stats: Vec<SubscriptionStats> = hub.subscriptions();
    assert_eq!((stats.len(), hub.stats().readers), (1, 1));
    hub.unsubscribe("a");
    let third = hub.subscribe(Subscription::all().id("a")).unwrap();
    drop(again);
    assert!(
        hub.unsubscribe("a"),
        "the older receiver takes its own entry only"
    );
    drop(third);
    assert_eq!((hub.subscriptions().len(), hub.stats().readers), (0, 0));
}

#[test]
fn ids_are_made_and_checked() {
    let hub = Hub::new();
    let taken = hub.subscribe(Subscription::all().id("s-1")).unwrap();
    let made = hub.subscribe(Subscription::all()).unwrap();
    assert_ne!(made.id(), taken.id());
    for id in ["", "a\nb", &"x".repeat(256)] {
        let error = hub.subscribe(Subscription::all().id(id)).unwrap_err();
        assert_eq!(error, SubscriptionError::Id);
    }
    assert_eq!(hub.stats().readers, 2);
}

/// Weakness 11: filters were accepted and never applied.
#[test]
fn weakness_11_every_part_of_a_filter_is_applied() {
    let hub = Hub::new();
    let wanted = |subscription: Subscription| {
        hub.subscribe(subscription.start(StartFrom::Beginning))
            .unwrap()
    };
    hub.publish(
        Event::builder("orders.eu", "OrderPlaced")
            .stream("Order", "o-1", 1)
            .tag("region", "eu")
            .json(r#"{"amount":250}"#)
            .time("2026-03-01T12:00:00Z")
            .build()
            .unwrap(),
    )
    .unwrap();
    hub.publish(
        Event::builder("users", "UserCreated")
            .stream("User", "u-1", 1)
            .time("2026-03-02T12:00:00Z")
            .build()
            .unwrap(),
    )
    .unwrap();
    for (number, subscription) in [
        Subscription::topic("orders.*"),
        Subscription::all().ty("OrderPlaced"),
        Subscription::all().ty_pattern("Order*"),
        Subscription::all().stream_type("Order"),
        Subscription::all().stream_id("o-1"),
        Subscription::all().tag("region", "eu"),
        Subscription::all().until("2026-03-02T00:00:00Z"),
        Subscription::all().matching("/data/amount > 100"),
        Subscription::all().filter_fn(|event| event.topic().starts_with("orders")),
        Subscription::events(
            EventQuery::from_json(br#"{"typePattern":"Order*"}"#)
                .unwrap()
                .filter,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(offsets(&mut wanted(subscription)), [1], "{number}");
    }
    let mut both = wanted(
        Subscription::all()
            .ty_pattern("User*")
            .since("2026-03-02T00:00:00Z"),
    );
    assert_eq!(offsets(&mut both), [2]);
    assert_eq!(both.position().offset, 2);
}

/// Weakness 11, too: `from_timestamp` was dropped in three places.
#[test]
fn weakness_11_a_start_by_time_is_one() {
    let hub = Hub::builder().capacity(8).build().unwrap();
    for n in 0..12 {
        hub.publish(Event::builder("t", "t").time_nanos(n * 10).build().unwrap())
            .unwrap();
    }
    let from = |nanos| {
        let start = Subscription::all().start(StartFrom::Timestamp(nanos));
        offsets(&mut hub.subscribe(start).unwrap())
    };
    assert_eq!(
        from(0),
        (5..=12).collect::<Vec<_>>(),
        "from the oldest that is kept"
    );
    // The hub goes by when it took an event, not by what that says.
    let later = eventring::event::parse_time("2199-01-01T00:00:00Z").unwrap();
    assert_eq!(from(later), [0; 0]);
}

#[test]
fn the_last_so_many_are_those_that_are_wanted() {
    let hub = Hub::builder().capacity(8).build().unwrap();
    for n in 0..7 {
        publish(&hub, if n % 2 == 0 { "a" } else { "b" }, "t");
    }
    let last = |topic: &str, count| {
        let start = Subscription::topic(topic).start(StartFrom::Last(count));
        let mut receiver = hub.subscribe(start).unwrap();
        (offsets(&mut receiver), receiver.is_complete())
    };
    assert_eq!(
        last("a", 2),
        (
            vec![5, 6, 7].into_iter().filter(|n| n % 2 == 1).collect(),
            true
        )
    );
    assert_eq!(
        last("a", 9),
        (vec![1, 3, 5, 7], true),
        "nothing older was ever there"
    );
    assert_eq!(last("b", 0), (vec![], true));
    (0..4).for_each(|_| _ = publish(&hub, "b", "t"));
    assert_eq!(last("a", 2), (vec![5, 7], true));
    assert_eq!(last("a", 3), (vec![5, 7], false), "older ones may be gone");
}

#[test]
fn armed_receivers_are_told_of_their_end() {
    let hub = Hub::new();
    let count = Arc::new(Count::default());
    let mut ended = hub.subscribe(Subscription::topic("a").id("a")).unwrap();
    let mut closed = hub.subscribe(Subscription::topic("b")).unwrap();
    assert!(ended.arm(count.clone()) && closed.arm(count.clone()));
    hub.unsubscribe("a");
    assert_eq!((count.get(), ended.arm(count.clone())), (1, false));
    drop(hub);
    assert_eq!(
        (count.get(), closed.arm(count.clone())),
        (2, false),
        "the last handle closes"
    );
    assert_eq!(closed.try_recv(), Err(TryReceiveError::Closed));
    assert_eq!(closed.ended(), Some(EndReason::Closed));
}

#[test]
fn figures_tell_what_a_subscription_did() {
    let hub = Hub::builder().capacity(4).build().unwrap();
    let mut receiver = hub.subscribe(Subscription::topic("a").id("x")).unwrap();
    assert_eq!(receiver.stats().last_event_time, None);
    hub.publish(Event::builder("a", "t").time_nanos(77).build().unwrap())
        .unwrap();
    assert_eq!(offsets(&mut receiver), [1]);
    (0..6).for_each(|_| _ = publish(&hub, "b", "t"));
    let missed = Gap {
        missed: 2,
        resume_at: 4,
        exact: false,
        reason: GapReason::Overrun,
    };
    assert_eq!(receiver.try_recv(), Err(TryReceiveError::Gap(missed)));
    let stats = hub.subscription("x").unwrap();
    assert_eq!((stats.delivered, stats.gaps, stats.missed), (1, 1, 2));
    assert_eq!(
        (stats.position, stats.lag, stats.last_event_time),
        (3, 4, Some(77))
    );
    assert_eq!(hub.subscriptions(), [stats]);
    assert_eq!(hub.subscription("y"), None);
}

#[test]
fn presence_says_who_listens_to_a_topic() {
    let hub = Hub::new();
    let _a = hub
        .subscribe(Subscription::topic("orders.*").id("a"))
        .unwrap();
    let b = hub.subscribe(Subscription::all().ty("x").id("b")).unwrap();
    assert_eq!(hub.presence("orders.eu"), ["a", "b"]);
    assert_eq!(hub.presence("users"), ["b"]);
    drop(b);
    assert_eq!(hub.presence("users"), [""; 0]);
}

#[test]
fn a_presence_watch_tells_of_members_without_a_receiver() {
    let hub = Hub::new();
    let count = Arc::new(Count::default());
    let filter = Filter::parse(["orders.*"]).unwrap();
    let config = PresenceConfig::new("m-", filter.clone(), count.clone());
    let members: PresenceHandle = hub.open_presence(config).unwrap();
    let mut watch: PresenceWatch = hub.watch_presence(count);
    assert!(members.enter(1) && members.enter(2));
    let present: Present = hub.present("orders.eu", 1);
    assert_eq!((present.count, present.ids.len()), (2, 1));
    let told = |update: Option<PresenceUpdate>| -> Vec<PresenceChange> {
        match update {
            Some(PresenceUpdate::Changes(changes)) => changes,
            other => panic!("{other:?}"),
        }
    };
    let joins = told(watch.take(9));
    assert!(
        joins
            .iter()
            .all(|join| join.joined && join.concerns(&filter))
    );
    assert_eq!(
        joins.iter().map(|join| &*join.id).collect::<Vec<_>>(),
        ["m-1", "m-2"]
    );
    assert!(hub.unsubscribe("m-2"));
    let Some(PresenceEvent::Ended { number }) = members.take() else {
        panic!("it was ended from the other side")
    };
    members.leave(number);
    let leaves = told(watch.take(9));
    assert_eq!(
        (leaves.len(), leaves[0].joined, &*leaves[0].id),
        (1, false, "m-2")
    );
    members.enter(3);
    members.enter(4);
    assert!(matches!(watch.take(1), Some(PresenceUpdate::Missed)));
}
