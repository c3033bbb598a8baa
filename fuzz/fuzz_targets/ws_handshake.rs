//! Any bytes as an opening handshake: a 101 only to what asks for it, and one that a client can read.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::wire::ws::oracle::any_handshake(input));
