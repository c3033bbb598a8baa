//! Any bytes as WebSocket frames: the same items however cut, and those of a dumb decoder.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::wire::ws::oracle::any_frames(input));
