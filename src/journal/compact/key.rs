//! The key of an event, and whether it says that its key is gone.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::event::{DataKind, EventRef, Predicate, PredicateError};
use crate::journal::Compact;

/// The rules of a topic that is compacted.
#[derive(Debug)]
pub(in crate::journal) struct CompactRules {
    pointer: Predicate,
    tombstone_ms: i64,
    /// Events with a stream are compacted, too.
    streams: bool,
    /// Of two keys each, so that nobody outside knows which keys fall together.
    hashers: [RandomState; 2],
}

/// A key: 128 bits of SipHash with secret keys. Of 2^32 different ones two fall together once in 2^65 times, and nobody can
/// look for two that do.
pub(super) type Key = u128;

impl CompactRules {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// The key is no pointer into an event.
    pub(in crate::journal) fn new(
        compact: &Compact,
        streams: bool,
    ) -> Result<Self, PredicateError> {
        let tombstone_ms = compact.tombstone_age.as_millis();
        Ok(Self {
            pointer: Predicate::pointer(&compact.key)?,
            tombstone_ms: i64::try_from(tombstone_ms).unwrap_or(i64::MAX),
            streams,
            hashers: Default::default(),
        })
    }

    /// Returns the key of an event: text, a number, true or false. `None`: it has none, and stays.
    pub(super) fn key(&self, event: EventRef<'_>) -> Option<Key> {
        if !self.streams && event.stream().is_some() {
            return None;
        }
        // `7` and `"7"` are different keys, and so are `7` and `7.0`: a number is as it is written.
        let value = self.pointer.scalar(event)?;
        let [high, low] = self.hashers.each_ref().map(|keys| keys.hash_one(&value));
        Some(u128::from(high) << 64 | u128::from(low))
    }

    /// Returns the time from which on an event may go that says that its key is gone; `None`: it does not.
    pub(super) fn expires(&self, event: EventRef<'_>, recorded: i64) -> Option<i64> {
        is_tombstone(event).then(|| recorded.saturating_add(self.tombstone_ms))
    }
}

/// Returns whether an event says that its key is gone: it has no data, or `null`.
fn is_tombstone(event: EventRef<'_>) -> bool {
    let data = event.data();
    data.is_empty() || event.data_kind() == DataKind::Json && data.trim_ascii() == b"null"
}
