//! Compaction by key: which events of a topic may go, since newer ones have their keys. No disk, no clock.
//!
//! A log that is compacted has a *clean* part, in which each key has one event, and behind it a *dirty* part, which came since.
//! [`KeyIndex`] takes the dirty part event by event and knows the newest of each key; [`fate`](KeyIndex::fate) says of every
//! event of both parts, oldest first, whether it stays. Once all that should go is gone all of it is clean.
//!
//! Invariants: the newest event of a key stays, but for a *tombstone*, an event without data, which goes some time after it was
//! taken. It goes no sooner than everything older of its key: whoever asks takes the oldest first, and once something could
//! not be taken out none goes any more ([`keep_tombstones`](KeyIndex::keep_tombstones)). Events without a key stay,
//! and so do those of a stream unless that is wanted; they count for nobody.

mod index;
mod key;
#[cfg(test)]
mod tests;

pub(in crate::journal) use index::{Fate, KeyIndex};
pub(in crate::journal) use key::CompactRules;
