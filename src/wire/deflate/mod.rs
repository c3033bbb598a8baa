//! Deflate that is done once for many readers (RFC 1951), and its gzip framing (RFC 1952).
//!
//! A compressor per reader costs each of them a window and each event a compression. Here a frame
//! becomes a *block*: whole bytes that a sender may hand to any number of readers whose state allows
//! it. There are two kinds.
//!
//! - An **independent** block ([`Independent`]) refers to nothing before it: every reader can take it at
//!   any time.
//! - A **chain** block ([`Chain`]) may refer to the blocks before it in its chain, back to the last
//!   *keyframe*, and is a third as long. Only a reader that has got each block since a keyframe, and
//!   nothing in between, can take it: an inflater counts back in what *it* has put out, so a foreign
//!   byte in the middle turns into other bytes without any error. Such a reader is *aligned*.
//!
//! Both end at a byte boundary with an empty stored block (`00 00 FF FF`), so a reader can inflate each
//! event as it comes. A WebSocket sender (RFC 7692, section 7.2.1) takes that [`TAIL`] off with
//! [`without_tail`]; what it sends uncompressed does not pass through the reader's inflater and leaves
//! it aligned. In a gzip stream all bytes pass through it: what is sent to one reader alone is a
//! [`gzip::stored`] block and makes it unaligned.
//!
//! The trailer of a gzip stream holds a CRC over all that this reader got: a [`Digest`], put together
//! from the running digests of the logs that it read, without looking at the bytes again.
//!
//! # Examples
//!
//! ```
//! use std::time::Instant;
//! use eventring::wire::deflate::{Chain, Independent, gzip};
//!
//! let (mut chain, now) = (Chain::default(), Instant::now());
//! let mut stream = gzip::HEAD.to_vec();
//! for text in ["one fish, two fish", "one fish, two fish, red fish"] {
//!     chain.encode(text.as_bytes(), false, now, &mut stream);
//! }
//! // Sent to this reader alone: from here on it can take no chain block before the next keyframe.
//! gzip::stored(b"a word to you", &mut stream);
//! Independent::default().encode(b"blue fish", &mut stream);
//! ```

mod chain;
mod digest;
mod encoder;
pub mod gzip;

pub use chain::{Block, Chain, DEMAND_INTERVAL, KEYFRAME_EVENTS};
pub use digest::Digest;
pub use encoder::{Independent, bound};

/// The end of each block: an empty stored block, but for its first bits.
// RFC 7692, 7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end."
pub const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// A block as the payload of a WebSocket message: without its [`TAIL`].
pub fn without_tail(block: &[u8]) -> &[u8] {
    block.strip_suffix(&TAIL).unwrap_or(block)
}
