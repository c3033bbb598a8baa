//! Server-Sent Events: frames written, streams read, both as the HTML standard has them (section
//! 9.2).
//!
//! # Examples
//!
//! ```
//! use eventring::wire::sse::{self, EventDecoder, Frame};
//!
//! let mut bytes = Vec::new();
//! sse::encode(&mut bytes, Frame::default().id(b"e1-7").event("tick").data(b"one\ntwo"))?;
//! assert_eq!(bytes, b"id: e1-7\nevent: tick\ndata: one\ndata: two\n\n");
//!
//! let mut decoder = EventDecoder::default();
//! decoder.push(&bytes, |event| {
//!     assert_eq!((event.id, event.event, event.data), ("e1-7", "tick", "one\ntwo"));
//! })?;
//! assert_eq!(decoder.last_event_id(), "e1-7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
mod encode;
#[cfg(any(test, fuzzing))]
pub mod oracle;

pub use decode::{DecodeError, DecodeLimits, DecodedEvent, EventDecoder};
pub use encode::{
    Frame, FrameError, FrameField, comment, encode, encode_chunked, heartbeat, retry,
};
