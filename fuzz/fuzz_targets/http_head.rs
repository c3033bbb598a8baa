//! Any bytes as requests and as responses: the same result however cut, and nothing that httparse
//! refuses.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::wire::http::oracle::any_head(input));
