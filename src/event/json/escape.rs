//! Strings of JSON: out with escapes, in without.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Appends a JSON string.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let clean = clean_bytes(rest);
        out.extend_from_slice(&rest[..clean]);
        let Some(&byte) = rest.get(clean) else { break };
        write_escape(byte, out);
        rest = &rest[clean + 1..];
    }
    out.push(b'"');
}

/// Returns how many bytes go out as they are. Whole chunks are judged without a branch a byte.
fn clean_bytes(bytes: &[u8]) -> usize {
    let is_clean = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
    let chunks = bytes.chunks_exact(16);
    let whole = chunks
        .take_while(|chunk| chunk.iter().fold(true, |all, byte| all & is_clean(byte)))
        .count()
        * 16;
    whole
        + bytes[whole..]
            .iter()
            .take_while(|byte| is_clean(byte))
            .count()
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let digits = [HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]];
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&digits);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Returns what a checked JSON string stands for; allocates only where it holds escapes. `Err` is the place of a
/// surrogate without its other half.
pub(super) fn read_string(raw: &str) -> Result<Cow<'_, str>, usize> {
    let inner = raw.get(1..raw.len() - 1).unwrap_or_default();
    let mut text = String::new();
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = &rest[at..];
        let place = 1 + inner.len() - escape.len();
        let (c, length) = read_escape(escape).ok_or(place)?;
        text.push(c);
        rest = &escape[length..];
    }
    if rest.len() == inner.len() {
        return Ok(Cow::Borrowed(inner));
    }
    text.push_str(rest);
    Ok(Cow::Owned(text))
}

fn read_escape(escape: &str) -> Option<(char, usize)> {
    let c = match escape.as_bytes().get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return read_unicode(escape),
        byte => *byte as char,
    };
    Some((c, 2))
}

fn read_unicode(escape: &str) -> Option<(char, usize)> {
    let high = unit(escape, 0)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, 6));
    }
    let low = unit(escape, 6).filter(|low| (0xdc00..0xe000).contains(low))?;
    Some((
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?,
        12,
    ))
}

fn unit(escape: &str, at: usize) -> Option<u32> {
    let digits = escape.get(at..at + 6)?.strip_prefix("\\u")?;
    u32::from_str_radix(digits, 16).ok()
}

/// Appends bytes as base 64.
pub(in crate::event) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let length = bytes.len().div_ceil(3) * 4;
    out.resize(start + length, 0);
    // The place is exactly as long as the encoding, so it cannot fail.
    let _ = STANDARD.encode_slice(bytes, &mut out[start..]);
}

/// Appends the bytes that base 64 text stands for. `Err` is the place of the first character that is wrong.
pub(super) fn read_base64(text: &str, out: &mut Vec<u8>) -> Result<(), usize> {
    STANDARD.decode_vec(text, out).map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => {
            at
        }
        _ => text.len(),
    })
}
