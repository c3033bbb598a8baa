//! Reads an SSE stream cut at any byte, by the rules of the HTML standard, section 9.2.6.

use super::super::number::{NotDecimal, parse_decimal};
use crate::settings::setters;

/// Bounds on what an [`EventDecoder`] holds of a stream before it gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeLimits {
    /// Bytes of one line, its end not counted. Default 8 MiB.
    pub line_bytes: usize,
    /// Bytes of one event's name and data. Default 16 MiB.
    pub event_bytes: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            line_bytes: 8 << 20,
            event_bytes: 16 << 20,
        }
    }
}

setters! {
    DecodeLimits {
        line_bytes: usize,
        event_bytes: usize,
    }
}

/// A stream that asks for more memory than it may have. The stream is of no more use;
/// [`EventDecoder::reconnect`] starts the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A line over [`DecodeLimits::line_bytes`].
    #[error("a line of the event stream is longer than {limit} bytes")]
    LineTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// An event over [`DecodeLimits::event_bytes`].
    #[error("an event of the event stream is longer than {limit} bytes")]
    EventTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// One event, borrowed from its decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodedEvent<'a> {
    /// The last event id as of this event: its own, or that of an earlier one.
    pub id: &'a str,
    /// The event's name; `message` where the stream gave none.
    pub event: &'a str,
    /// The payload, its lines joined by LF.
    pub data: &'a str,
    /// The reconnection time that stood in this event's block, in milliseconds.
    pub retry: Option<u64>,
}

/// Decodes an event stream. Invalid UTF-8 becomes U+FFFD; an event that the end of the stream cuts
/// off is dropped.
///
/// # Examples
///
/// ```
/// use eventring::wire::sse::EventDecoder;
///
/// let mut decoder = EventDecoder::default();
/// let mut seen = Vec::new();
/// for piece in [&b"id: 1\r"[..], b"\nda", b"ta: x\r\n\r\nid: 2\n\ndata: cut"] {
///     decoder.push(piece, |event| seen.push((event.id.to_owned(), event.data.to_owned())))?;
/// }
/// assert_eq!(seen, [("1".to_owned(), "x".to_owned())]);
/// assert_eq!(decoder.last_event_id(), "2");
/// # Ok::<(), eventring::wire::sse::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct EventDecoder {
    limits: DecodeLimits,
    /// The start of a line whose end has not come.
    line: Vec<u8>,
    /// `true`: the last byte was a CR, so that a LF now belongs to it.
    after_cr: bool,
    /// `true` once the stream's first line was seen: a byte order mark can only stand before it.
    begun: bool,
    data: String,
    event: String,
    id_buffer: String,
    last_event_id: String,
    block_retry: Option<u64>,
    retry: Option<u64>,
    /// `true`: the buffers still hold the event that was handed out last.
    dispatched: bool,
    failed: Option<DecodeError>,
}

impl EventDecoder {
    /// Creates a decoder for one stream.
    pub fn new(limits: DecodeLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes `input` up to the end of its first event; says how many bytes were consumed, and
    /// returns the event if there was one. Without an event, all of `input` was consumed.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when a bound is passed, from then on at every call. Events before it were
    /// handed out.
    pub fn decode(
        &mut self,
        input: &[u8],
    ) -> Result<(usize, Option<DecodedEvent<'_>>), DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        // Not when it was handed out: its caller borrowed these buffers until now.
        if self.dispatched {
            self.clear_block();
        }
        let mut used = 0;
        while used < input.len() {
            let rest = &input[used..];
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                used += 1;
                continue;
            }
            // HTML, 9.2.5: "end-of-line = ( cr lf / cr / lf )"
            let Some(end) = memchr::memchr2(b'\r', b'\n', rest) else {
                // Before it is kept: a line without end must not grow the buffer past the bound.
                self.check_line(rest.len())?;
                self.line.extend_from_slice(rest);
                break;
            };
            self.after_cr = rest[end] == b'\r';
            used += end + 1;
            if self.end_line(&rest[..end])? {
                return Ok((used, Some(self.dispatched_event())));
            }
        }
        Ok((input.len(), None))
    }

    /// Takes all of `input` and calls `each` for every event that it completes.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn push(
        &mut self,
        mut input: &[u8],
        mut each: impl FnMut(DecodedEvent<'_>),
    ) -> Result<(), DecodeError> {
        loop {
            let (used, event) = self.decode(input)?;
            let Some(event) = event else { return Ok(()) };
            each(event);
            input = &input[used..];
        }
    }

    /// Returns what a reconnecting client sends as `Last-Event-ID`: the id as of the last block
    /// that was complete, whether that dispatched an event or not.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Begins with the id of an earlier stream, as if it had come. What comes decides from then on: an
    /// empty id takes it back.
    pub fn resume_after(&mut self, id: &str) {
        id.clone_into(&mut self.last_event_id);
        id.clone_into(&mut self.id_buffer);
    }

