//! Decodes event streams that come as lines of JSON, so that any test table can drive the decoder.
//!
//! Each line of standard input is `{"chunks": [base64, ..]}`, the pieces of one stream; each line
//! of standard output is what they hold:
//! `{"events": [{"event", "data", "id"}, ..], "last_event_id": text, "retry": number or null}`.
//!
//! ```text
//! echo '{"chunks": ["ZGF0YTogaGkK", "Cg=="]}' | cargo run --example sse_parse
//! ```

use std::io::{self, BufRead, Write};

use eventring::wire::sse::{DecodeLimits, EventDecoder};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let answer = parse(case["chunks"].as_array().ok_or("a line without chunks")?)?;
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn parse(chunks: &[Value]) -> Result<Value, Box<dyn std::error::Error>> {
    let mut decoder = EventDecoder::new(DecodeLimits::default());
    let mut events = Vec::new();
    for chunk in chunks {
        let bytes = base64(chunk.as_str().ok_or("a chunk that is no text")?)?;
        decoder.push(&bytes, |event| {
            events.push(json!({"event": event.event, "data": event.data, "id": event.id}));
        })?;
    }
    let (id, retry) = (decoder.last_event_id(), decoder.retry());
    Ok(json!({"events": events, "last_event_id": id, "retry": retry}))
}

/// Decodes base64 with padding (RFC 4648, section 4).
fn base64(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(format!("byte {byte:#04x} in base64")),
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(bytes)
}
