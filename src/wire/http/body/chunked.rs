//! Takes the chunked framing off a body. Each byte is looked at once; only a few numbers are kept
//! between calls.

use super::super::error::{Fault, Reason};
use super::super::head::is_token_byte;
use super::super::limits::HttpLimits;

/// The next piece of a body, its framing taken off.
#[derive(Debug)]
pub(in crate::wire::http) enum ChunkStep<'a> {
    NeedMore,
    Data(&'a [u8]),
    End,
}

/// Progress through one chunked body.
#[derive(Debug)]
pub(in crate::wire::http) struct ChunkDecoder {
    state: State,
    /// Data bytes announced by the chunk sizes so far.
    received: u64,
    /// Bytes of chunk extensions so far, of all chunks: many small ones are no better than one long
    /// one.
    extension_bytes: usize,
    trailer_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Size { value: u64, digits: u8 },
    Extension { size: u64 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    FinalLf,
    Done,
}

impl ChunkDecoder {
    pub(super) fn new() -> Self {
        let state = State::Size {
            value: 0,
            digits: 0,
        };
        Self {
            state,
            received: 0,
            extension_bytes: 0,
            trailer_bytes: 0,
        }
    }

    /// Goes on with `input`, up to the next run of data. What was consumed need not be presented
    /// again.
    pub(super) fn decode<'a>(
        &mut self,
        input: &'a [u8],
        limits: &HttpLimits,
        body_limit: u64,
    ) -> Result<(usize, ChunkStep<'a>), Fault> {
        let mut used = 0;
        loop {
            match self.state {
                State::Done => return Ok((used, ChunkStep::End)),
                State::Data { left } if used < input.len() => {
                    let rest = &input[used..];
                    let take = usize::try_from(left).map_or(rest.len(), |n| n.min(rest.len()));
                    let left = left - take as u64;
                    self.state = if left == 0 {
                        State::DataCr
                    } else {
                        State::Data { left }
                    };
                    return Ok((used + take, ChunkStep::Data(&rest[..take])));
                }
                _ => {}
            }
            let Some(&byte) = input.get(used) else {
                return Ok((used, ChunkStep::NeedMore));
            };
            self.state = self.framing(byte, used, limits, body_limit)?;
            used += 1;
        }
    }

    /// The state after one byte that is not data.
    fn framing(
        &mut self,
        byte: u8,
        at: usize,
        limits: &HttpLimits,
        body_limit: u64,
    ) -> Result<State, Fault> {
        Ok(match (self.state, byte) {
            (State::Size { value, digits }, _) => return size_byte(value, digits, byte, at),
            (State::Extension { size }, b'\r') => State::SizeLf { size },
            (State::Extension { .. }, _) => self.extension(byte, at, limits)?,
            (State::SizeLf { size }, b'\n') => self.sized(size, at, body_limit)?,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size {
                value: 0,
                digits: 0,
            },
            (State::FinalLf, b'\n') => State::Done,
            // RFC 9112, 7.1: "chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF"
            (State::SizeLf { .. }, _) => return Err(not_crlf("chunk size", at)),
            (State::DataCr | State::DataLf, _) => return Err(not_crlf("chunk data", at)),
            (State::FinalLf, _) => return Err(not_crlf("trailer", at)),
            _ => self.trailer(byte, at, limits)?,
        })
    }

    fn extension(&mut self, byte: u8, at: usize, limits: &HttpLimits) -> Result<State, Fault> {
        match byte {
            b'\n' => return Err(not_crlf("chunk extension", at)),
            b'\t' | 0x20..=0x7e | 0x80.. => {}
            _ => return Err(Fault::bad("chunk extension", Reason::BadByte, at)),
        }
        // RFC 9112, 7.1.1: "A server ought to limit the total length of chunk extensions received
        // in a request"
        self.extension_bytes += 1;
        if self.extension_bytes > limits.chunk_ext_bytes {
            let reason = Reason::TooLong {
                limit: limits.chunk_ext_bytes as u64,
            };
            return Err(Fault::bad("chunk extension", reason, at));
        }
        Ok(self.state)
    }

    /// A size line is complete.
    fn sized(&mut self, size: u64, at: usize, body_limit: u64) -> Result<State, Fault> {
        if size == 0 {
            return Ok(State::TrailerStart);
        }
        self.received = self.received.saturating_add(size);
        if self.received > body_limit {
            return Err(Fault::new(
                413,
                "body",
                Reason::TooLong { limit: body_limit },
                at,
            ));
        }
        Ok(State::Data { left: size })
    }

    // RFC 9112, 7.1.2: "trailer-section = *( field-line CRLF )". "A recipient that removes the
    // chunked coding from a message MAY selectively retain or discard the received trailer fields":
    // they are checked and discarded.
    fn trailer(&mut self, byte: u8, at: usize, limits: &HttpLimits) -> Result<State, Fault> {
        if matches!((self.state, byte), (State::TrailerStart, b'\r')) {
            return Ok(State::FinalLf);
        }
        self.trailer_bytes += 1;
        if self.trailer_bytes > limits.trailer_bytes {
            let reason = Reason::TooLong {
                limit: limits.trailer_bytes as u64,
            };
            return Err(Fault::new(431, "trailer", reason, at));
        }
        match (self.state, byte) {
            (State::TrailerStart | State::TrailerName, b) if is_token_byte(b) => {
                Ok(State::TrailerName)
            }
            (State::TrailerName, b':') => Ok(State::TrailerValue),
            (State::TrailerName, b'\r' | b'\n') => Err(Fault::bad("trailer", Reason::NoColon, at)),
            (State::TrailerValue, b'\t' | 0x20..=0x7e | 0x80..) => Ok(State::TrailerValue),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerLf, b'\n') => Ok(State::TrailerStart),
            (State::TrailerValue, b'\n') | (State::TrailerLf, _) => Err(not_crlf("trailer", at)),
            _ => Err(Fault::bad("trailer", Reason::BadByte, at)),
        }
    }
}

// RFC 9112, 7.1: "chunk-size = 1*HEXDIG"; "recipients MUST anticipate potentially large hexadecimal
// numerals and prevent parsing errors due to integer conversion overflows". No sign, no prefix, no
// white space, and at most the 16 digits of 64 bits.
fn size_byte(value: u64, digits: u8, byte: u8, at: usize) -> Result<State, Fault> {
    let digit = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        b'\r' if digits > 0 => return Ok(State::SizeLf { size: value }),
        b';' if digits > 0 => return Ok(State::Extension { size: value }),
        b'\n' if digits > 0 => return Err(not_crlf("chunk size", at)),
        b'\r' | b'\n' | b';' => return Err(Fault::bad("chunk size", Reason::Empty, at)),
        _ => return Err(Fault::bad("chunk size", Reason::NotHexadecimal, at)),
    };
    if digits == 16 {
        return Err(Fault::bad("chunk size", Reason::Overflow, at));
    }
    Ok(State::Size {
        value: value << 4 | u64::from(digit),
        digits: digits + 1,
    })
}

fn not_crlf(field: &'static str, at: usize) -> Fault {
    Fault::bad(field, Reason::NotCrlf, at)
}