    /// Returns the reconnection time that the stream asked for last, in milliseconds.
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Starts over for a new connection to the same stream: what was incomplete is dropped, last
    /// event id and reconnection time stay.
    pub fn reconnect(&mut self) {
        self.clear_block();
        self.line.clear();
        self.id_buffer.clone_from(&self.last_event_id);
        (self.after_cr, self.begun, self.failed) = (false, false, None);
    }

    fn dispatched_event(&self) -> DecodedEvent<'_> {
        let event = if self.event.is_empty() {
            "message"
        } else {
            &self.event
        };
        DecodedEvent {
            id: &self.last_event_id,
            event,
            data: &self.data,
            retry: self.block_retry,
        }
    }

    fn clear_block(&mut self) {
        self.data.clear();
        self.event.clear();
        self.block_retry = None;
        self.dispatched = false;
    }

    fn fail<T>(&mut self, error: DecodeError) -> Result<T, DecodeError> {
        self.failed = Some(error);
        Err(error)
    }

    fn check_line(&mut self, more: usize) -> Result<(), DecodeError> {
        let limit = self.limits.line_bytes;
        if self.line.len() + more > limit {
            return self.fail(DecodeError::LineTooLong { limit });
        }
        Ok(())
    }

    /// A line ends with `tail`. Returns whether that dispatched an event.
    fn end_line(&mut self, tail: &[u8]) -> Result<bool, DecodeError> {
        self.check_line(tail.len())?;
        // Nearly every line comes whole, and is read where it lies.
        if self.line.is_empty() {
            return self.take_line(tail);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(tail);
        let result = self.take_line(&line);
        line.clear();
        self.line = line;
        result
    }

    // HTML, 9.2.6: "Streams must be decoded using the UTF-8 decode algorithm", which takes off one
    // leading BOM.
    fn take_line(&mut self, line: &[u8]) -> Result<bool, DecodeError> {
        let first = !std::mem::replace(&mut self.begun, true);
        let line = line
            .strip_prefix(b"\xEF\xBB\xBF")
            .filter(|_| first)
            .unwrap_or(line);
        match memchr::memchr(b':', line) {
            // "If the line is empty (a blank line): Dispatch the event"
            None if line.is_empty() => return Ok(self.dispatch()),
            None => self.field(line, b"")?,
            // "If the line starts with a U+003A COLON character (:): Ignore the line."
            Some(0) => {}
            // "Collect the characters on the line after the first U+003A COLON character (:), and
            // let value be that string. If value starts with a U+0020 SPACE character, remove it
            // from value."
            Some(colon) => {
                let value = &line[colon + 1..];
                self.field(&line[..colon], value.strip_prefix(b" ").unwrap_or(value))?;
            }
        }
        Ok(false)
    }

    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), DecodeError> {
        match name {
            b"data" => {
                push_lossy(&mut self.data, value);
                self.data.push('\n');
            }
            b"event" => {
                self.event.clear();
                push_lossy(&mut self.event, value);
            }
            // "If the field value does not contain U+0000 NULL, then set the last event ID buffer
            // to the field value. Otherwise, ignore the field."
            b"id" if memchr::memchr(0, value).is_none() => {
                self.id_buffer.clear();
                push_lossy(&mut self.id_buffer, value);
            }
            b"retry" => self.set_retry(value),
            // "Otherwise: The field is ignored."
            _ => {}
        }
        let limit = self.limits.event_bytes;
        // The LF after the last data line is taken off again, so it does not count.
        if self.data.len().saturating_sub(1) + self.event.len() > limit {
            return self.fail(DecodeError::EventTooLong { limit });
        }
        Ok(())
    }

    // "If the field value consists of only ASCII digits, then interpret the field value as an
    // integer in base ten, and set the event stream's reconnection time to that integer."
    fn set_retry(&mut self, value: &[u8]) {
        let ms = match parse_decimal(value) {
            Ok(ms) => ms,
            Err(NotDecimal::Overflow) => u64::MAX,
            Err(NotDecimal::Empty | NotDecimal::Byte { .. }) => return,
        };
        self.retry = Some(ms);
        self.block_retry = Some(ms);
    }

    /// The end of a block. Returns whether there is an event to hand out.
    fn dispatch(&mut self) -> bool {
        // "Set the last event ID string of the event source to the value of the last event ID
        // buffer. The buffer does not get reset"
        if self.last_event_id != self.id_buffer {
            self.last_event_id.clone_from(&self.id_buffer);
        }
        // "If the data buffer is an empty string, set the data buffer and the event type buffer to
        // the empty string and return."
        if self.data.is_empty() {
            self.clear_block();
            return false;
        }
        // "If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove
        // the last character"
        self.data.pop();
        self.dispatched = true;
        true
    }
}

/// Appends `bytes` as text, with U+FFFD for what is not UTF-8. Line by line gives what the whole
/// stream would: a line end is ASCII, and no incomplete sequence swallows it.
fn push_lossy(out: &mut String, bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return out.push_str(text); // faster than the chunks below, and nearly always what comes
    }
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}
