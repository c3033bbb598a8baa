//! The record: what was put in comes out, from a slot, a batch and foreign bytes alike.

use eventring::event::{
    AttributeValue, DataKind, Event, EventBatch, EventBuilder, EventLimits, EventRef, INLINE_BYTES,
    Record, StreamName,
};
use proptest::prelude::*;

fn with_data(bytes: usize) -> Event {
    Event::builder("t", "t")
        .id("1")
        .source("/s")
        .time("2026-03-01T12:00:00Z")
        .data("application/octet-stream", &vec![7; bytes])
        .build()
        .unwrap()
}

/// Error E0716 met whoever kept in a variable what `build` gives: it borrowed from a builder that was gone.
#[test]
fn what_build_gives_can_be_kept() -> Result<(), eventring::event::EventError> {
    let event = Event::builder("a", "b").json("1").build()?;
    let more: Vec<Event> = (2..4)
        .map(|n| Event::builder("a", "b").json(&n.to_string()).build())
        .collect::<Result<_, _>>()?;
    assert_eq!(
        (event.topic(), event.ty(), event.data()),
        ("a", "b", &b"1"[..])
    );
    assert_eq!(more[1].data(), b"3");
    Ok(())
}

#[test]
fn every_accessor_gives_back_what_was_set() {
    let mut builder = EventBuilder::new();
    builder
        .topic("orders.created")
        .ty("order")
        .id("o-1")
        .source("/shop")
        .subject("s");
    builder
        .time("2026-03-01T12:00:00.123456789Z")
        .data_schema("urn:s")
        .json("{\"a\": 1.0}");
    builder
        .stream("Order", "9", 3)
        .actor("user", "u-1")
        .correlation_id("c")
        .causation_id("d")
        .user_id("u");
    builder
        .schema_version("2")
        .header("h", "v")
        .tag("t", "w")
        .attribute("ext", "x")
        .json_attribute("n", "1e3");
    let event = builder.build_ref().unwrap();
    assert_eq!(
        (event.topic(), event.ty(), event.id(), event.source()),
        ("orders.created", "order", "o-1", "/shop")
    );
    assert_eq!(
        (event.subject(), event.data_schema()),
        (Some("s"), Some("urn:s"))
    );
    assert_eq!(
        (event.content_type(), event.data()),
        (Some("application/json"), &b"{\"a\": 1.0}"[..])
    );
    assert_eq!(
        (event.data_kind(), event.time()),
        (DataKind::Json, 1_772_366_400_123_456_789)
    );
    let stream: StreamName<'_> = event.stream().unwrap();
    assert_eq!(
        (stream.ty, stream.id, stream.version),
        ("Order", "9", Some(3))
    );
    assert_eq!(event.actor(), Some(("user", "u-1")));
    assert_eq!(
        (
            event.correlation_id(),
            event.causation_id(),
            event.user_id()
        ),
        (Some("c"), Some("d"), Some("u"))
    );
    assert_eq!(event.schema_version(), Some(AttributeValue::Text("2")));
    assert_eq!(
        event.headers().collect::<Vec<_>>(),
        [("h", AttributeValue::Text("v"))]
    );
    assert_eq!(
        event.tags().collect::<Vec<_>>(),
        [("t", AttributeValue::Text("w"))]
    );
    assert_eq!(event.attribute("n"), Some(AttributeValue::Json("1e3")));
    assert_eq!(event.attribute("nothing"), None);
}

#[test]
fn what_is_not_set_is_filled_in() {
    let mut builder = EventBuilder::new();
    let first = builder.topic("t").ty("t").build().unwrap();
    let second = builder.build().unwrap();
    let (first, second) = (first.as_ref(), second.as_ref());
    assert_eq!(
        (first.source(), first.data_kind(), first.content_type()),
        ("/t", DataKind::None, None)
    );
    assert!(
        second.id() > first.id(),
        "ids of one builder increase: {} {}",
        first.id(),
        second.id()
    );
    assert_eq!(&first.id()[14..15], "7");
    builder.source_default("/mine").clear();
    assert_eq!(
        builder.topic("t").ty("t").build_ref().unwrap().source(),
        "/mine"
    );
}

#[test]
fn ids_are_unique_and_in_order() {
    let mut builder = EventBuilder::new();
    builder.topic("t").ty("t");
    let mut ids: Vec<String> = (0..10_000)
        .map(|_| builder.build_ref().unwrap().id().to_owned())
        .collect();
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), 10_000);
}

