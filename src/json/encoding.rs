//! The byte-order mark that some programs write in front of a text, and texts that are not UTF-8 at all.

/// U+FEFF in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns a text without the byte-order mark in front of it.
///
/// RFC 8259, section 8.1: "implementations that parse JSON texts MAY ignore the presence of a byte order mark rather
/// than treating it as an error".
///
/// # Examples
///
/// ```
/// use eventring::json::without_mark;
///
/// assert_eq!(without_mark(b"\xef\xbb\xbf{}"), b"{}");
/// assert_eq!(without_mark(b"{}"), b"{}");
/// ```
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// Returns whether a text is UTF-16 by its first bytes: a byte-order mark, or one character of ASCII in two bytes.
pub fn is_utf16(text: &[u8]) -> bool {
    // RFC 4627, section 3: the first two characters are ASCII, so that zeros tell what no mark tells.
    matches!(
        text,
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0, 1..=0x7f, ..] | [1..=0x7f, 0, ..]
    )
}
