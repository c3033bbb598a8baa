//! Any bytes as a chunk of the journal, and good chunks with bytes of them changed: no panic, offsets rise, and nothing
//! is handed out that was not put in.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::journal::chunk_oracle::check(input));