#[test]
fn times_keep_their_text() {
    for time in [
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00.000Z",
        "2026-03-01T13:00:00.5+01:00",
        "1969-12-31T23:59:59.999999999Z",
        "0001-01-01T00:00:00Z",
        "9999-12-30T00:00:00.1Z",
        "2026-03-01t12:00:00z",
    ] {
        let mut builder = EventBuilder::new();
        let event = builder.topic("t").ty("t").time(time).build_ref().unwrap();
        let mut out = Vec::new();
        event.write_time(&mut out);
        assert_eq!(str::from_utf8(&out).unwrap(), time);
    }
    for time in [
        "",
        "now",
        "2026-03-01",
        "2026-03-01T12:00:00",
        "20260301T120000Z",
        "2026-02-30T12:00:00Z",
        "2026-03-01T12:00Z",
    ] {
        let mut builder = EventBuilder::new();
        let error = builder
            .topic("t")
            .ty("t")
            .time(time)
            .build_ref()
            .unwrap_err();
        assert_eq!(error.to_string(), "time: not an RFC 3339 time", "{time}");
    }
}

#[test]
fn the_first_error_of_a_builder_is_kept() {
    let mut builder = EventBuilder::new();
    builder.topic("a..b").ty("").tag("k", "1").tag("k", "2");
    assert_eq!(
        builder.build_ref().unwrap_err().to_string(),
        "topic: not a topic name: empty segment at column 3"
    );
    builder.clear();
    assert_eq!(
        builder.ty("t").build_ref().unwrap_err().to_string(),
        "topic: is missing"
    );
    let fails = |set: fn(&mut EventBuilder) -> &mut EventBuilder| {
        let mut builder = EventBuilder::new();
        builder.topic("t").ty("t");
        set(&mut builder);
        builder.build_ref().unwrap_err().to_string()
    };
    assert_eq!(fails(|b| b.tag("k", "1").tag("k", "2")), "k: appears twice");
    assert_eq!(fails(|b| b.ty("a\nb")), "type: holds a control character");
    assert_eq!(
        fails(|b| b.attribute("data", "x")),
        "data: is not an attribute"
    );
    assert_eq!(
        fails(|b| b.attribute("specversion", "2")),
        "specversion: only \"1.0\" is understood"
    );
    assert_eq!(
        fails(|b| b.json_attribute("n", "1,")),
        "n: not JSON: expected the end of the text at byte 1"
    );
    assert_eq!(fails(|b| b.attribute("", "x")), "not a printable name");
}

#[test]
fn a_slot_keeps_its_buffer_and_gives_it_back_when_it_is_idle() {
    // With what the hub knows of it beside, a slot of its ring is 256 bytes.
    assert_eq!(size_of::<Record>(), 232);
    let mut slot = Record::new();
    assert!(slot.get().is_none());
    slot.set(with_data(10).as_ref());
    assert_eq!(
        slot.heap_bytes(),
        0,
        "a record of {} bytes lies in the slot",
        slot.as_ref().record().len()
    );
    slot.set(with_data(INLINE_BYTES).as_ref());
    let small = slot.heap_bytes();
    assert!(small >= INLINE_BYTES);
    slot.set(with_data(10).as_ref());
    assert_eq!(slot.heap_bytes(), small, "kept for the next one");
    let large = with_data(1 << 20);
    slot.set(large.as_ref());
    assert!(slot.heap_bytes() >= 1 << 20);
    assert_eq!(slot.get().unwrap(), large.as_ref());
    for _ in 0..4 {
        slot.set(with_data(300).as_ref());
        assert_eq!(slot.as_ref(), with_data(300).as_ref());
    }
    assert!(
        slot.heap_bytes() < 4096,
        "a megabyte for 300 bytes is given back"
    );
    for _ in 0..4 {
        slot.set(with_data(1).as_ref());
    }
    assert_eq!(slot.heap_bytes(), 0);
}

#[test]
fn a_batch_holds_events_in_order() {
    let events: Vec<Event> = [0, 10, 5000, 1].map(with_data).into();
    let mut batch = EventBatch::new();
    events.iter().for_each(|event| batch.push(event));
    assert!(batch.iter().eq(events.iter().map(Event::as_ref)));
    batch.truncate(2);
    assert_eq!(
        (batch.len(), batch.get(1), batch.get(2)),
        (2, Some(events[1].as_ref()), None)
    );
    batch.clear();
    assert!(batch.is_empty() && batch.iter().next().is_none());
}

#[test]
fn foreign_bytes_are_checked() {
    let event = with_data(3);
    let record = event.record();
    assert_eq!(EventRef::parse(record).unwrap(), event.as_ref());
    let message = |bytes: &[u8]| EventRef::parse(bytes).unwrap_err().to_string();
    assert_eq!(
        message(b""),
        "not an event record: shorter than its head at byte 0"
    );
    assert_eq!(
        message(&record[..record.len() - 1]),
        "not an event record: its length is not the one it states at byte 4"
    );
    let mut bad = record.to_vec();
    bad[1] = 2;
    assert_eq!(
        message(&bad),
        "not an event record: it does not start with \"e\" and format 1 at byte 0"
    );
}

