//! Messages and control frames as a decoder hands them out, and what it has to know of its peer.

use super::super::frame::{CloseFrame, Opcode};

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8, checked.
    Text,
    /// Bytes.
    Binary,
}

impl MessageKind {
    /// Returns the opcode of its first frame.
    pub fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

/// The side whose frames are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A client's: masked.
    Client,
    /// A server's: not masked.
    Server,
}

/// The compression that the peer may use for its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inflate {
    /// No compression: RSV1 is an error.
    #[default]
    No,
    /// Each message by itself: nothing is kept between messages.
    EachMessage,
    /// Messages may look back at earlier ones: once one was compressed, 42 KiB are kept for the
    /// connection.
    LookingBack,
}

/// The next thing that a decoder found in its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageStep<'a> {
    /// All input is used, and more is needed.
    NeedMore,
    /// A message.
    Message(MessageKind, &'a [u8]),
    /// A ping, which wants a pong with the same bytes.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The peer's last frame, which wants a close frame in answer.
    Close(Option<CloseFrame<'a>>),
}
