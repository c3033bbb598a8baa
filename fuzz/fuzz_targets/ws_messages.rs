//! Messages in order and nearly so, fragmented and compressed: the same items however cut, and those
//! of a dumb decoder.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::wire::ws::oracle::any_messages(input));
