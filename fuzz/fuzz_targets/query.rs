//! Any text as a query and as an escaped segment: what is read is what its escapes stand for.
#![no_main]

use eventring::wire::http::{percent_decode, query};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    for pair in query(text) {
        match pair {
            Ok((name, value)) => assert!(name.len() + value.len() <= text.len()),
            Err(error) => assert!(error.at <= text.len(), "{error}"),
        }
    }
    if let Ok(decoded) = percent_decode(text) {
        let escaped: String = decoded.bytes().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(percent_decode(&escaped).unwrap(), decoded);
    }
});
