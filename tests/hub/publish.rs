//! Publishing: positions, batches, limits, bounds, closing.

use eventring::event::{
    AsEvent, Epoch, Event, EventBatch, EventLimits, EventRef, Filter, Position,
};
use eventring::hub::{Class, Hub, HubPublishError, HubStats, StartFrom, Subscription};
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

fn event(topic: &str, data: &str) -> Event {
    Event::builder(topic, "t").text(data).build().unwrap()
}

fn sized(bytes: usize) -> Event {
    event("t", &"x".repeat(bytes))
}

fn batch(count: usize) -> EventBatch {
    let mut batch = EventBatch::new();
    (0..count).for_each(|n| batch.push(event("t", &n.to_string())));
    batch
}

fn data(hub: &Hub) -> Vec<String> {
    let mut receiver = hub
        .subscribe(Subscription::all().start(StartFrom::Beginning))
        .unwrap();
    let mut seen = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let _ = receiver.drain(usize::MAX, |_, event| seen.push(text(event.data())));
    seen
}

#[test]
fn offsets_are_dense_from_one_and_epochs_are_new_each_time() {
    let hub = Hub::new();
    assert_eq!((hub.head(), hub.visible(), hub.earliest()), (0, 0, 1));
    for offset in 1..=3 {
        let position = hub.publish(event("t", "x")).unwrap();
        assert_eq!(
            position,
            Position {
                epoch: hub.epoch(),
                offset
            }
        );
    }
    assert_eq!(hub.publish_batch(&batch(4)), Ok(4..8));
    assert_eq!(
        (hub.head(), hub.earliest(), hub.position().offset),
        (7, 1, 7)
    );
    assert_ne!(hub.epoch(), Hub::new().epoch());
    let other = hub.clone();
    assert_eq!(other.publish(event("t", "x")).unwrap().offset, 8);
}

#[test]
fn an_explicit_position_must_be_the_next() {
    let hub = Hub::new();
    let at = |offset| Position {
        epoch: hub.epoch(),
        offset,
    };
    assert_eq!(hub.publish_at(at(1), event("t", "1")), Ok(at(1)));
    for got in [
        at(1),
        at(3),
        at(0),
        Position {
            epoch: Epoch(hub.epoch().0 ^ 1),
            offset: 2,
        },
    ] {
        let error = hub.publish_at(got, event("t", "x")).unwrap_err();
        assert_eq!(
            error,
            HubPublishError::Position {
                expected: at(2),
                got
            }
        );
    }
    assert_eq!(hub.head(), 1);
}

#[test]
fn a_batch_is_published_whole_or_not_at_all() {
    let hub = Hub::builder()
        .capacity(10)
        .limits(EventLimits::default().payload_bytes(5))
        .build()
        .unwrap();
    let mut bad = batch(2);
    bad.push(event("t", "123456"));
    let error = hub.publish_batch(&bad).unwrap_err();
    assert_eq!(
        error.to_string(),
        "event 2: data: 6 bytes is over the limit of 5"
    );
    assert!(error.is_too_large());
    assert_eq!(
        hub.publish_batch(&batch(6)),
        Err(HubPublishError::TooMany {
            events: 6,
            limit: 5
        })
    );
    let events: Vec<Event> = (0..6).map(|n| event("t", &n.to_string())).collect();
    assert_eq!(
        hub.publish_batch_iter(&events),
        Err(HubPublishError::TooMany {
            events: 6,
            limit: 5
        })
    );
    assert_eq!(
        (hub.head(), data(&hub).len()),
        (0, 0),
        "nothing of it is there"
    );
    assert_eq!(hub.publish_batch_iter(&events[..5]), Ok(1..6));
    assert_eq!(hub.publish_batch(&batch(0)), Ok(6..6));
    assert_eq!(data(&hub), ["0", "1", "2", "3", "4"]);
}

