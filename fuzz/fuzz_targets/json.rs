//! Any bytes as JSON, cut everywhere and inside nests: the verdict of a naive reader, and no text that is
//! good until it is walked.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    // Cutting costs the square.
    eventring::json::oracle::any_text(&input[..input.len().min(512)]);
    // A nest as deep as the bytes say, which no stack has room for.
    let levels = input.len() * 4096;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nest = [open.repeat(levels), close.repeat(levels)].concat();
        let nest = &nest.as_bytes()[..nest.len().min(1 << 16)];
        assert!(levels <= 64 || eventring::json::check(nest).is_err());
        let _ = eventring::json::Members::read(nest);
    }
});
