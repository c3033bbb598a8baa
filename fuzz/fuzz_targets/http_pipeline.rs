//! Pipelines of requests, in order and broken, cut anywhere: the same results, and those that the
//! recipe of the pipeline says.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| eventring::wire::http::oracle::any_pipeline(input));
