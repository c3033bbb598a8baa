//! WebSocket frames as bytes: the notation of the table, and a strict reader of what a server sends.

use super::super::table;

/// The bytes of a notation: hexadecimal digits and 'texts', apart by spaces, each repeated by `*N`.
pub(crate) fn bytes(notation: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), notation.trim_start());
    while !rest.is_empty() {
        let word;
        let mut one = if let Some(text) = rest.strip_prefix('\'') {
            let (text, after) = text.split_once('\'').expect("the end of a text");
            rest = after;
            text.as_bytes().to_vec()
        } else {
            let end = rest.find([' ', '*']).unwrap_or(rest.len());
            (word, rest) = rest.split_at(end);
            table::hex(word)
        };
        if let Some(times) = rest.strip_prefix('*') {
            let end = times.find(' ').unwrap_or(times.len());
            let number = times[..end].parse().expect("a number");
            rest = &times[end..];
            one = one.repeat(number);
        }
        bytes.append(&mut one);
        rest = rest.trim_start();
    }
    bytes
}

/// One frame of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// FIN, RSV1 to RSV3, and the opcode.
    pub(crate) first: u8,
    pub(crate) payload: &'a [u8],
}

/// Reads a frame that is whole; `None`: there is none.
///
/// # Panics
///
/// When a server must not send such a frame: it is masked, its length is not in its shortest form, or it is
/// a control frame in fragments or over 125 bytes.
pub(crate) fn next<'a>(input: &mut &'a [u8]) -> Option<Frame<'a>> {
    let (&[first, second], rest) = input.split_first_chunk()?;
    assert!(second & 0x80 == 0, "a masked frame from a server");
    let (length, rest) = match second {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*length), rest)
        }
        length => (u64::from(length), rest),
    };
    // RFC 6455, 5.2: "the minimal number of bytes MUST be used to encode the length"
    let form = match length {
        0..126 => second < 126,
        126..65536 => second == 126,
        _ => second == 127,
    };
    assert!(form, "{length} bytes as {second}");
    let control = first & 0x08 != 0;
    assert!(
        !control || first & 0x80 != 0 && length <= 125,
        "control frame {first:#x}, {length} bytes"
    );
    let (payload, rest) = rest.split_at_checked(length as usize)?;
    *input = rest;
    Some(Frame { first, payload })
}

/// The code of the close frame in `input`, or `None` without one, or when it has no code.
pub(crate) fn close_code(mut input: &[u8]) -> Option<u16> {
    while let Some(frame) = next(&mut input) {
        if frame.first == 0x88 {
            let (code, _) = frame.payload.split_first_chunk()?;
            return Some(u16::from_be_bytes(*code));
        }
    }
    None
}

/// A frame of a client, masked.
pub(crate) fn masked(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    out.push(first);
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length @ 126..65536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    let bytes = payload.iter().zip(MASK.iter().cycle());
    out.extend(bytes.map(|(byte, mask)| byte ^ mask));
}

#[test]
fn notation_says_bytes() {
    assert_eq!(bytes("81 05 'Hello'"), b"\x81\x05Hello");
    assert_eq!(bytes("  'ab'*2 00*3 ff"), b"abab\0\0\0\xff");
    assert_eq!(bytes(""), b"");
}
