//! Frames written and read back, also through a chunked body. Fields are separated by 0xff: id,
//! name, data.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::wire::sse::oracle::round_trip(input));
