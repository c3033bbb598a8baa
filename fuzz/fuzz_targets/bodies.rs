//! Any bytes as the JSON body of a request that makes connections or endpoints, or broadcasts.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::gateway::oracle::any_body(input));
