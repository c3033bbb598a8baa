//! The newest event of each key of a dirty part.

use std::collections::HashMap;

use super::key::{CompactRules, Key};
use crate::event::EventRef;

/// The newest event of each key, by offset.
#[derive(Debug)]
pub(in crate::journal) struct KeyIndex {
    rules: CompactRules,
    /// Without a stream, and with one; 0: none. A map's entry has room for two anyway.
    newest: HashMap<Key, [u64; 2]>,
    /// Events with a key that were taken.
    events: u64,
    keeps_tombstones: bool,
}

/// The fate of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) enum Fate {
    /// Stays: it has no key.
    Keyless,
    /// Stays as far as keys are concerned: it lies below a floor.
    Gone,
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
            let newest = self.newest.entry(key).or_default();
            newest[usize::from(event.stream().is_some())] = offset;
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

    /// Says of an event of the clean or the dirty part, oldest first, what becomes of it at a time. `floors`: below them events have
    /// gone, without a stream and with one; for a newer one that is no more an older one stays.
    pub(in crate::journal) fn fate(
        &self,
        event: EventRef<'_>,
        offset: u64,
        recorded: i64,
        now: i64,
        floors: [u64; 2],
    ) -> Fate {
        let Some(key) = self.rules.key(event) else {
            return Fate::Keyless;
        };
        if offset < floors[usize::from(event.stream().is_some())] {
            return Fate::Gone;
        }
        let newest = self.newest.get(&key).copied().unwrap_or_default();
        let mut living = newest.iter().zip(floors);
        if living.any(|(newest, floor)| *newest > offset && *newest >= floor) {
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
