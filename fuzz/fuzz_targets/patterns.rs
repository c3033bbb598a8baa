//! Any text as patterns of topics and types, positions and times: what is taken is written as it reads.
#![no_main]

use eventring::event::{
    Epoch, EventBuilder, Filter, Pattern, Position, Router, TypePattern, parse_time, topic,
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(pattern) = Pattern::parse(text) {
        assert_eq!(pattern.to_string(), text);
        assert!(pattern.covers(&pattern), "{text:?}");
    }
    let parts: Vec<&str> = text.split(',').collect();
    if let Ok(filter) = Filter::parse(&parts) {
        // A name matches a filter if it matches one of its patterns.
        let name = parts[0].replace(['*', '>'], "x");
        if topic::validate(&name).is_ok() {
            let one = filter
                .patterns()
                .iter()
                .any(|pattern| pattern.matches(&name));
            assert_eq!(filter.matches(&name), one, "{text:?} {name:?}");
            let reserved = topic::is_reserved(&name);
            assert!(!filter.is_all() || one != reserved, "{text:?} {name:?}");
            let mut router = Router::new();
            router.insert(&filter, 1);
            assert_eq!(router.route_all(&name).len(), usize::from(one));
            let name = Filter::from(Pattern::parse(&name).unwrap());
            assert_eq!(filter.overlaps(&name), one, "{text:?} {name:?}");
            assert_eq!(filter.covers(&name), one, "{text:?} {name:?}");
        }
    }
    if let Ok(pattern) = TypePattern::parse(text) {
        assert_eq!(TypePattern::parse(pattern.as_str()).as_ref(), Ok(&pattern));
        assert!(pattern.matches(text), "{text:?}");
    }
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string(), text);
    }
    if let Ok(epoch) = text.parse::<Epoch>() {
        assert_eq!(epoch.to_string(), text);
    }
    let mut builder = EventBuilder::new();
    let built = builder.topic("t").ty("t").time(text).build_ref();
    assert_eq!(
        built.as_ref().ok().map(|event| event.time()),
        parse_time(text),
        "{text:?}"
    );
    if let Ok(event) = built {
        let mut written = Vec::new();
        event.write_time(&mut written);
        let written = String::from_utf8(written).unwrap();
        assert_eq!(
            parse_time(&written),
            Some(event.time()),
            "{text:?} {written}"
        );
    }
});
