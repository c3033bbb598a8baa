//! The newest event of each key of a dirty part.

use std::collections::HashMap;

use super::key::{CompactRules, Key};
use crate::event::EventRef;

/// The newest event of each key, by offset.
#[derive(Debug)]
pub(in crate::journal) struct KeyIndex {
    rules: CompactRules,
    newest: HashMap<Key, u64>,
    /// Events with a key that were taken.
    events: u64,
    keeps_tombstones: bool,
}

/// The fate of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) enum Fate {
    /// Stays: it has no key.
    Keyless,
    /// Stays: it is the newest of its key. A tombstone may go from a time on.
    Newest { expires: Option<i64> },
    /// Goes: a newer one has its key.
    Superseded,
    /// Goes: its key is gone, and it has said so for long enough.
    Expired,
}

impl Fate {
    pub(in crate::journal) fn goes(self) -> bool {
        matches!(self, Self::Superseded | Self::Expired)
    }
}

impl KeyIndex {
    pub(in crate::journal) fn new(rules: CompactRules) -> Self {
        Self {
            rules,
            newest: HashMap::new(),
            events: 0,
            keeps_tombstones: false,
        }
    }

    /// Takes an event of the dirty part, in the order of offsets.
    pub(in crate::journal) fn take(&mut self, event: EventRef<'_>, offset: u64) {
        if let Some(key) = self.rules.key(event) {
            self.newest.insert(key, offset);
            self.events += 1;
        }
    }

    /// Returns how many different keys it has.
    pub(in crate::journal) fn keys(&self) -> usize {
        self.newest.len()
    }

    /// Returns how many events with a key it was given.
    pub(in crate::journal) fn events(&self) -> u64 {
        self.events
    }

    /// Says of an event of the clean or the dirty part, oldest first, what becomes of it at a time.
    pub(in crate::journal) fn fate(
        &self,
        event: EventRef<'_>,
        offset: u64,
        recorded: i64,
        now: i64,
    ) -> Fate {
        let Some(key) = self.rules.key(event) else {
            return Fate::Keyless;
        };
        if self.newest.get(&key).is_some_and(|newest| *newest > offset) {
            return Fate::Superseded;
        }
        let expires = self.rules.expires(event, recorded);
        match expires.filter(|_| !self.keeps_tombstones) {
            Some(expires) if expires <= now => Fate::Expired,
            expires => Fate::Newest { expires },
        }
    }

    /// Returns whether tombstones stay for good.
    pub(in crate::journal) fn keeps_tombstones(&self) -> bool {
        self.keeps_tombstones
    }

    /// Notes that something could not be taken out, or looked at. From here on tombstones stay for good: one that went would
    /// bring it back.
    pub(in crate::journal) fn keep_tombstones(&mut self) {
        self.keeps_tombstones = true;
    }

    /// Begins anew, once everything that it was given is clean.
    pub(in crate::journal) fn clear(&mut self) {
        // Many keys once are no reason to keep room for as many.
        self.newest = HashMap::new();
        self.events = 0;
    }
}