/// A record whose bytes `was` became `is`, which are as many.
fn changed(event: &Event, was: &str, is: &str) -> Vec<u8> {
    assert_eq!(was.len(), is.len());
    let mut record = event.record().to_vec();
    let at = record
        .windows(was.len())
        .position(|part| part == was.as_bytes());
    let at = at.expect("it is there");
    record[at..at + is.len()].copy_from_slice(is.as_bytes());
    record
}

/// Once: these were taken, and clients missed an offset without a word when they came out.
#[test]
fn a_record_that_no_builder_makes_is_refused_and_the_field_named() {
    let mut builder = EventBuilder::new();
    builder
        .topic("the.topic")
        .ty("the-type")
        .id("the-id")
        .source("/the-source")
        .subject("the-subject")
        .data_schema("the:schema")
        .time("2026-03-01T12:00:00+00:00")
        .tag("tag-one", "1")
        .tag("tag-two", "2")
        .data("the/kind", b"data");
    let event = builder.build().unwrap();
    assert!(EventRef::parse(event.record()).is_ok());
    for (was, is, message) in [
        ("the-type", "the\ntype", "type: holds a control character"),
        ("the-id", "the\rid", "id: holds a control character"),
        ("the-id", "the\0id", "id: holds a control character"),
        (
            "/the-source",
            "/the\nsource",
            "source: holds a control character",
        ),
        (
            "the-subject",
            "the\u{7f}subject",
            "subject: holds a control character",
        ),
        (
            "the/kind",
            "the\nkind",
            "datacontenttype: holds a control character",
        ),
        (
            "the:schema",
            "the\tschema",
            "dataschema: holds a control character",
        ),
        (
            "12:00:00+00:00",
            "12:00:01+00:00",
            "time: not the time that it stands beside",
        ),
        (
            "12:00:00+00:00",
            "12:00:0\n+00:00",
            "time: holds a control character",
        ),
        ("tag-one", "tag\none", "attribute: not a printable name"),
        ("tag-two", "tag-one", "tag-one: appears twice"),
    ] {
        let error = EventRef::parse(&changed(&event, was, is)).unwrap_err();
        assert!(error.to_string().starts_with(message), "{is:?}: {error}");
        assert!(error.at.is_some(), "{is:?}");
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let pairs = prop::collection::btree_map("\\PC{1,9}", ".{0,20}", 0..4);
    (
        (
            "[a-z]{1,9}(\\.[a-z]{1,9}){0,3}",
            "\\PC{1,20}",
            prop::option::of("\\PC{1,20}"),
        ),
        pairs.clone(),
        pairs,
        any::<Vec<u8>>(),
        any::<i64>(),
    )
        .prop_map(|((topic, ty, subject), tags, headers, data, time)| {
            let mut builder = EventBuilder::with_limits(EventLimits::default());
            builder
                .topic(&topic)
                .ty(&ty)
                .time_nanos(time)
                .data("application/x-any", &data);
            if let Some(subject) = &subject {
                builder.subject(subject);
            }
            for (key, value) in &tags {
                builder.tag(key, value);
            }
            for (key, value) in &headers {
                builder.header(key, value);
            }
            let event = builder.build().unwrap();
            let view = event.as_ref();
            assert_eq!(
                (view.topic(), view.ty(), view.subject()),
                (&*topic, &*ty, subject.as_deref())
            );
            assert!(
                view.tags()
                    .map(|(k, v)| (k, v.as_str()))
                    .eq(tags.iter().map(|(k, v)| (&**k, &**v)))
            );
            assert!(
                view.headers()
                    .map(|(k, v)| (k, v.as_str()))
                    .eq(headers.iter().map(|(k, v)| (&**k, &**v)))
            );
            assert_eq!((view.data(), view.time()), (&data[..], time));
            event
        })
}

proptest! {
    #[test]
    fn events_survive_slot_bytes_and_builder(events in prop::collection::vec(any_event(), 1..4)) {
        let mut slot = Record::new();
        let mut builder = EventBuilder::new();
        for event in &events {
            let event = event.as_ref();
            slot.set(event);
            prop_assert_eq!(slot.as_ref(), event);
            prop_assert_eq!(slot.as_ref().topic_hash(), event.topic_hash());
            let parsed = EventRef::parse(event.record()).unwrap();
            prop_assert_eq!(parsed.topic_hash(), event.topic_hash());
            let built = builder.copy_from(event).build_ref().unwrap();
            prop_assert_eq!(built, event);
        }
    }

    /// Whatever bytes pass the check, no accessor and no writer may panic on them.
    #[test]
    fn damaged_records_are_refused_or_harmless(event in any_event(), flips in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4)) {
        let mut bytes = event.record().to_vec();
        for (at, with) in flips {
            let at = at % bytes.len();
            bytes[at] = with;
        }
        if let Ok(event) = EventRef::parse(&bytes) {
            let mut out = Vec::new();
            event.write_cloudevents_json(&mut out);
            serde_json::from_slice::<serde_json::Value>(&out).unwrap();
            let _ = (event.stream(), event.actor(), event.tags().count(), event.headers().count());
        }
    }
}
