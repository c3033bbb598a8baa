//! Breaches of the protocol by a peer, each with the close code that answers it.

use super::frame::CloseCode;

/// Why a connection has to be failed (RFC 6455, 7.1.7). Each kind has its close code.
///
/// # Examples
///
/// ```
/// use eventring::wire::ws::{CloseCode, Violation};
///
/// let violation = Violation::MessageTooLarge { limit: 1024 };
/// assert_eq!(violation.close_code(), CloseCode::TOO_BIG);
/// assert_eq!(violation.to_string(), "message is over the limit of 1024 bytes");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A client sends a frame without a mask.
    #[error("frame of a client has no mask")]
    NotMasked,
    /// A server sends a frame with a mask.
    #[error("frame of a server has a mask")]
    Masked,
    /// A reserved bit that no negotiated extension gives a meaning.
    #[error("frame has reserved bits {bits:#05b}")]
    ReservedBits {
        /// RSV1, RSV2, RSV3 from the highest bit.
        bits: u8,
    },
    /// An opcode that RFC 6455 keeps for later.
    #[error("frame has the unknown opcode {opcode:#x}")]
    Opcode {
        /// The opcode.
        opcode: u8,
    },
    /// A length in more bytes than it needs.
    #[error("frame length {len} is not written in its shortest form")]
    LengthForm {
        /// The length.
        len: u64,
    },
    /// A length whose highest bit is set.
    #[error("frame length has its highest bit set")]
    LengthSign,
    /// A control frame of more than 125 bytes.
    #[error("control frame has more than 125 bytes")]
    ControlTooLong,
    /// A control frame in fragments.
    #[error("control frame is fragmented")]
    ControlFragmented,
    /// A continuation without a message.
    #[error("continuation frame without a message to continue")]
    NothingToContinue,
    /// A message inside a message.
    #[error("new message before the last fragment of the one before")]
    MessageNotEnded,
    /// A close frame of one byte.
    #[error("close frame has one byte")]
    CloseLength,
    /// A close code that may not be sent.
    #[error("close code {code} may not be sent")]
    CloseCode {
        /// The code.
        code: u16,
    },
    /// A close reason or text message that is not UTF-8.
    #[error("text is not UTF-8 at byte {at}")]
    Utf8 {
        /// The byte of the message, after inflation.
        at: u64,
    },
    /// Compressed data that is none.
    #[error("compressed message is not deflate data")]
    Deflate,
    /// A frame over [`MessageLimits::frame_bytes`](super::MessageLimits::frame_bytes).
    #[error("frame of {len} bytes is over the limit of {limit} bytes")]
    FrameTooLarge {
        /// Its length.
        len: u64,
        /// The limit, bytes.
        limit: u64,
    },
    /// A message over [`MessageLimits::message_bytes`](super::MessageLimits::message_bytes), as it came or
    /// inflated.
    #[error("message is over the limit of {limit} bytes")]
    MessageTooLarge {
        /// The limit, bytes.
        limit: u64,
    },
    /// More fragments than [`MessageLimits::fragments`](super::MessageLimits::fragments).
    #[error("message has more than {limit} fragments")]
    TooManyFragments {
        /// The limit.
        limit: u32,
    },
    /// More control frames in a second than allowed.
    #[error("more than {limit} control frames in a second")]
    TooManyControls {
        /// The limit.
        limit: u32,
    },
    /// More half-inflated messages at once than [`Scratch`](super::Scratch) holds.
    #[error("too many compressed messages at once")]
    TooManyInflating,
}

impl Violation {
    /// Returns the code that a close frame answers it with.
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::Utf8 { .. } | Self::Deflate => CloseCode::INVALID_DATA,
            Self::FrameTooLarge { .. }
            | Self::MessageTooLarge { .. }
            | Self::TooManyFragments { .. } => CloseCode::TOO_BIG,
            Self::TooManyControls { .. } => CloseCode::POLICY,
            Self::TooManyInflating => CloseCode::TRY_AGAIN,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}
