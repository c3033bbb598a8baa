//! A frame log, its classes and its readers: whatever is appended and read, and whoever falls behind,
//! the same as a log that keeps everything.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::gateway::oracle::frame_log(input));
