//! The offsets of one topic's events.

use std::collections::VecDeque;
use std::ops::Range;

/// The offsets of a topic's events that the ring still has, ascending: 8 bytes an event.
///
/// Those that the ring has overwritten go when room is needed, so those below the ring's oldest event may be here or
/// not. A list, and no chain through the slots: as cheap to write, read forwards, found by a search, counted without a
/// walk.
#[derive(Debug, Default)]
pub(in crate::hub) struct Offsets(VecDeque<u64>);

impl Offsets {
    /// Adds the newest. The ring keeps `capacity` events at most.
    #[inline]
    pub(in crate::hub) fn push(&mut self, offset: u64, capacity: u64) {
        // Only when full: letting go of some at each publish would cost every publish.
        if self.0.len() == self.0.capacity() {
            self.make_room(offset.saturating_sub(capacity) + 1);
        }
        self.0.push_back(offset);
    }

    /// Lets go of what the ring has no more, and doubles the room if that was little.
    #[cold]
    fn make_room(&mut self, floor: u64) {
        self.forget_below(floor);
        if self.0.len() > self.0.capacity() / 2 {
            self.0.reserve(self.0.len());
        }
    }

    /// Lets go of what lies below `floor` if that is more than half, and of room that is not needed any more.
    pub(in crate::hub) fn trim(&mut self, floor: u64) {
        // One look, not a search: nearly always there is nothing to do.
        let middle = self.0.get(self.0.len() / 2);
        if middle.is_none_or(|middle| *middle >= floor)
            && self.last().is_none_or(|last| last >= floor)
        {
            return;
        }
        self.forget_below(floor);
        // Not at a half, or a topic that comes and goes by it would copy its list each time.
        if self.0.len() <= self.0.capacity() / 8 {
            self.0.shrink_to(self.0.len() * 2);
        }
    }

    fn forget_below(&mut self, floor: u64) {
        let gone = self.place_of(floor);
        self.0.drain(..gone);
    }

    /// Takes one out whose event is not there; returns whether it was among them.
    pub(in crate::hub) fn remove(&mut self, offset: u64) -> bool {
        let at = self.place_of(offset);
        let is_there = self.get(at) == Some(offset);
        if is_there {
            self.0.remove(at);
        }
        is_there
    }

    /// Takes those out that are among some, which ascend.
    pub(in crate::hub) fn remove_all(&mut self, gone: &[u64]) {
        self.0.retain(|offset| gone.binary_search(offset).is_err());
    }

    /// Returns those below an offset.
    pub(in crate::hub) fn below(&self, offset: u64) -> impl Iterator<Item = u64> {
        let end = self.place_of(offset);
        self.0.range(..end).copied()
    }

    pub(in crate::hub) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the newest.
    pub(in crate::hub) fn last(&self) -> Option<u64> {
        self.0.back().copied()
    }

    /// Returns the newest below an offset.
    pub(in crate::hub) fn last_below(&self, offset: u64) -> Option<u64> {
        self.get(self.place_of(offset).checked_sub(1)?)
    }

    /// Returns the index of the first that is not below `offset`.
    pub(in crate::hub) fn place_of(&self, offset: u64) -> usize {
        // Most ask for all there is, or for what is newest.
        if self.0.front().is_none_or(|first| *first >= offset) {
            return 0;
        }
        self.0.partition_point(|one| *one < offset)
    }

    /// Returns how many there are in a range.
    pub(in crate::hub) fn count_in(&self, range: &Range<u64>) -> usize {
        self.place_of(range.end) - self.place_of(range.start)
    }

    /// Returns the one at an index.
    pub(in crate::hub) fn get(&self, index: usize) -> Option<u64> {
        self.0.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_topic_takes_no_more_room_than_the_ring_has_events() {
        let mut offsets = Offsets::default();
        (1..=100_000).for_each(|offset| offsets.push(offset, 1_000));
        assert!(offsets.0.capacity() <= 4_096, "{}", offsets.0.capacity());
        assert_eq!(offsets.count_in(&(99_001..100_001)), 1_000);
        assert_eq!(offsets.last(), Some(100_000));
    }

    #[test]
    fn a_topic_that_fell_quiet_gives_its_room_back() {
        let mut offsets = Offsets::default();
        (1..=10_000).for_each(|offset| offsets.push(offset, 100_000));
        offsets.trim(9_999);
        assert!(offsets.0.capacity() < 64, "{}", offsets.0.capacity());
        assert_eq!(offsets.count_in(&(0..u64::MAX)), 2);
        offsets.trim(u64::MAX);
        assert!(offsets.is_empty());
    }

    #[test]
    fn places_are_found_in_any_range() {
        let mut offsets = Offsets::default();
        [3, 5, 8].into_iter().for_each(|at| offsets.push(at, 100));
        assert_eq!(
            [0, 3, 4, 8, 9].map(|at| offsets.place_of(at)),
            [0, 0, 1, 2, 3]
        );
        assert_eq!(offsets.count_in(&(4..8)), 1);
        assert_eq!((offsets.get(1), offsets.get(3)), (Some(5), None));
    }
}
