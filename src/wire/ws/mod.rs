//! WebSocket without sockets (RFC 6455), with permessage-deflate (RFC 7692).
//!
//! [`Handshake`] answers the request that opens a connection, [`ClientHandshake`] makes that request and
//! reads the answer; after it a [`MessageDecoder`] makes messages of bytes, and [`frame`], [`wrap`] and
//! [`compressed_frame`] make bytes of messages. The decoder reads strictly and fails as
//! soon as something is wrong: a text message at the byte that is not UTF-8, a frame by the first
//! byte of its header that is wrong, a length before anything is allocated for it.

mod frame;
mod handshake;
mod limits;
mod message;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod violation;

pub use frame::{
    CONTROL_MAX, CloseCode, CloseFrame, FrameHeader, Opcode, apply_mask, close_frame,
    compressed_frame, frame, masked_close_frame, masked_frame, split_frame, wrap,
};
pub use handshake::{
    Agreed, AnswerError, ClientHandshake, Deflate, DeflatePolicy, Handshake, HandshakeError,
    HandshakePolicy, accept,
};
pub use limits::MessageLimits;
pub use message::{
    ControlRate, Inflate, MessageDecoder, MessageKind, MessageStep, Peer, Scratch, Utf8,
};
pub use violation::Violation;

#[cfg(test)]
mod tests;
