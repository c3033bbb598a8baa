//! Frames: the header read and written (RFC 6455, 5.2), whole frames written.

use super::super::violation::Violation;
use super::close::CloseCode;
use super::mask::apply_mask;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// The next fragment of a message.
    Continuation,
    /// A text message, or its first fragment.
    Text,
    /// A binary message, or its first fragment.
    Binary,
    /// The sender sends nothing more.
    Close,
    /// Wants a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

impl Opcode {
    fn of(bits: u8) -> Result<Self, Violation> {
        match bits {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xa => Ok(Self::Pong),
            opcode => Err(Violation::Opcode { opcode }),
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    /// Returns whether it is a close, a ping or a pong.
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Most bytes of a control frame's payload.
pub const CONTROL_MAX: usize = 125;
const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_RSV3: u8 = 0x30;
const MASKED: u8 = 0x80;
/// Bytes that [`wrap`] leaves for a header: right for 126 to 65,535 bytes of payload, as most events have.
const GUESS: usize = 4;

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Set on the last fragment of a message.
    pub fin: bool,
    /// Set on the first fragment of a compressed message (RFC 7692).
    pub rsv1: bool,
    /// The kind of the frame.
    pub opcode: Opcode,
    /// Bytes of payload.
    pub len: u64,
    /// The mask of the payload; `None` on a server's frames.
    pub mask: Option<[u8; 4]>,
}

impl FrameHeader {
    /// Most bytes of a header.
    pub const BYTES_MAX: usize = 14;

    /// Reads a header from the start of `input`, and says how many bytes it has; `None`: more
    /// are needed. A byte that is wrong by itself is refused before the rest has come.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::wire::ws::{FrameHeader, Opcode};
    ///
    /// let (used, header) = FrameHeader::decode(b"\x89\x82\x01\x02\x03\x04hi")?.unwrap();
    /// assert_eq!((used, header.opcode, header.len), (6, Opcode::Ping, 2));
    /// assert_eq!(header.mask, Some([1, 2, 3, 4]));
    /// assert_eq!(FrameHeader::decode(b"\x89")?, None);
    /// # Ok::<(), eventring::wire::ws::Violation>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Reserved bits 2 and 3, unknown opcodes, control frames that are long or fragmented, lengths
    /// not in their shortest form or beyond 63 bits. Whether RSV1 and the mask are right is the
    /// [`MessageDecoder`](crate::wire::ws::MessageDecoder)'s to know.
    pub fn decode(input: &[u8]) -> Result<Option<(usize, Self)>, Violation> {
        let Some(&first) = input.first() else {
            return Ok(None);
        };
        // RFC 6455, 5.2: "If a nonzero value is received and none of the negotiated extensions
        // defines the meaning of such a nonzero value, the receiving endpoint MUST _Fail the
        // WebSocket Connection_."
        if first & RSV2_RSV3 != 0 {
            let bits = first >> 4 & 0x7;
            return Err(Violation::ReservedBits { bits });
        }
        let opcode = Opcode::of(first & 0xf)?;
        let fin = first & FIN != 0;
        // 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT
        // be fragmented."
        if opcode.is_control() && !fin {
            return Err(Violation::ControlFragmented);
        }
        // One byte is enough to refuse what is wrong in it: a peer that stops there is not waited for.
        let Some(&second) = input.get(1) else {
            return Ok(None);
        };
        let short = second & !MASKED;
        if opcode.is_control() && usize::from(short) > CONTROL_MAX {
            return Err(Violation::ControlTooLong);
        }
        let (at, len) = match length(short, &input[2..])? {
            Some((bytes, len)) => (2 + bytes, len),
            None => return Ok(None),
        };
        let (used, mask) = if second & MASKED == 0 {
            (at, None)
        } else {
            match input.get(at..at + 4) {
                Some(&[a, b, c, d]) => (at + 4, Some([a, b, c, d])),
                _ => return Ok(None),
            }
        };
        let header = Self {
            fin,
            rsv1: first & RSV1 != 0,
            opcode,
            len,
            mask,
        };
        Ok(Some((used, header)))
    }

    /// Appends the header.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let fin = if self.fin { FIN } else { 0 };
        let rsv1 = if self.rsv1 { RSV1 } else { 0 };
        out.push(fin | rsv1 | self.opcode.bits());
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        match self.len {
            0..=125 => out.push(masked | self.len as u8),
            126..=0xffff => {
                out.push(masked | 126);
                out.extend_from_slice(&(self.len as u16).to_be_bytes());
            }
            _ => {
                out.push(masked | 127);
                out.extend_from_slice(&self.len.to_be_bytes());
            }
        }
        if let Some(mask) = self.mask {
            out.extend_from_slice(&mask);
        }
    }

    /// The header of a whole, plain message of a server.
    fn whole(opcode: Opcode, len: usize) -> Self {
        Self {
            fin: true,
            rsv1: false,
            opcode,
            len: len as u64,
            mask: None,
        }
    }
}

/// The payload length, whose first seven bits are `short`, and how many more bytes it took.
fn length(short: u8, rest: &[u8]) -> Result<Option<(usize, u64)>, Violation> {
    // RFC 6455, 5.2: "in all cases, the minimal number of bytes MUST be used to encode the length"
    match short {
        126 => match rest {
            [a, b, ..] => match u16::from_be_bytes([*a, *b]) {
                len @ 0..=125 => Err(Violation::LengthForm { len: len.into() }),
                len => Ok(Some((2, len.into()))),
            },
            _ => Ok(None),
        },
        127 => {
            // "the most significant bit MUST be 0"
            if rest.first().is_some_and(|byte| byte & 0x80 != 0) {
                return Err(Violation::LengthSign);
            }
            let Some(&[a, b, c, d, e, f, g, h]) = rest.get(..8) else {
                return Ok(None);
            };
            match u64::from_be_bytes([a, b, c, d, e, f, g, h]) {
                len @ 0..=0xffff => Err(Violation::LengthForm { len }),
                len => Ok(Some((8, len))),
            }
        }
        len => Ok(Some((0, len.into()))),
    }
}

/// Appends a whole frame of a server: no mask, no compression.
///
/// ```
/// use eventring::wire::ws::{Opcode, frame};
///
/// let mut out = Vec::new();
/// frame(&mut out, Opcode::Text, b"Hello");
/// assert_eq!(out, b"\x81\x05Hello");
/// ```
pub fn frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    FrameHeader::whole(opcode, payload.len()).write_to(out);
    out.extend_from_slice(payload);
}

