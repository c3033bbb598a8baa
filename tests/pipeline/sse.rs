//! The stream whose subscribers pull: every event, a heartbeat in silence, an error for a strange id.

use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::hub::{Hub, Subscription};
use eventring::pipeline::{SseEvents, SseFrames, SseStream, SseStreamError, SseStreamItem};
use eventring::wire::sse::EventDecoder;

fn publish(stream: &SseStream, topic: &str, text: &str) {
    stream
        .publish(Event::builder(topic, "t").text(text).build().unwrap())
        .unwrap();
}

#[test]
fn a_strange_id_is_an_error_and_a_taken_one_too() {
    let stream = SseStream::new(Hub::new());
    let unknown = |id: &str| SseStreamError::Unknown { id: id.into() };
    assert_eq!(stream.events("x").unwrap_err(), unknown("x"));
    let id = stream.subscribe(Subscription::all()).unwrap();
    let events: SseEvents = stream.events(&id).unwrap();
    assert_eq!(
        stream.frames(&id).unwrap_err(),
        SseStreamError::Taken { id: id.clone() }
    );
    drop(events);
    assert_eq!(stream.frames(&id).unwrap_err(), unknown(&id));
    let id = stream.subscribe(Subscription::all()).unwrap();
    assert!(stream.unsubscribe(&id) && !stream.unsubscribe(&id));
    assert_eq!(stream.events(&id).unwrap_err(), unknown(&id));
}

#[test]
fn events_come_in_order_and_silence_is_a_heartbeat() {
    let heartbeat = Duration::from_millis(20);
    let stream = SseStream::with_heartbeat(Hub::new(), heartbeat);
    let id = stream.subscribe(Subscription::topic("a")).unwrap();
    for number in 0..3 {
        publish(&stream, "a", &number.to_string());
        publish(&stream, "b", "no");
    }
    let mut events = stream.events(&id).unwrap();
    for number in 0..3 {
        let Some(SseStreamItem::Event(delivery)) = events.next() else {
            panic!("an event is there")
        };
        assert_eq!(delivery.event.data(), number.to_string().as_bytes());
    }
    let start = Instant::now();
    assert!(matches!(events.next(), Some(SseStreamItem::Heartbeat)));
    assert!(start.elapsed() >= heartbeat, "it waits for it");
    publish(&stream, "a", "after");
    assert!(matches!(events.next(), Some(SseStreamItem::Event(_))));
    stream.unsubscribe(&id);
    assert!(events.next().is_none());
}

#[test]
fn frames_are_what_a_decoder_reads() {
    let hub = Hub::builder().capacity(64).build().unwrap();
    let stream = SseStream::with_heartbeat(hub, Duration::from_millis(1));
    let id = stream.subscribe(Subscription::all()).unwrap();
    for number in 1..=100 {
        publish(&stream, "a", &format!("{number}\nsecond line"));
    }
    let mut decoder = EventDecoder::default();
    let (mut seen, mut missing) = (Vec::new(), 0);
    let frames: SseFrames = stream.frames(&id).unwrap();
    for frame in frames {
        let mut heard = 0;
        let mut take = |event: eventring::wire::sse::DecodedEvent<'_>| {
            heard += 1;
            match event.event {
                "gap" => {
                    let gap: serde_json::Value = serde_json::from_str(event.data).unwrap();
                    missing += gap["missing"].as_u64().unwrap();
                }
                name => {
                    assert_eq!(name, "t");
                    seen.push(event.data.to_owned());
                }
            }
        };
        decoder.push(frame.as_bytes(), &mut take).unwrap();
        if heard == 0 {
            assert_eq!(frame, ":\n\n");
            break;
        }
    }
    let expected: Vec<String> = (missing + 1..=100)
        .map(|number| format!("{number}\nsecond line"))
        .collect();
    assert!(missing > 0, "the hub keeps fewer than were published");
    assert_eq!(seen, expected);
    assert!(decoder.last_event_id().ends_with("-100"));
}
