//! One real example of every JSON shape goes in and comes out with nothing lost.

use eventring::event::{Event, EventBuilder, EventRef, Shape};
use serde_json::Value;

fn read(shape: Shape, topic: Option<&str>, text: &str) -> Event {
    let mut builder = EventBuilder::new();
    builder
        .read_json(shape, topic, text.as_bytes())
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    builder.build().unwrap()
}

fn written(event: EventRef<'_>, shape: Shape) -> Value {
    let mut out = Vec::new();
    event.write_json(shape, &mut out);
    serde_json::from_slice(&out)
        .unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(&out)))
}

/// serde_json keeps numbers as text here (`arbitrary_precision`), so `1.0` and `1.00` differ.
fn round_trip(shape: Shape, topic: Option<&str>, text: &str) -> Event {
    let event = read(shape, topic, text);
    assert_eq!(
        written(event.as_ref(), shape),
        text.parse::<Value>().unwrap()
    );
    // And once more through the record's bytes, as a journal would.
    let copy = Event::from_record(event.record().to_vec()).unwrap();
    assert_eq!(
        written(copy.as_ref(), shape),
        text.parse::<Value>().unwrap()
    );
    event
}

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../data/shapes/", $name, ".json"))
    };
}

#[test]
fn cloudevents_round_trip() {
    let event = round_trip(Shape::CloudEvents, None, example!("cloudevents"));
    let event = event.as_ref();
    assert_eq!(event.topic(), "github.pulls");
    assert_eq!(event.subject(), Some("123"));
    assert_eq!(event.correlation_id(), Some("c-1"));
    assert_eq!(
        event.attribute("comexampleothervalue").unwrap().as_str(),
        "5"
    );
    assert_eq!(event.time(), 1_522_942_260_000_000_000);
    let data =
        r#"{"appinfoA": "abc", "big": 123456789012345678901234567890, "e": 1E400, "f": 1.0}"#;
    assert_eq!(event.data(), data.as_bytes());
}

#[test]
fn cloudevents_with_binary_and_text_data_round_trip() {
    let event = round_trip(Shape::CloudEvents, None, example!("cloudevents_binary"));
    assert_eq!(event.data(), [0, 255, 128, b'a']);
    let event = round_trip(Shape::CloudEvents, None, example!("cloudevents_text"));
    assert_eq!(event.data(), "<much wow=\"xml\">é🚀</much>".as_bytes());
}

#[test]
fn codomyrmex_event_round_trip() {
    let event = round_trip(Shape::Codomyrmex, Some("other"), example!("codomyrmex"));
    let event = event.as_ref();
    assert_eq!((event.topic(), event.ty()), ("agents.planner", "message"));
    assert_eq!(
        event.time(),
        1_772_366_400_123_456_000,
        "a time without an offset is taken as UTC"
    );
}

#[test]
fn codomyrmex_event_without_a_topic_takes_the_one_given() {
    let text = r#"{"id":"1","type":"heartbeat","data":null,"metadata":{},"timestamp":"2026-03-01T12:00:00"}"#;
    let event = round_trip(Shape::Codomyrmex, Some("beats"), text);
    assert_eq!(event.topic(), "beats");
    assert_eq!(event.data(), b"null");
}

#[test]
fn tamma_domain_event_round_trip() {
    let event = round_trip(Shape::DomainEvent, Some("tamma"), example!("domain_event"));
    let event = event.as_ref();
    assert_eq!(event.actor(), Some(("ai", "reviewer-2")));
    assert_eq!(
        event.correlation_id(),
        Some("01956f3c-7d2a-7c31-9f4e-000000000001")
    );
    assert_eq!(event.causation_id(), None);
    assert_eq!(event.tags().count(), 3);
    round_trip(
        Shape::DomainEvent,
        Some("tamma"),
        example!("domain_event_other_id"),
    );
}

#[test]
fn eventuali_event_round_trip() {
    let event = round_trip(Shape::Eventuali, Some("users"), example!("eventuali"));
    let event = event.as_ref();
    let stream = event.stream().unwrap();
    assert_eq!(
        (stream.ty, stream.id, stream.version),
        ("User", "user-1", Some(9_007_199_254_740_993))
    );
    assert_eq!(
        event.data(),
        r#"{"name": "Zoë", "email": "zoe@example.com", "balance": 10.00}"#.as_bytes()
    );
    assert_eq!(event.headers().count(), 1);
    assert_eq!(event.user_id(), Some("admin"));
    round_trip(
        Shape::Eventuali,
        Some("orders"),
        example!("eventuali_python"),
    );
}

#[test]
fn eventuali_stream_event_round_trip() {
    let event = round_trip(
        Shape::EventualiStream,
        Some("orders"),
        example!("eventuali_stream"),
    );
    let event = event.as_ref();
    assert_eq!(event.data(), [10, 3, 255, 0]);
    assert_eq!(
        event.attribute("globalposition").unwrap().as_str(),
        "18446744073709551615"
    );
    let beside = r#"{"event":{"id":"3f2b8a1c-6d4e-4f5a-8b7c-9d0e1f2a3b4c","aggregate_id":"a","aggregate_type":"A",
        "event_type":"E","timestamp":"2026-03-01T12:00:00Z","more":1},"shard":"s-1"}"#;
    round_trip(Shape::EventualiStream, Some("orders"), beside);
}

