//! The grammar of RFC 8259, strictly: where a value ends, or which byte is wrong.
//!
//! JSON's grammar allows what a parser of values must refuse (numbers beyond 64 bits, lone surrogates): it is kept as
//! text, so it may stay.

use super::DEPTH_MAX;
use super::error::{JsonError, JsonErrorKind};
use super::string::clean_bytes;

/// The arrays and objects that are open, a bit a level: 1 is an object. One level more than a text has: an envelope's own.
type Open = u128;

const _: () = assert!(DEPTH_MAX < Open::BITS as usize);

/// Returns the end of the value that starts at `at`, which may have `room` levels. The text is UTF-8.
pub(super) fn value(text: &[u8], at: usize, room: usize) -> Result<usize, JsonError> {
    // Bits and not a stack of calls: a text of nothing but brackets must not decide how deep we recurse.
    let (mut at, mut open, mut levels): (usize, Open, usize) = (at, 0, 0);
    loop {
        let byte = text.get(at).copied();
        match byte {
            Some(b'"') => at = string(text, at)?,
            Some(b'{' | b'[') => {
                // At the bracket, empty or not: where a text is refused must not depend on what follows.
                if levels == room {
                    return Err(too_deep(at));
                }
                let is_object = byte == Some(b'{');
                at = space(text, at + 1);
                if text.get(at) == Some(&closing(is_object)) {
                    at += 1;
                } else {
                    // Nothing is shifted out: `room` is at most `DEPTH_MAX` + 1, which the assertion above holds.
                    open = open << 1 | Open::from(is_object);
                    levels += 1;
                    if is_object {
                        at = key(text, at)?;
                    }
                    continue;
                }
            }
            _ => at = scalar(text, at)?,
        }
        // A value has ended: so may everything around it.
        loop {
            if levels == 0 {
                return Ok(at);
            }
            at = space(text, at);
            let is_object = open & 1 == 1;
            match text.get(at) {
                Some(b',') => {
                    at = space(text, at + 1);
                    if is_object {
                        at = key(text, at)?;
                    }
                    break;
                }
                Some(byte) if *byte == closing(is_object) => {
                    at += 1;
                    open >>= 1;
                    levels -= 1;
                }
                _ => return expected(after_value(is_object), at),
            }
        }
    }
}

/// Passes one string, number, `true`, `false` or `null`.
pub(crate) fn scalar(text: &[u8], at: usize) -> Result<usize, JsonError> {
    match text.get(at) {
        Some(b'"') => string(text, at),
        Some(b'-' | b'0'..=b'9') => number(text, at),
        Some(b't') => literal(text, at, "true"),
        Some(b'f') => literal(text, at, "false"),
        Some(b'n') => literal(text, at, "null"),
        _ => expected("a value", at),
    }
}

/// Passes a member's name, its colon, and the white space around that.
fn key(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let end = name(text, at)?;
    colon(text, end)
}

/// Passes a member's name.
pub(super) fn name(text: &[u8], at: usize) -> Result<usize, JsonError> {
    match text.get(at) {
        Some(b'"') => string(text, at),
        _ => expected("a member name", at),
    }
}

/// Passes a colon and the white space around it.
pub(super) fn colon(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let at = space(text, at);
    match text.get(at) {
        Some(b':') => Ok(space(text, at + 1)),
        _ => expected("\":\"", at),
    }
}

pub(super) fn string(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let mut at = at + 1;
    loop {
        // Writing searches by the same function: both stop at just what RFC 8259, section 7, wants escaped.
        at += clean_bytes(&text[at..]);
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(text, at + 1)?,
            Some(_) => return expected("no bare control character", at),
            None => return expected("the end of the string", at),
        }
    }
}

fn escape(text: &[u8], at: usize) -> Result<usize, JsonError> {
    match text.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        // Half a surrogate pair is good JSON (RFC 8259, section 8.2): it is refused where its text is wanted.
        Some(b'u') => {
            let digits = &text[at + 1..];
            // Counted rather than sliced: the text may end here, and the error names the first byte that is none.
            let right = digits
                .iter()
                .take(4)
                .take_while(|byte| byte.is_ascii_hexdigit())
                .count();
            match right {
                4 => Ok(at + 5),
                _ => expected("four hexadecimal digits", at + 1 + right),
            }
        }
        _ => expected("an escape", at),
    }
}

/// RFC 8259, section 6: `number = [ minus ] int [ frac ] [ exp ]`.
fn number(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let is = |at: usize, wanted: &[u8]| text.get(at).is_some_and(|byte| wanted.contains(byte));
    let mut at = at + usize::from(text[at] == b'-');
    at = match text.get(at) {
        // No leading zeros: a digit behind this one is left to the caller, who expects the end of a value.
        Some(b'0') => at + 1,
        _ => digits(text, at)?,
    };
    if is(at, b".") {
        at = digits(text, at + 1)?;
    }
    if is(at, b"eE") {
        let sign = usize::from(is(at + 1, b"+-"));
        at = digits(text, at + 1 + sign)?;
    }
    Ok(at)
}

fn digits(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let found = text[at..].iter().take_while(|byte| byte.is_ascii_digit());
    match found.count() {
        0 => expected("a digit", at),
        found => Ok(at + found),
    }
}

fn literal(text: &[u8], at: usize, word: &str) -> Result<usize, JsonError> {
    // `truex` is not refused here but where the next token is expected.
    if text[at..].starts_with(word.as_bytes()) {
        return Ok(at + word.len());
    }
    expected("a value", at)
}

/// RFC 8259, section 2: `ws = *( %x20 / %x09 / %x0A / %x0D )`.
pub(super) fn space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

pub(super) fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

/// Names what may follow a value inside an array or an object.
pub(super) fn after_value(is_object: bool) -> &'static str {
    if is_object {
        "\",\" or \"}\""
    } else {
        "\",\" or \"]\""
    }
}

pub(super) fn too_deep(at: usize) -> JsonError {
    JsonError::new(JsonErrorKind::TooDeep { limit: DEPTH_MAX }, at)
}

pub(super) fn expected<T>(what: &'static str, at: usize) -> Result<T, JsonError> {
    Err(JsonError::new(JsonErrorKind::Syntax(what), at))
}
