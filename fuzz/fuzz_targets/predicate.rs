//! Any text as a predicate: one that is taken reads the same again and judges any data; one that is not has its column.
#![no_main]

use eventring::event::{EventBuilder, Predicate};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    // The text ends at the first line end, and behind it are data.
    let end = input
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(input.len());
    let (text, data) = input.split_at(end);
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let predicate = match Predicate::parse(text) {
        Ok(predicate) => predicate,
        Err(error) => {
            assert!(
                (1..=text.chars().count() + 1).contains(&error.column),
                "{error}"
            );
            return;
        }
    };
    assert_eq!(
        Predicate::parse(predicate.as_str()).as_ref(),
        Ok(&predicate)
    );
    let mut builder = EventBuilder::new();
    for data in [data, b"{\"a\":[1,{\"b~/\":\"x\"}],\"n\":-1.5e3}"] {
        builder
            .clear()
            .topic("t")
            .ty("t")
            .tag("k", "v")
            .data("application/json", data);
        if let Ok(event) = builder.build_ref() {
            let verdict = predicate.matches(event);
            assert_eq!(verdict, predicate.matches(event.to_event().as_ref()));
        }
    }
});
