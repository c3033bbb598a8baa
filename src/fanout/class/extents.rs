//! The extents of a class: which bytes of its log are for it.

use std::collections::VecDeque;
use std::ops::Range;

/// Extents that one class keeps before it forgets the oldest. Whoever has not read those yet catches
/// up from history instead. 16 bytes each.
pub(super) const EXTENTS_MAX: usize = 4096;

/// Ranges of a frame log, ascending, adjacent ones merged.
#[derive(Default)]
pub(super) struct Extents(VecDeque<Range<u64>>);

impl Extents {
    /// The extents of a class that took all there were of `range`.
    pub(super) fn all_of(range: Range<u64>) -> Self {
        Self((!range.is_empty()).then_some(range).into_iter().collect())
    }

    /// Appends a range; returns the end of the oldest one if that had to go.
    pub(super) fn push(&mut self, range: Range<u64>) -> Option<u64> {
        match self.0.back_mut() {
            // Frames in a row are one extent: a class that takes nearly all has few of them,
            // and sends a run in one go.
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.0.push_back(range),
        }
        (self.0.len() > EXTENTS_MAX).then(|| self.0.pop_front().map_or(0, |lost| lost.end))
    }

    pub(super) fn next(&self, cursor: u64) -> Option<Range<u64>> {
        // Most members stand at the end: look there before searching.
        let last = self.0.back()?;
        if cursor >= last.start {
            return (cursor < last.end).then_some(cursor..last.end);
        }
        let first = self.0.partition_point(|extent| extent.end <= cursor);
        self.0
            .get(first)
            .map(|extent| extent.start.max(cursor)..extent.end)
    }

    pub(super) fn trim(&mut self, tail: u64) {
        let gone = self.0.partition_point(|extent| extent.end <= tail);
        self.0.drain(..gone);
        // One extent may be many frames, and the tail the start of one in its middle.
        if let Some(first) = self.0.front_mut() {
            first.start = first.start.max(tail);
        }
        if self.0.is_empty() {
            // Classes are many and most are quiet: none keeps the memory of its busiest moment.
            self.0.shrink_to(0);
        }
    }
}
