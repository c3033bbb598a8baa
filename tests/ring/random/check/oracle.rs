//! The oracle: the promises of a ring in the simplest words.

use eventring::ring::{Lagged, TryRecvError};

/// Everything that was published, and where everybody stands.
pub(super) struct Oracle {
    pub(super) capacity: u64,
    /// The value at each sequence.
    pub(super) ids: Vec<u64>,
    /// The oldest sequence that is kept.
    pub(super) oldest: u64,
    pub(super) closed: bool,
    pub(super) readers: Vec<Option<Place>>,
    /// The cursors of the lossy and of the gated group, and the gate of that one.
    pub(super) groups: [Vec<Option<u64>>; 2],
    pub(super) group_gate: u64,
}

/// The positions of a reader and of its gate, which is not above.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) gated: bool,
    pub(super) cursor: u64,
    pub(super) gate: u64,
}

impl Oracle {
    pub(super) fn head(&self) -> u64 {
        self.ids.len() as u64
    }

    /// The slowest gate.
    pub(super) fn gate(&self) -> u64 {
        let gated = self.readers.iter().flatten().filter(|place| place.gated);
        let slowest = gated.map(|place| place.gate).min().unwrap_or(u64::MAX);
        slowest.min(self.group_gate)
    }

    pub(super) fn has_room(&self, len: u64) -> bool {
        self.head() + len <= self.gate().saturating_add(self.capacity)
    }

    pub(super) fn publish(&mut self, ids: &[u64]) {
        self.ids.extend_from_slice(ids);
        self.oldest = self.oldest.max(self.oldest_at(self.head()));
    }

    /// The oldest that is kept once head is there.
    pub(super) fn oldest_at(&self, head: u64) -> u64 {
        head.saturating_sub(self.capacity)
    }

    /// Returns what the next read from a cursor says, if not values; moves one that was overtaken.
    pub(super) fn refusal(&self, cursor: &mut u64) -> Option<TryRecvError> {
        if *cursor == self.head() {
            return Some(match self.closed {
                true => TryRecvError::Closed { abandoned: false },
                false => TryRecvError::Empty,
            });
        }
        if *cursor < self.oldest {
            let lagged = Lagged {
                missed: self.oldest - *cursor,
                resume_at: self.oldest,
            };
            *cursor = self.oldest;
            return Some(TryRecvError::Lagged(lagged));
        }
        None
    }

    /// The slowest cursor of a group.
    pub(super) fn slowest(&self, gated: bool) -> u64 {
        let cursors = self.groups[usize::from(gated)].iter().flatten();
        cursors.copied().min().unwrap_or(u64::MAX)
    }
}