#[test]
fn vergnetp_stream_frame_round_trip() {
    let event = round_trip(Shape::StreamEvent, None, example!("stream_event"));
    assert_eq!(event.topic(), "c0ffee-1234", "the channel is the topic");
    let data = r#"{"percent":40,"step":"pushing","message":"🚀 42 %","ratio":0.40}"#;
    assert_eq!(event.data(), data.as_bytes());
    round_trip(Shape::StreamEvent, Some("c"), example!("stream_event_done"));
    round_trip(Shape::StreamEvent, Some("c"), example!("stream_context"));
    round_trip(Shape::StreamEvent, Some("c"), r#"{"type":"ping"}"#);
}

#[test]
fn data_cannot_spoof_the_type_of_a_stream_frame() {
    // The system this shape comes from let a payload's `type: done` end the stream.
    let event = Event::builder("c", "data")
        .json(r#"{"type":"done"}"#)
        .build()
        .unwrap();
    let frame = written(event.as_ref(), Shape::StreamEvent);
    assert_eq!(
        frame,
        serde_json::json!({"type": "data", "data": {"type": "done"}})
    );
}

#[test]
fn every_shape_can_be_written_as_every_other() {
    let shapes = [
        (Shape::CloudEvents, example!("cloudevents")),
        (Shape::CloudEvents, example!("cloudevents_binary")),
        (Shape::CloudEvents, example!("cloudevents_text")),
        (Shape::Codomyrmex, example!("codomyrmex")),
        (Shape::DomainEvent, example!("domain_event")),
        (Shape::DomainEvent, example!("domain_event_other_id")),
        (Shape::Eventuali, example!("eventuali")),
        (Shape::Eventuali, example!("eventuali_python")),
        (Shape::EventualiStream, example!("eventuali_stream")),
        (Shape::StreamEvent, example!("stream_event")),
    ];
    for (shape, text) in shapes {
        let event = read(shape, Some("t"), text);
        for (other, _) in shapes {
            let value = written(event.as_ref(), other);
            assert_no_key_twice(event.as_ref(), other);
            assert!(value.is_object());
        }
        // CloudEvents carries everything: what comes back writes the same again.
        let mut through = Vec::new();
        event.write_cloudevents_json(&mut through);
        let again = read(Shape::CloudEvents, None, str::from_utf8(&through).unwrap());
        assert_eq!(
            written(again.as_ref(), Shape::CloudEvents),
            through_value(&through)
        );
        assert_eq!(again.data(), event.data());
    }
}

fn through_value(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

/// serde_json lets the last of two equal keys win; our own reader refuses the second.
fn assert_no_key_twice(event: EventRef<'_>, shape: Shape) {
    let mut out = Vec::new();
    event.write_json(shape, &mut out);
    let mut builder = EventBuilder::new();
    let frame =
        br#"{"type":"x","frame":"#.iter().chain(&out).chain(b"}").copied().collect::<Vec<u8>>();
    builder
        .read_json(Shape::Codomyrmex, Some("t"), &frame)
        .unwrap();
    builder.clear();
    if let Err(error) = builder.read_json(Shape::StreamEvent, Some("t"), &out) {
        assert_ne!(
            error.kind,
            eventring::event::ErrorKind::Duplicate,
            "{}",
            String::from_utf8_lossy(&out)
        );
    }
}

/// Once, found by fuzzing: the attribute became the event's data.
#[test]
fn an_attribute_is_not_read_as_a_member_of_another_shape_that_the_event_does_not_have() {
    for (member, value) in [
        ("data", r#"{"a":1}"#),
        ("data_base64", "[1]"),
        ("subject", "[1]"),
        ("dataschema", "7"),
    ] {
        let text = format!(r#"{{"type":"t","{member}":{value}}}"#);
        let event = read(Shape::DomainEvent, Some("a"), &text);
        // In its own shape it stands as it came.
        assert_eq!(
            written(event.as_ref(), Shape::DomainEvent)[member].to_string(),
            value
        );
        for shape in [Shape::CloudEvents, Shape::Codomyrmex] {
            let out = written(event.as_ref(), shape).to_string();
            let again = read(shape, Some("a"), &out);
            assert_eq!(again.data(), b"", "{shape:?}: {out}");
        }
    }
}

/// Once, found by fuzzing: what was written as a CloudEvent was refused, as a name in it is none of a tag.
#[test]
fn an_attribute_is_not_read_as_those_of_another_shape() {
    let text = r#"{"type":"t","tags":{"a\u007f":"b"},"headers":{"":1},"x-tags":2}"#;
    let event = read(Shape::Codomyrmex, Some("a"), text);
    let own = written(event.as_ref(), Shape::Codomyrmex);
    assert_eq!(own["tags"].to_string(), "{\"a\u{7f}\":\"b\"}");
    let out = written(event.as_ref(), Shape::CloudEvents).to_string();
    let again = read(Shape::CloudEvents, None, &out);
    let kept: Vec<&str> = again.attributes().map(|(name, _)| name).collect();
    assert_eq!(kept, ["x-x-tags", "x-headers", "x-tags"]);
    assert_eq!(again.tags().count(), 0);
}
