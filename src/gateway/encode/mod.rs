//! Wire formats: events, gaps and notices as bytes of SSE and WebSocket.

mod compression;
pub(in crate::gateway) mod disconnect;
mod format;
mod forms;
mod notices;
pub(in crate::gateway) mod schemas;
pub(in crate::gateway) mod stream_head;
pub(in crate::gateway) mod ws;

pub use self::compression::{Compression, CompressionFor};
pub(in crate::gateway) use self::format::{
    DEFAULT_TYPE, DataFormat, Encoder, EventNames, Framing, Gap, Messages, WireFormat, encode,
};
pub(in crate::gateway) use self::notices::{GapReason, NoticeCounts, ResetReason};
