//! Says what exactly is wrong with a head that httparse refused. Runs only then.

use std::borrow::Cow;

use super::super::error::{Fault, Reason};
use super::scan::is_token_byte;

/// Most bytes of a bad name that are repeated to its sender.
const NAME_SHOWN: usize = 64;

/// Finds the first fault in `head`, whose lines all end in CRLF. The first line starts a request or
/// a response.
pub(in crate::wire::http) fn first_fault(head: &[u8], first_line: &'static str) -> Fault {
    let mut start = 0;
    for (number, line) in head.split_inclusive(|&b| b == b'\n').enumerate() {
        let content = &line[..line.len().saturating_sub(2)];
        if number == 0 {
            if let Some(at) = content
                .iter()
                .position(|b| !matches!(b, b'\t' | 0x20..=0x7e | 0x80..))
            {
                return Fault::bad(first_line, Reason::BadByte, at);
            }
        } else if !content.is_empty()
            && let Some((field, reason, at)) = line_fault(content)
        {
            return Fault::bad(field, reason, start + at);
        }
        start += line.len();
    }
    Fault::bad(first_line, Reason::Malformed, 0)
}

type LineFault = (Cow<'static, str>, Reason, usize);

/// Finds the first fault of one field line, CRLF taken off.
pub(in crate::wire::http) fn line_fault(line: &[u8]) -> Option<LineFault> {
    // RFC 9112, 5.2: "A server that receives an obs-fold in a request message that is not within a
    // "message/http" container MUST either reject the message by sending a 400 (Bad Request) [..]"
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Some(("field line".into(), Reason::Folded, 0));
    }
    let Some(colon) = memchr::memchr(b':', line) else {
        return Some(("field line".into(), Reason::NoColon, 0));
    };
    name_fault(&line[..colon]).or_else(|| value_fault(line, colon))
}

fn name_fault(name: &[u8]) -> Option<LineFault> {
    if name.is_empty() {
        return Some(("field name".into(), Reason::Empty, 0));
    }
    let at = name.iter().position(|&b| !is_token_byte(b))?;
    // RFC 9112, 5.1: "No whitespace is allowed between the field name and colon."
    let space = name[at..].iter().all(|b| matches!(b, b' ' | b'\t'));
    let reason = if space {
        Reason::SpaceBeforeColon
    } else {
        Reason::BadByte
    };
    Some(("field name".into(), reason, at))
}

// RFC 9110, 5.5: "Field values containing CR, LF, or NUL characters are invalid and dangerous";
// "Field values containing other CTL characters are also invalid".
fn value_fault(line: &[u8], colon: usize) -> Option<LineFault> {
    let value = &line[colon + 1..];
    let at = value
        .iter()
        .position(|b| !matches!(b, b'\t' | 0x20..=0x7e | 0x80..))?;
    let reason = if value[at] == b'\r' {
        Reason::NotCrlf
    } else {
        Reason::BadByte
    };
    let shown = String::from_utf8_lossy(&line[..colon.min(NAME_SHOWN)]).to_ascii_lowercase();
    Some((shown.into(), reason, colon + 1 + at))
}
