//! Any bytes as a PROXY header: no panic, the same answer however much follows, and no late refusal.
#![no_main]

use eventring::wire::proxy::{PROXY_BYTES_MAX, ProxyHeader, parse};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let whole = parse(input);
    let mut settled = None;
    for cut in 0..=input.len().min(PROXY_BYTES_MAX + 32) {
        let part = parse(&input[..cut]);
        match (&settled, part) {
            (None, Ok(ProxyHeader::NeedMore)) => {}
            (None, part) => settled = Some(part),
            // What is settled stays so, whatever comes behind it.
            (Some(settled), part) => assert_eq!(*settled, part),
        }
        if let Ok(ProxyHeader::Whole { len, .. }) = part {
            assert!((16..=PROXY_BYTES_MAX + 16).contains(&len) && len <= cut);
        }
    }
    match settled {
        Some(settled) => assert_eq!(settled, whole),
        None => assert_eq!(whole, Ok(ProxyHeader::NeedMore)),
    }
});
