//! Reading back what the ring has no more: from the journal, on the caller's thread or on threads of the hub's own.
//!
//! A receiver reads on its own thread, into a [`Piece`] of its own; one that is polled has it read by the [`ReadSide`], as a
//! [`PieceRead`]. A reactor must not wait for a disk: it leaves a
//! [`ReadJob`] with the [`ReadSide`] and is called when the [`Part`] is there. Jobs share a cache of pieces by (filter,
//! offset), since after a restart thousands of clients want the same ones.
//!
//! Nothing here looks at the ring. Who goes on from the journal reads up to the ring's floor as it was *before* the read,
//! and then from the ring: what is in the ring need not be in the journal (topics that ask for no durability), what has
//! left it is.

mod cache;
#[cfg_attr(
    not(feature = "gateway"),
    allow(dead_code, reason = "reactors are the ones that must not block")
)]
mod job;
#[cfg_attr(
    not(feature = "gateway"),
    allow(dead_code, reason = "reactors are the ones that must not block")
)]
mod journal_reads;
mod piece;
mod piece_read;
mod pool;
mod read_health;
#[cfg_attr(
    not(feature = "gateway"),
    allow(dead_code, reason = "reactors are the ones that must not block")
)]
mod read_side;
#[cfg(any(feature = "async", feature = "gateway"))]
mod stream_look_up;
#[cfg(test)]
mod tests;

pub(crate) use job::ReadJob;
#[cfg(any(feature = "gateway", test))]
pub(crate) use job::{OnPart, Part};
pub(crate) use journal_reads::JournalReads;
pub(crate) use piece::Piece;
pub(in crate::hub) use piece_read::PieceRead;
#[cfg(feature = "gateway")]
pub(crate) use pool::ReadPoolFull;
#[cfg(feature = "gateway")]
pub(crate) use read_health::ReadStats;
#[cfg(feature = "gateway")]
pub(crate) use read_side::OnOffset;
pub(crate) use read_side::ReadSide;
#[cfg(any(feature = "async", feature = "gateway"))]
pub(crate) use stream_look_up::StreamLookUp;

pub(in crate::hub) use pool::Step;
