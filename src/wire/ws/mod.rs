//! WebSocket without sockets (RFC 6455), with permessage-deflate (RFC 7692).
//!
//! [`Handshake`] answers the request that opens a connection, [`ClientHandshake`] makes that request and
//! reads the answer; after it a [`Decoder`] makes messages of bytes, and [`frame`], [`wrap`] and
//! [`compressed_frame`] make bytes of messages. The decoder reads strictly and fails as
//! soon as something is wrong: a text message at the byte that is not UTF-8, a frame by the first
//! byte of its header that is wrong, a length before anything is allocated for it.

mod assembly;
mod client_handshake;
mod close;
mod compressed;
mod decoder;
mod extension;
mod frame;
mod handshake;
mod inflate;
mod limits;
mod mask;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod rate;
mod scratch;
mod utf8;
mod violation;

pub use client_handshake::{Agreed, AnswerError, ClientHandshake};
pub use close::{CloseCode, CloseFrame};
pub use compressed::{compressed_frame, split_frame};
pub use decoder::{Decoder, Inflate, Item, MessageKind, Peer};
pub use extension::{Deflate, DeflatePolicy};
pub use frame::{
    CONTROL_MAX, FrameHeader, Opcode, close_frame, frame, masked_close_frame, masked_frame, wrap,
};
pub use handshake::{Handshake, HandshakeError, HandshakePolicy, accept};
pub use limits::Limits;
pub use mask::apply_mask;
pub use rate::ControlRate;
pub use scratch::Scratch;
pub use utf8::Utf8;
pub use violation::Violation;

#[cfg(test)]
mod tests;
