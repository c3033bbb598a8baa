//! Any bytes as an event or a batch in every shape, and as a filter: what is read comes back from what is written, and
//! what is wrong stands in the input.
#![no_main]

use eventring::event::{EventBatch, EventBuilder, EventError, EventQuery, EventLimits, Shape};

const SHAPES: [Shape; 7] = [
    Shape::CloudEvents,
    Shape::Relaxed,
    Shape::Codomyrmex,
    Shape::DomainEvent,
    Shape::Eventuali,
    Shape::EventualiStream,
    Shape::StreamEvent,
];

fn place(error: &EventError, input: &[u8]) {
    assert!(error.at.unwrap_or(0) <= input.len(), "{error}");
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = EventQuery::from_json(input);
    let mut batch = EventBatch::with_limits(EventLimits::default().batch_events(4));
    match batch.read_cloudevents_batch(Some("t"), input) {
        Ok(_) => assert!(batch.len() <= 4),
        Err(error) => place(&error, input),
    }
    for shape in SHAPES {
        let mut builder = EventBuilder::new();
        if let Err(error) = builder.read_json(shape, Some("t"), input) {
            place(&error, input);
            continue;
        }
        let event = match builder.build() {
            Ok(event) => event,
            Err(error) => {
                place(&error, input);
                continue;
            }
        };
        let mut text = Vec::new();
        event.write_cloudevents_json(&mut text);
        let mut again = EventBuilder::new();
        if let Err(error) = again.read_cloudevents_json(None, &text) {
            panic!("{error}: {}", String::from_utf8_lossy(&text));
        }
        let again = again.build_ref().unwrap();
        let event = event.as_ref();
        assert_eq!(
            (again.topic(), again.id(), again.ty()),
            (event.topic(), event.id(), event.ty())
        );
        assert_eq!((again.time(), again.data()), (event.time(), event.data()));
    }
});