/// Appends a whole frame of a client, masked with `mask`, which must not be predictable.
pub fn masked_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: [u8; 4]) {
    let header = FrameHeader {
        mask: Some(mask),
        ..FrameHeader::whole(opcode, payload.len())
    };
    header.write_to(out);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], mask);
}

/// Appends a whole frame of a server whose payload is what `write` appends. The payload is moved
/// only if it has fewer than 126 or more than 65,535 bytes.
///
/// ```
/// use eventring::wire::ws::{Opcode, wrap};
///
/// let mut out = Vec::new();
/// wrap(&mut out, Opcode::Text, |out| out.extend_from_slice(b"Hello"));
/// assert_eq!(out, b"\x81\x05Hello");
/// ```
pub fn wrap(out: &mut Vec<u8>, opcode: Opcode, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; GUESS]);
    write(out);
    let header = FrameHeader::whole(opcode, out.len() - start - GUESS);
    let first = FIN | opcode.bits();
    match header.len {
        0..=125 => {
            out[start..start + 2].copy_from_slice(&[first, header.len as u8]);
            out.drain(start + 2..start + GUESS);
        }
        126..=0xffff => {
            let [high, low] = (header.len as u16).to_be_bytes();
            out[start..start + GUESS].copy_from_slice(&[first, 126, high, low]);
        }
        _ => {
            let mut bytes = Vec::with_capacity(FrameHeader::BYTES_MAX);
            header.write_to(&mut bytes);
            out.splice(start..start + GUESS, bytes);
        }
    }
}