#[test]
fn an_event_of_a_batch_is_looked_at_once_and_may_use_the_hub() {
    /// Views another event each time, and publishes meanwhile.
    struct Changing {
        hub: Hub,
        views: AtomicUsize,
        events: [Event; 2],
    }
    impl AsEvent for Changing {
        fn as_event(&self) -> EventRef<'_> {
            self.hub.publish(event("beside", "")).unwrap();
            let view = self.views.fetch_add(1, Ordering::Relaxed);
            self.events[view.min(1)].as_ref()
        }
    }
    let hub = Hub::builder().ring_bytes(1 << 20).build().unwrap();
    let changing = || Changing {
        hub: hub.clone(),
        views: AtomicUsize::new(0),
        events: [event("t", "small"), sized(600_000)],
    };
    let batch = [changing(), changing()];
    assert_eq!(hub.publish_batch_iter(&batch), Ok(3..5));
    assert_eq!(
        data(&hub),
        ["", "", "small", "small"],
        "what was measured against the limit is what was published"
    );
}

#[test]
fn a_batch_beyond_half_of_ring_bytes_is_refused() {
    let hub = Hub::builder().ring_bytes(64 << 10).build().unwrap();
    let events: Vec<Event> = (0..4).map(|_| sized(10_000)).collect();
    let error = hub.publish_batch_iter(&events).unwrap_err();
    assert!(
        matches!(
            error,
            HubPublishError::TooLarge {
                bytes: 40_000..,
                limit: 32_768
            }
        ),
        "{error}"
    );
    assert_eq!(hub.publish_batch_iter(&events[..3]), Ok(1..4));
}

#[test]
fn the_hubs_own_limits_hold_for_events_built_under_others() {
    let hub = Hub::builder()
        .limits(EventLimits::default().payload_bytes(3))
        .build()
        .unwrap();
    let error = hub.publish(event("t", "1234")).unwrap_err();
    assert_eq!(error.to_string(), "data: 4 bytes is over the limit of 3");
    assert_eq!(hub.head(), 0);
}

#[test]
fn settings_out_of_range_are_typed_errors() {
    let message = |builder: eventring::hub::HubBuilder| builder.build().unwrap_err().to_string();
    assert_eq!(
        message(Hub::builder().capacity(0)),
        "capacity is 0, a ring keeps at least one value"
    );
    assert!(message(Hub::builder().capacity(usize::MAX)).starts_with("capacity "));
    assert_eq!(
        message(Hub::builder().ring_bytes(1)),
        "ring_bytes: 1 is below the least of 65536"
    );
}

#[test]
fn large_events_push_out_whole_blocks_and_readers_see_an_exact_gap() {
    let hub = Hub::builder().ring_bytes(1 << 20).build().unwrap();
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    let mut published = 0;
    while hub.earliest() == 1 {
        hub.publish(sized(4_000)).unwrap();
        published += 1;
        assert!(published < 1_000, "the bound never takes hold");
    }
    assert!(
        published > 200,
        "a mebibyte holds more than {published} of them"
    );
    assert!(hub.stats().heap_bytes <= 1 << 20);
    assert_eq!((hub.earliest(), hub.stats().trimmed), (65, 64));
    let gap = receiver.next().unwrap().unwrap_err();
    assert_eq!((gap.missed, gap.resume_at, gap.exact), (64, 65, true));
    assert_eq!(receiver.next().unwrap().unwrap().position.offset, 65);
    let rest = receiver.drain(usize::MAX, |_, _| {}).unwrap();
    assert_eq!(rest, published - 65);
}

#[test]
fn small_events_take_no_heap() {
    let hub = Hub::builder().capacity(100).build().unwrap();
    for _ in 0..300 {
        hub.publish(event("t", "small")).unwrap();
    }
    assert_eq!(hub.stats().heap_bytes, 0);
    assert_eq!((hub.earliest(), hub.head()), (201, 300));
}

