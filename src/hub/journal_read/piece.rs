//! A piece of the past: some events of a journal, copied out of it.

use std::fmt;
use std::ops::{ControlFlow, Range};

use crate::event::EventBatch;
use crate::journal::{Hole, HoleReason, JournalError, JournalReader, Scan, StoredEvent};

/// Bytes that an event takes beside its record.
const ENTRY_BYTES: usize = size_of::<Entry>() + 16;

/// Some events of a journal in one buffer, with the offsets that were looked at for them.
#[derive(Default)]
pub(crate) struct Piece {
    events: EventBatch,
    entries: Vec<Entry>,
    looked_at: Range<u64>,
    holes: Vec<Hole>,
    /// The offset below which events of its topics may have gone by bounds.
    retained_below: u64,
}

/// The place of one event of a piece, and what its record does not say.
#[derive(Clone, Copy)]
struct Entry {
    offset: u64,
    recorded: i64,
    rest: u32,
    version: Option<u64>,
}

impl Piece {
    /// Forgets what it held, keeps its buffers, and reads anew what one call of a journal's reader gives.
    pub(in crate::hub) fn fill(
        &mut self,
        reader: &mut dyn JournalReader,
        scan: &Scan<'_>,
    ) -> Result<(), JournalError> {
        self.clear(scan.range.clone());
        let Self {
            events, entries, ..
        } = self;
        let end = reader.read(scan, &mut |stored| {
            events.push(stored.event);
            entries.push(Entry {
                offset: stored.offset,
                recorded: stored.recorded,
                rest: stored.rest,
                version: stored.version,
            });
            ControlFlow::Continue(())
        })?;
        // A reader that says too much must not lead anybody out of the range.
        let next = end.next.clamp(scan.range.start, scan.range.end);
        self.looked_at = match scan.descending {
            true => next..scan.range.end,
            false => scan.range.start..next,
        };
        self.holes = end.holes;
        self.retained_below = end.retained_below;
        // Whoever reads on from where this ended would come by here for ever.
        if self.looked_at.is_empty() && !scan.range.is_empty() {
            let reason = format!("nothing can be read at offset {next}");
            return Err(JournalError::Damaged { reason });
        }
        Ok(())
    }

    /// Forgets what it held, as if that range were still to be looked at.
    pub(in crate::hub) fn clear(&mut self, range: Range<u64>) {
        self.events.clear();
        self.entries.clear();
        self.holes.clear();
        self.retained_below = 0;
        self.looked_at = range.start..range.start;
    }

    /// Adds what is missing by another one's account.
    pub(in crate::hub) fn add_holes(&mut self, holes: Vec<Hole>) {
        if !holes.is_empty() {
            self.holes.extend(holes);
            self.holes.sort_unstable_by_key(|hole| hole.range.start);
        }
    }

    /// Forgets what it held: a range was looked at, and nothing is there.
    pub(in crate::hub) fn pass(&mut self, range: Range<u64>) {
        self.clear(range.clone());
        self.looked_at = range;
    }

    /// Returns how many events it has.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the event at an index below `len`, in the order in which it was read.
    #[inline]
    pub(crate) fn at(&self, index: usize) -> StoredEvent<'_> {
        let entry = self.entries[index];
        let mut stored = StoredEvent::new(entry.offset, entry.recorded, self.events.at(index));
        (stored.rest, stored.version) = (entry.rest, entry.version);
        stored
    }

    /// Returns the offset of the event at an index; `None` behind the last one.
    #[inline]
    pub(in crate::hub) fn offset(&self, index: usize) -> Option<u64> {
        self.entries.get(index).map(|entry| entry.offset)
    }

    /// Returns the offsets that were looked at: whatever was wanted of them is here, or among the holes.
    pub(crate) fn looked_at(&self) -> Range<u64> {
        self.looked_at.clone()
    }

    /// Returns what is missing of them and has to be told, ascending.
    pub(crate) fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// Returns the offset below which events of its topics may have gone by bounds; 0: none. The part of it that was looked
    /// at is among the holes.
    #[cfg(feature = "gateway")]
    pub(in crate::hub) fn retained_below(&self) -> u64 {
        self.retained_below
    }

    /// Takes what has gone by bounds out of the holes, for whoever tells all of it at once.
    pub(in crate::hub) fn take_retained(&mut self) -> u64 {
        let below = self.retained_below;
        let is_other = |hole: &Hole| hole.reason != HoleReason::Retention || hole.range.end > below;
        self.holes.retain(is_other);
        below
    }

    /// Returns the number of events before an offset. Of one that was read from the end back it means nothing.
    pub(in crate::hub) fn place_of(&self, offset: u64) -> usize {
        self.entries.partition_point(|entry| entry.offset < offset)
    }

    /// Returns the bytes that it takes, about.
    pub(in crate::hub) fn bytes(&self) -> usize {
        self.events.record_bytes() + self.len() * ENTRY_BYTES
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece")
            .field("events", &self.len())
            .field("looked_at", &self.looked_at)
            .field("holes", &self.holes)
            .finish_non_exhaustive()
    }
}
