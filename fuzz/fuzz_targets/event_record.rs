//! Any bytes as a record: what is taken can be read and written in every form, and the builder takes it, too.
#![no_main]

use eventring::event::{EventBuilder, EventRef, EventLimits};
use eventring::json::{JsonErrorKind, check};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    // A good record with bytes of it changed gets further than any bytes.
    let good = EventBuilder::new()
        .topic("a.b")
        .ty("t")
        .tag("k", "v")
        .json_attribute("n", "[1]")
        .json("{\"a\":[1,2.50]}")
        .build()
        .unwrap();
    let mut changed = good.record().to_vec();
    for pair in input.chunks_exact(2) {
        let at = usize::from(pair[0]) % changed.len();
        changed[at] ^= pair[1];
    }
    for bytes in [input, &changed] {
        let event = match EventRef::parse(bytes) {
            Ok(event) => event,
            Err(error) => {
                assert!(error.at.unwrap_or(0) <= bytes.len(), "{error}");
                continue;
            }
        };
        let mut text = Vec::new();
        event.write_cloudevents_json(&mut text);
        // Data that is as deep as it may be is a level deeper in there.
        let deep =
            |error: eventring::json::JsonError| matches!(error.kind, JsonErrorKind::TooDeep { .. });
        assert!(check(&text).map_or_else(deep, |()| true));
        for (name, value) in event
            .attributes()
            .chain(event.tags())
            .chain(event.headers())
        {
            let _ = (value.text(), event.attribute(name));
        }
        let most = EventLimits::default()
            .attribute_name_bytes(usize::MAX)
            .attribute_value_bytes(usize::MAX)
            .attributes(usize::MAX);
        let mut copy = EventBuilder::with_limits(most.honoured());
        let copy = copy.copy_from(event).build_ref();
        let copy = copy.unwrap_or_else(|error| panic!("{error}: {event:?}"));
        assert_eq!(
            (copy.topic(), copy.ty(), copy.data()),
            (event.topic(), event.ty(), event.data())
        );
    }
});
