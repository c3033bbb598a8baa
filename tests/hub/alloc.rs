//! What the hot paths allocate: nothing.

use eventring::event::{EventBatch, EventBuilder, Filter, Position};
use eventring::hub::{Hub, Subscription};

use crate::counting;

/// Counts what this thread allocates meanwhile.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = counting::allocations();
    work();
    counting::allocations() - before
}

const EVENTS: usize = 1_000;

fn publish(hub: &Hub, builder: &mut EventBuilder, data: &str) {
    builder.clear();
    builder
        .topic("orders.created")
        .ty("order")
        .tag("region", "eu")
        .correlation_id("c-1")
        .json(data);
    hub.publish(builder.build_ref().unwrap()).unwrap();
}

#[test]
fn publishing_small_events_allocates_nothing() {
    let hub = Hub::builder().capacity(256).build().unwrap();
    let mut builder = EventBuilder::new();
    // Once round the ring and a bit: blocks and buffers are made when they are first needed.
    (0..EVENTS).for_each(|_| publish(&hub, &mut builder, "{\"n\": 1}"));
    let made = allocations(|| (0..EVENTS).for_each(|_| publish(&hub, &mut builder, "{\"n\": 2}")));
    assert_eq!(made, 0, "building and publishing {EVENTS} events");
}

#[test]
fn a_first_lap_allocates_blocks_only() {
    let hub = Hub::builder().capacity(65_536).build().unwrap();
    let mut builder = EventBuilder::new();
    publish(&hub, &mut builder, "{}");
    let made = allocations(|| (0..6_400).for_each(|_| publish(&hub, &mut builder, "{}")));
    assert!(
        made <= 6_400 / 64 * 3,
        "{made} allocations for 100 blocks of 64 events"
    );
}

#[test]
fn publishing_larger_events_of_like_size_allocates_nothing_after_a_lap() {
    let hub = Hub::builder().capacity(256).build().unwrap();
    let mut builder = EventBuilder::new();
    let data = format!("\"{}\"", "x".repeat(2_000));
    (0..EVENTS).for_each(|_| publish(&hub, &mut builder, &data));
    let made = allocations(|| (0..EVENTS).for_each(|_| publish(&hub, &mut builder, &data)));
    assert_eq!(made, 0);
}

#[test]
fn borrowed_deliveries_allocate_nothing() {
    let hub = Hub::builder().capacity(2_000).build().unwrap();
    let mut builder = EventBuilder::new();
    let mut wide = hub.subscribe(Subscription::all()).unwrap();
    let mut narrow = hub
        .subscribe(Subscription::topics(["orders.*", "users.>"]))
        .unwrap();
    let mut reader = hub.cursor().unwrap();
    publish(&hub, &mut builder, "{}");
    narrow.with_next(|_, _| ()).unwrap(); // the class makes its memo
    (0..EVENTS).for_each(|_| publish(&hub, &mut builder, "{}"));
    let mut bytes = 0;
    let made = allocations(|| {
        for _ in 0..EVENTS {
            bytes += wide
                .with_next(|_, event| event.data().len() + event.topic().len())
                .unwrap();
            bytes += narrow
                .try_with_next(|position, event| event.id().len() + position.offset as usize)
                .unwrap();
        }
        bytes += reader
            .read_while(EVENTS, |_, event| event.tags().count() == 1)
            .unwrap();
    });
    assert_eq!((made, bytes > EVENTS), (0, true));
}

#[test]
fn batches_judging_and_writing_allocate_nothing_when_buffers_are_warm() {
    let hub = Hub::builder().capacity(256).build().unwrap();
    let class = hub.class(&Filter::parse(["orders.*"]).unwrap());
    let mut builder = EventBuilder::new();
    let mut batch = EventBatch::new();
    let (mut text, mut position) = (Vec::new(), Vec::new());
    let mut round = |hub: &Hub| {
        batch.clear();
        for _ in 0..50 {
            builder.clear();
            batch.push(
                builder
                    .topic("orders.created")
                    .ty("order")
                    .subject("s")
                    .text("\"quoted\"")
                    .build_ref()
                    .unwrap(),
            );
        }
        let offsets = hub.publish_batch(&batch).unwrap();
        for event in batch.iter() {
            assert!(class.wants(event));
            text.clear();
            position.clear();
            event.write_cloudevents_json(&mut text);
            Position {
                epoch: hub.epoch(),
                offset: offsets.start,
            }
            .write_to(&mut position);
        }
    };
    (0..20).for_each(|_| round(&hub));
    assert_eq!(allocations(|| (0..20).for_each(|_| round(&hub))), 0);
}

#[test]
fn reading_json_allocates_nothing_when_buffers_are_warm() {
    let text = br#"{"specversion":"1.0","id":"1","source":"/s","type":"t","n":5,"tags":{"a":"b"},"data":{"x":[1,2.50]}}"#;
    let mut builder = EventBuilder::new();
    let mut read = || {
        builder.clear();
        builder.read_cloudevents_json(Some("orders"), text).unwrap();
        assert_eq!(builder.build_ref().unwrap().data(), b"{\"x\":[1,2.50]}");
    };
    (0..10).for_each(|_| read());
    assert_eq!(allocations(|| (0..100).for_each(|_| read())), 0);
}

/// Once: what reading a large text took was kept until the next small one.
#[test]
fn a_large_batch_leaves_little_behind() {
    let event = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":[1,2,3]}"#;
    let good = format!("[{}]", vec![event; 60_000].join(","));
    let bad = format!("[{}]", vec!["0"; 4_000_000].join(","));
    let mut batch = EventBatch::new();
    let before = counting::live();
    assert!(
        batch
            .read_cloudevents_batch(Some("t"), bad.as_bytes())
            .is_err()
    );
    let kept = counting::live() - before;
    assert!(kept < 16 << 10, "{kept} bytes for a batch that was refused");
    let read = batch.read_cloudevents_batch(Some("t"), good.as_bytes());
    assert_eq!((read, batch.len()), (Ok(()), 60_000));
    batch.clear();
    let kept = counting::live() - before;
    assert!(kept < 5 << 18, "{kept} bytes for a batch that was cleared");
}
