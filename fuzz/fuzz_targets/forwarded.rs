//! Any bytes as the fields that proxies write: what is read comes from the head, and nobody but a proxy is gone past.
#![no_main]

use eventring::wire::http::{Forwarded, ForwardedField, HttpLimits, RequestDecoder, Step};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    // A line end would begin another field.
    let clean = |byte: &&u8| !matches!(byte, b'\r' | b'\n' | 0);
    let value: Vec<u8> = input.iter().filter(clean).copied().collect();
    for field in [ForwardedField::XForwardedFor, ForwardedField::Forwarded] {
        let mut request = b"GET / HTTP/1.1\r\nHost: h\r\n".to_vec();
        for name in [
            field.name(),
            "X-Forwarded-Proto",
            "X-Forwarded-Host",
            "X-Forwarded-Prefix",
        ] {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(&value);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let mut decoder = RequestDecoder::new(HttpLimits::default());
        let Ok((_, Step::Head(head))) = decoder.decode(&request) else {
            continue;
        };
        let nobody = Forwarded::read(&head, field, |_| false);
        let all = Forwarded::read(&head, field, |_| true);
        // Who trusts nobody stops at the last element, and finds an address wherever one is found.
        assert_eq!(nobody.client.is_some(), all.client.is_some());
    }
});
