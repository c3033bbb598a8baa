//! Any bytes as the answer to a handshake: a connection only by a 101 to the key, with what was offered.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::wire::ws::oracle::any_answer(input));
