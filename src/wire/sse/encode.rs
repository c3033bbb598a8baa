//! Writes SSE frames, each onto the end of a buffer, each complete.

use memchr::{memchr2, memchr3};

use super::super::http::chunk;
use super::super::number::push_decimal;
use crate::settings::setters;

/// One event as it goes onto the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// The event's id; empty leaves the line out, so the client keeps the id it has.
    pub id: &'a [u8],
    /// The event's name; empty leaves the line out, which a client reads as `message`.
    pub event: &'a str,
    /// The payload, any text. Its line ends arrive as LF, whatever they were.
    pub data: &'a [u8],
    /// The client's reconnection time in milliseconds.
    pub retry: Option<u32>,
}

setters! {
    Frame<'a> {
        id: &'a [u8],
        event: &'a str,
        data: &'a [u8],
        retry: Option<u32>,
    }
}

/// The part of a frame that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameField {
    /// The event's id.
    #[error("event id")]
    Id,
    /// The event's name.
    #[error("event name")]
    Event,
}

/// A frame that would say something else than what was asked for: an id or a name with a line end
/// would inject fields, an id with NUL would be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} holds {} (byte {at})", byte_name(*byte))]
#[non_exhaustive]
pub struct FrameError {
    /// The part that was refused.
    pub field: FrameField,
    /// The byte that may not stand there: CR, LF or NUL.
    pub byte: u8,
    /// The place of the byte in the part, from 0.
    pub at: usize,
}

fn byte_name(byte: u8) -> &'static str {
    match byte {
        b'\r' => "a carriage return",
        b'\n' => "a line feed",
        _ => "NUL",
    }
}

impl Frame<'_> {
    /// Checks id and name, as [`encode`] does.
    ///
    /// # Errors
    ///
    /// [`FrameError`] for a CR, LF or NUL in id or name.
    pub fn check(&self) -> Result<(), FrameError> {
        for (field, bytes) in [
            (FrameField::Id, self.id),
            (FrameField::Event, self.event.as_bytes()),
        ] {
            if let Some(at) = memchr3(b'\r', b'\n', 0, bytes) {
                return Err(FrameError {
                    field,
                    byte: bytes[at],
                    at,
                });
            }
        }
        Ok(())
    }

    /// Returns the length that the frame has at most if its data is a single line, bytes.
    fn size_hint(&self) -> usize {
        const AROUND: usize = "id: \nevent: \nretry: 4294967295\ndata: \n\n".len();
        self.id.len() + self.event.len() + self.data.len() + AROUND
    }
}

/// Appends one event.
///
/// # Errors
///
/// [`FrameError`] for a CR, LF or NUL in id or name; nothing was written then.
pub fn encode(out: &mut Vec<u8>, frame: Frame<'_>) -> Result<(), FrameError> {
    frame.check()?;
    write(out, &frame);
    Ok(())
}

/// Appends one event as one chunk of a chunked body: the chunk's size stands in the same slice.
///
/// # Errors
///
/// As [`encode`].
///
/// # Examples
///
/// ```
/// use eventring::wire::sse::{self, Frame};
///
/// let mut out = Vec::new();
/// sse::encode_chunked(&mut out, Frame::default().data(b"hello"))?;
/// assert_eq!(out, b"0d\r\ndata: hello\n\n\r\n");
/// # Ok::<(), sse::FrameError>(())
/// ```
pub fn encode_chunked(out: &mut Vec<u8>, frame: Frame<'_>) -> Result<(), FrameError> {
    frame.check()?;
    chunk::wrap(out, frame.size_hint(), |out| write(out, &frame));
    Ok(())
}

fn write(out: &mut Vec<u8>, frame: &Frame<'_>) {
    out.reserve(frame.size_hint());
    if let Some(ms) = frame.retry {
        out.extend_from_slice(b"retry: ");
        push_decimal(out, u64::from(ms));
        out.push(b'\n');
    }
    if !frame.id.is_empty() {
        line(out, b"id: ", frame.id);
    }
    if !frame.event.is_empty() {
        line(out, b"event: ", frame.event.as_bytes());
    }
    if frame.data.is_empty() {
        out.extend_from_slice(b"data:\n");
    } else {
        lines(out, b"data: ", frame.data);
    }
    out.push(b'\n');
}

/// Appends a comment, which clients ignore: each line of `text` starts with a colon.
pub fn comment(out: &mut Vec<u8>, text: &str) {
    if text.is_empty() {
        out.extend_from_slice(b":\n");
    } else {
        lines(out, b": ", text.as_bytes());
    }
    out.push(b'\n');
}

/// Appends a block that sets the client's reconnection time, in milliseconds, and dispatches
/// nothing.
pub fn retry(out: &mut Vec<u8>, ms: u32) {
    out.extend_from_slice(b"retry: ");
    push_decimal(out, u64::from(ms));
    out.extend_from_slice(b"\n\n");
}

/// Appends a block that moves the client's last event id to `id` and dispatches nothing. With an
/// empty id it is a comment.
///
/// # Errors
///
/// [`FrameError`] for a CR, LF or NUL in the id; nothing was written then.
// HTML, 9.2.6: "Set the last event ID string of the event source to the value of the last event ID
// buffer" comes before "If the data buffer is an empty string, set the data buffer and the event
// type buffer to the empty string and return."
pub fn heartbeat(out: &mut Vec<u8>, id: &[u8]) -> Result<(), FrameError> {
    Frame {
        id,
        ..Frame::default()
    }
    .check()?;
    if !id.is_empty() {
        line(out, b"id: ", id);
    }
    out.extend_from_slice(b":\n\n");
    Ok(())
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// One line of output for each line of `text`.
// HTML, 9.2.5: "end-of-line = ( cr lf / cr / lf )". A lone CR that were left in a line would let
// the publisher write fields of its own. The space after the colon is always written: "If value
// starts with a U+0020 SPACE character, remove it from value" takes it off again, and not the
// payload's own.
fn lines(out: &mut Vec<u8>, name: &[u8], text: &[u8]) {
    let mut rest = text;
    while let Some(end) = memchr2(b'\r', b'\n', rest) {
        line(out, name, &rest[..end]);
        let crlf = rest[end..].starts_with(b"\r\n");
        rest = &rest[end + 1 + usize::from(crlf)..];
    }
    line(out, name, rest);
}
