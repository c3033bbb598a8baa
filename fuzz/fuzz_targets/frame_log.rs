//! A frame log and its classes: whatever is appended and read, the same as a log that keeps everything.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::gateway::oracle::frame_log(input));
