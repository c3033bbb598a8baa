//! The version of each stream, which is one entity's (aggregate's) events: dense from its first event on, kept under
//! the publisher's lock. In a hub with a journal, what is not known here is looked up there first: outside that lock.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};

use smallvec::SmallVec;

use crate::event::{EventRef, StreamName};

use crate::hub::HubPublishError;
use crate::hub::topics::ByHash;

/// The version that a stream must have for an event to be published on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectedVersion {
    /// Whatever it has.
    #[default]
    Any,
    /// None: the event is the stream's first.
    NoStream,
    /// Exactly this one.
    Exactly(u64),
}

/// The versions of streams, by a hash with a secret key: two streams are taken for one if 64 bits agree. Names would
/// take several times the 32 bytes that a stream takes so.
pub(in crate::hub) struct StreamVersions {
    keys: RandomState,
    positions: HashMap<u64, u64, ByHash>,
    limit: usize,
}

/// The next version of a stream, checked and not taken yet: a batch is checked whole before it is published.
#[derive(Clone, Copy)]
pub(in crate::hub) struct VersionClaim {
    pub(in crate::hub) key: u64,
    pub(in crate::hub) position: u64,
}

impl StreamVersions {
    pub(in crate::hub) fn new(limit: usize) -> Self {
        Self {
            keys: RandomState::new(),
            positions: HashMap::default(),
            limit,
        }
    }

    pub(in crate::hub) fn position(&self, ty: &str, id: &str) -> Option<u64> {
        self.positions.get(&self.key(ty, id)).copied()
    }

    pub(super) fn key(&self, ty: &str, id: &str) -> u64 {
        self.keys.hash_one((ty, id))
    }

    /// Returns streams that have no version here, by their keys, each once.
    pub(super) fn unknown<'e>(
        &self,
        streams: impl Iterator<Item = StreamName<'e>>,
    ) -> SmallVec<[(u64, StreamName<'e>); 4]> {
        let keyed = streams.map(|stream| (self.key(stream.ty, stream.id), stream));
        let mut unknown: SmallVec<_> = keyed
            .filter(|(key, _)| !self.positions.contains_key(key))
            .collect();
        unknown.sort_unstable_by_key(|(key, _)| *key);
        unknown.dedup_by_key(|(key, _)| *key);
        unknown
    }

    /// Takes over the version that the journal has of a stream, unless it has one here: that is not older.
    pub(super) fn load(&mut self, key: u64, version: u64) -> Result<(), HubPublishError> {
        let is_full = self.positions.len() >= self.limit;
        match self.positions.entry(key) {
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(_) if is_full => {
                Err(HubPublishError::TooManyStreams { limit: self.limit })
            }
            Entry::Vacant(entry) => {
                entry.insert(version);
                Ok(())
            }
        }
    }

    /// Checks what an event's stream position will be. `pending` are claims of the same batch.
    pub(in crate::hub) fn claim(
        &self,
        event: EventRef<'_>,
        expected: ExpectedVersion,
        pending: &[VersionClaim],
    ) -> Result<Option<VersionClaim>, HubPublishError> {
        let Some(stream) = event.stream() else {
            return match expected {
                ExpectedVersion::Any => Ok(None),
                _ => Err(HubPublishError::NoStream),
            };
        };
        let key = self.key(stream.ty, stream.id);
        // The newest of the batch first: two events on one stream follow each other.
        let earlier = pending
            .iter()
            .rev()
            .find(|claim| claim.key == key)
            .map(|claim| claim.position);
        let current = earlier.or_else(|| self.positions.get(&key).copied());
        // What the caller expects before what the event states: a conflict is what it can act on.
        check_expected(expected, current)?;
        let position = next_position(stream, current)?;
        // Streams are never forgotten, or a version would start anew: the limit refuses instead. Every claim of the
        // batch counts as that of a new stream.
        if current.is_none() && self.positions.len() + pending.len() >= self.limit {
            return Err(HubPublishError::TooManyStreams { limit: self.limit });
        }
        Ok(Some(VersionClaim { key, position }))
    }

    /// Takes a version; returns the one before.
    pub(in crate::hub) fn take(&mut self, claim: VersionClaim) -> Option<u64> {
        self.positions.insert(claim.key, claim.position)
    }

    /// Gives a version back that was taken last.
    pub(in crate::hub) fn restore(&mut self, key: u64, before: Option<u64>) {
        match before {
            Some(before) => self.positions.insert(key, before),
            None => self.positions.remove(&key),
        };
    }
}

fn check_expected(expected: ExpectedVersion, actual: Option<u64>) -> Result<(), HubPublishError> {
    let fine = match expected {
        ExpectedVersion::Any => true,
        ExpectedVersion::NoStream => actual.is_none(),
        ExpectedVersion::Exactly(version) => actual == Some(version),
    };
    if fine {
        Ok(())
    } else {
        // Who knows what is in flight says more.
        let at = None;
        Err(HubPublishError::Version {
            expected,
            actual,
            at,
        })
    }
}

/// A version that an event states must be the next; on a stream that the hub does not know yet it is the first.
fn next_position(stream: StreamName<'_>, current: Option<u64>) -> Result<u64, HubPublishError> {
    let next = current.map_or(stream.version.unwrap_or(1), |current| current + 1);
    match stream.version {
        Some(got) if got != next => Err(HubPublishError::StreamPosition {
            expected: next,
            got,
        }),
        _ => Ok(next),
    }
}
