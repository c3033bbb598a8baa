//! The opening handshake, both halves, and the extension that it agrees on.

mod client;
mod extension;
mod server;

pub use client::{Agreed, AnswerError, ClientHandshake};
pub use extension::{Deflate, DeflatePolicy};
pub use server::{Handshake, HandshakeError, HandshakePolicy, accept};
