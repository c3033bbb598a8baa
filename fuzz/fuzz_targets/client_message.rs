//! Any bytes as a message to the WebSocket client: JSON of the subscribe protocol, or a binary event.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::client::oracle::any_message(input));
