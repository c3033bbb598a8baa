//! Strings of JSON: out with escapes, in without.

use std::borrow::Cow;

/// Appends `text` as a JSON string, in quotes, with what must be escaped escaped.
///
/// # Examples
///
/// ```
/// let mut out = Vec::new();
/// eventring::json::write_string(&mut out, "a \"b\"\n");
/// assert_eq!(out, br#""a \"b\"\n""#);
/// ```
pub fn write_string(out: &mut Vec<u8>, text: &str) {
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

/// Returns how many bytes from the start stand in a JSON string as they are: no quote, backslash or control character.
pub(super) fn clean_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let mut clean = 0;
    // Eight bytes at a time. A byte's high bit is set in `below(word, n)` if the byte is less than n; borrows make that
    // wrong only above a byte where it is right, and the lowest is the one that counts. Bytes beyond ASCII are never set.
    let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word;
    while let Some(chunk) = bytes[clean..].first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let found = (below(word, 0x20) | quote | backslash) & HIGHS;
        if found != 0 {
            return clean + found.trailing_zeros() as usize / 8;
        }
        clean += 8;
    }
    let is_clean = |byte: &&u8| **byte >= 0x20 && **byte != b'"' && **byte != b'\\';
    clean + bytes[clean..].iter().take_while(is_clean).count()
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    // RFC 8259, section 7: any control character may be `\u00XX`; the frequent ones have a shorter form.
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

/// Returns what a checked JSON string stands for; allocates only where it holds escapes. `Err` is the place of an escape
/// that stands for nothing: a surrogate without its other half.
pub(crate) fn read_string(raw: &str) -> Result<Cow<'_, str>, usize> {
    // Callers pass checked strings; anything else reads as empty rather than panics.
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
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
    // There was no escape, so the text can be lent as it stands.
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
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        _ => return None,
    };
    Some((c, 2))
}

fn read_unicode(escape: &str) -> Option<(char, usize)> {
    let high = unit(escape, 0)?;
    if !(0xd800..0xdc00).contains(&high) {
        // A low surrogate without a high one in front is no character: `from_u32` refuses it.
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
    // A sign would be taken, too, but a checked escape has four digits.
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::clean_bytes;

    #[test]
    fn every_byte_at_every_place_is_judged_alone() {
        let is_clean = |byte: u8| byte >= 0x20 && !matches!(byte, b'"' | b'\\');
        for byte in 0..=255 {
            for place in 0..20 {
                for around in [b' ', b'~', 0x80, 0xff] {
                    let mut bytes = [around; 20];
                    bytes[place] = byte;
                    let expected = if is_clean(byte) { 20 } else { place };
                    assert_eq!(clean_bytes(&bytes), expected, "{byte} at {place}");
                }
            }
        }
    }
}
