//! The chunk: a run of events as a journal keeps it in one row. Sans-IO: bytes in, bytes out.
//!
//! ```text
//! header   first, last, prev, sizes, recorded_first, recorded_last    numbers of the row
//! topics   the numbers of its topics, sorted, as differences          so that a chunk is passed over unread
//! crc      crc32c of header, topics and the body's length, and crc32c of the body
//! body     frames, one behind the other, or what they deflate to
//!
//! frame    length u32 | crc32c u32 of all that follows | offset - first | recorded - recorded_first | flags u8 |
//!          [version] | [rest] | record
//! ```
//!
//! Numbers without a width are LEB128; the length counts what follows the crc. An offset stands in each frame, since
//! offsets have holes: events that are not kept, ranges that were given up.
//!
//! `sizes` is how many events there are, and above its 32nd bit how many bytes of frames where they are deflated (RFC 1951);
//! the checksum of a body is that of its frames then.
//!
//! Invariants, which [`ChunkBuilder`] keeps and [`Frames`] checks: offsets rise from `first` to `last`, `recorded` never goes
//! back, `count` frames fill the body. `prev` is the last offset of the chunk before: a chunk that has vanished is noticed by
//! the one behind it. No bytes make decoding panic.

mod builder;
mod deflate;
mod frame;
mod header;
mod numbers;
#[cfg(any(test, fuzzing))]
#[allow(missing_docs, unreachable_pub, reason = "for the fuzz target alone")]
pub mod oracle;
#[cfg(test)]
mod tests;
mod varint;

pub(in crate::journal) use builder::{Chunk, ChunkBuilder};
pub(in crate::journal) use deflate::{Deflater, Inflater};
pub(in crate::journal) use frame::{Frame, Frames};
pub(in crate::journal) use header::{Checksums, ChunkHeader};
pub(in crate::journal) use numbers::{Numbers, put_numbers};
