//! Any bytes as an event stream: the same events however it is cut, and those of a dumb decoder.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::wire::sse::oracle::any_stream(input));
