//! Any bytes as a chunked body: the same result however cut, and that of a dumb decoder.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::wire::http::oracle::any_chunked_body(input));
