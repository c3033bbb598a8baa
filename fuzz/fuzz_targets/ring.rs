//! A ring: anything that can be done to it, in any order, with batches that end early and drops that panic, against a
//! vector of all that was published.
#![no_main]

#[path = "../../tests/ring/random/check/mod.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| check::ring(input));