#[test]
fn after_close_nothing_is_published_and_the_backlog_is_read() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    hub.publish_batch(&batch(2)).unwrap();
    hub.close();
    hub.close();
    assert!(hub.is_closed());
    assert_eq!(hub.publish(event("t", "x")), Err(HubPublishError::Closed));
    assert_eq!(hub.publish_batch(&batch(1)), Err(HubPublishError::Closed));
    let next = Position {
        epoch: hub.epoch(),
        offset: 3,
    };
    assert_eq!(
        hub.publish_at(next, event("t", "x")),
        Err(HubPublishError::Closed)
    );
    assert_eq!(receiver.by_ref().count(), 2);
    assert!(receiver.next().is_none());
    assert_eq!(data(&hub), ["0", "1"], "who comes later gets what is kept");
}

#[test]
fn the_last_handle_closes_the_hub() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    let reader = hub.cursor().unwrap();
    let other = hub.clone();
    drop(hub);
    other.publish(event("t", "x")).unwrap();
    drop(other);
    assert_eq!(receiver.by_ref().count(), 1);
    drop(reader);
}

#[test]
fn publishers_on_many_threads_make_one_total_order() {
    let hub = Hub::new();
    let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let hub = &hub;
            scope.spawn(move || {
                for n in 0..200 {
                    let position = hub
                        .publish(event(&format!("t.{thread}"), &n.to_string()))
                        .unwrap();
                    assert!(position.offset <= 840);
                }
                hub.publish_batch(&batch(10)).unwrap();
            });
        }
    });
    hub.close();
    let deliveries: Vec<_> = receiver.by_ref().map(Result::unwrap).collect();
    assert!(
        deliveries
            .iter()
            .map(|delivery| delivery.position.offset)
            .eq(1..=840)
    );
    for thread in 0..4 {
        let own = deliveries
            .iter()
            .filter(|d| d.event.topic() == format!("t.{thread}"));
        assert!(
            own.map(|d| d.event.data().to_vec())
                .eq((0..200).map(|n| n.to_string().into_bytes()))
        );
    }
}

#[test]
fn equal_filters_share_one_class() {
    let hub = Hub::new();
    let a: std::sync::Arc<Class> = hub.class(&Filter::parse(["b", "a.*", "a.b"]).unwrap());
    let b = hub.class(&Filter::parse(["a.*", "b"]).unwrap());
    assert!(std::sync::Arc::ptr_eq(&a, &b));
    let receiver = hub.subscribe(Subscription::topics(["a.*", "b"])).unwrap();
    let stats: HubStats = hub.stats();
    assert_eq!((stats.classes, stats.readers), (1, 1));
    drop((a, b, receiver));
    assert_eq!((hub.stats().classes, hub.stats().readers), (0, 0));
}

proptest! {
    /// A class must say what its filter says, whatever it was asked before.
    #[test]
    fn a_class_judges_as_its_filter(patterns in prop::collection::vec("[ab*](\\.[ab*]){0,2}(\\.>)?", 1..5), topics in prop::collection::vec("[abc](\\.[abc]){0,3}", 1..60)) {
        let filter = Filter::parse(&patterns).unwrap();
        let hub = Hub::builder().capacity(100).build().unwrap();
        let class = hub.class(&filter);
        for _ in 0..2 {
            for topic in &topics {
                prop_assert_eq!(class.wants(event(topic, "").as_ref()), filter.matches(topic));
            }
        }
    }
}

#[test]
fn what_holds_an_event_is_published_as_one() {
    struct Order(Event);

    impl AsEvent for Order {
        fn as_event(&self) -> EventRef<'_> {
            self.0.as_ref()
        }
    }

    let hub = Hub::new();
    let mut receiver = hub.subscribe("orders").unwrap();
    hub.publish(Order(event("orders", "7"))).unwrap();
    assert_eq!(receiver.try_recv().unwrap().event.data(), b"7");
}