/// Appends the close frame of a server. Of the reason, what fits is sent; a code that may not
/// travel becomes [`CloseCode::INTERNAL`].
///
/// ```
/// use eventring::wire::ws::{CloseCode, close_frame};
///
/// let mut out = Vec::new();
/// close_frame(&mut out, CloseCode::GOING_AWAY, "bye");
/// assert_eq!(out, b"\x88\x05\x03\xe9bye");
/// ```
pub fn close_frame(out: &mut Vec<u8>, code: CloseCode, reason: &str) {
    frame(out, Opcode::Close, &close_payload(code, reason));
}

/// Appends the close frame of a client.
pub fn masked_close_frame(out: &mut Vec<u8>, code: CloseCode, reason: &str, mask: [u8; 4]) {
    masked_frame(out, Opcode::Close, &close_payload(code, reason), mask);
}

fn close_payload(code: CloseCode, reason: &str) -> Vec<u8> {
    // 7.4.1: 1005 and 1006 "MUST NOT be set as a status code in a Close control frame by an endpoint".
    let code = if code.may_travel() {
        code
    } else {
        CloseCode::INTERNAL
    };
    // RFC 6455, 5.5.1: the reason is UTF-8, so it is cut between characters.
    let mut end = reason.len().min(CONTROL_MAX - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = code.0.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were_written_and_need_all_their_bytes() {
        for len in [
            0,
            1,
            125,
            126,
            127,
            0xffff,
            0x1_0000,
            1 << 40,
            i64::MAX as u64,
        ] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let header = FrameHeader {
                    fin: len % 2 == 0,
                    rsv1: len % 3 == 0,
                    opcode: Opcode::Binary,
                    len,
                    mask,
                };
                let mut bytes = Vec::new();
                header.write_to(&mut bytes);
                assert_eq!(FrameHeader::decode(&bytes), Ok(Some((bytes.len(), header))));
                for cut in 0..bytes.len() {
                    assert_eq!(
                        FrameHeader::decode(&bytes[..cut]),
                        Ok(None),
                        "{len} cut at {cut}"
                    );
                }
            }
        }
    }

    #[test]
    fn wrapping_is_the_same_as_framing() {
        for len in [0, 1, 125, 126, 300, 0xffff, 0x1_0000, 70_000] {
            let payload = vec![7; len];
            let (mut wrapped, mut framed) = (b"before".to_vec(), b"before".to_vec());
            wrap(&mut wrapped, Opcode::Text, |out| {
                out.extend_from_slice(&payload)
            });
            frame(&mut framed, Opcode::Text, &payload);
            assert!(wrapped == framed, "{len} bytes");
        }
    }

    #[test]
    fn wrong_headers_are_refused_by_their_first_wrong_byte() {
        use Violation::*;
        let table: [(&[u8], Violation); 8] = [
            (b"\xa1", ReservedBits { bits: 0b010 }),
            (b"\x93", ReservedBits { bits: 0b001 }),
            (b"\x83", Opcode { opcode: 3 }),
            (b"\x8b", Opcode { opcode: 0xb }),
            (b"\x09", ControlFragmented),
            (b"\x89\xfe", ControlTooLong),
            (b"\x82\x7e\x00\x7d", LengthForm { len: 125 }),
            (b"\x82\x7f\x80", LengthSign),
        ];
        for (bytes, violation) in table {
            assert_eq!(FrameHeader::decode(bytes), Err(violation));
            assert_eq!(FrameHeader::decode(&bytes[..bytes.len() - 1]), Ok(None));
        }
    }

    #[test]
    fn a_close_reason_is_cut_between_characters() {
        let mut out = Vec::new();
        close_frame(&mut out, CloseCode(1005), &"ü".repeat(100));
        assert_eq!(out.len(), 2 + 2 + 122);
        assert_eq!(out[2..4], 1011u16.to_be_bytes());
    }
}
