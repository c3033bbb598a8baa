//! A fan-out and its streams: whatever is published, however clients take it, each gets the frames of a plain list, or is
//! told what it does not get.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::gateway::oracle::delivery(input));
