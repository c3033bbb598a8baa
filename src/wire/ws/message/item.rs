//! Messages and control frames as a decoder hands them out, and what it has to know of its peer.

use super::super::frame::{CloseFrame, Opcode};

/// What a message is.
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

/// Whose frames are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A client's: masked.
    Client,
    /// A server's: not masked.
    Server,
}

/// Whether the peer may compress its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inflate {
    /// It may not: RSV1 is an error.
    #[default]
    No,
    /// Each message by itself: nothing is kept between messages.
    EachMessage,
    /// Messages may look back at earlier ones: once one was compressed, 42 KiB are kept for the
    /// connection.
    LookingBack,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// Nothing whole: more bytes are needed.
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
