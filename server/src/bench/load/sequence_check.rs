//! The exact check of what one client received: each sequence once, in order, or announced as gone.

use std::collections::BTreeSet;
use std::ops::Range;

/// Holes that are remembered, so that what fills them is told from a duplicate. A client with more
/// has lost so much that the oldest count as lost for good.
const HOLES_MAX: usize = 4096;

/// The sequences of one client, and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct SequenceCheck {
    /// The sequence that should come next.
    next: u64,
    /// Sequences that were passed over without a word.
    holes: Vec<Range<u64>>,
    /// Lost in holes that are remembered no longer.
    given_up: u64,
    /// Events that the server has announced as gone since the last event.
    pending_gap: u64,
    pub(crate) announced: u64,
    pub(crate) duplicates: u64,
    pub(crate) reordered: u64,
}

/// The place of an event among those that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// New; it moved the client on by so many sequences.
    New(u64),
    /// New, but later ones had come before it.
    Late,
    Duplicate,
}

impl SequenceCheck {
    /// The server says that so many events, ours among them, will not come.
    pub(crate) fn gap(&mut self, missing: u64) {
        self.pending_gap = self.pending_gap.saturating_add(missing);
    }

    /// The server says that it cannot know what is missing.
    pub(crate) fn reset(&mut self) {
        // As much as there can be: whatever hole comes next is announced by it.
        self.pending_gap = u64::MAX;
    }

    /// Takes an event.
    pub(crate) fn see(&mut self, sequence: u64) -> Seen {
        if sequence < self.next {
            let late = self.fill(sequence);
            self.reordered += u64::from(late);
            self.duplicates += u64::from(!late);
            return if late { Seen::Late } else { Seen::Duplicate };
        }
        let hole = sequence - self.next;
        let announced = hole.min(self.pending_gap);
        self.announced += announced;
        // An announcement holds for the next hole alone: a later one without a word is a loss.
        self.pending_gap = 0;
        if hole > announced {
            self.holes.push(self.next + announced..sequence);
        }
        if self.holes.len() > HOLES_MAX {
            let oldest = self.holes.remove(0);
            self.given_up += oldest.end - oldest.start;
        }
        self.next = sequence + 1;
        Seen::New(hole + 1)
    }

    /// True when nothing is to come any more.
    pub(crate) fn is_complete(&self, published: u64, refused: &BTreeSet<u64>) -> bool {
        self.tail(published)
            .all(|sequence| refused.contains(&sequence))
    }

    /// Counts what the server announced behind the last event that came.
    pub(crate) fn close(&mut self, published: u64) {
        let tail = published.saturating_sub(self.next);
        let announced = tail.min(std::mem::take(&mut self.pending_gap));
        self.announced += announced;
        // They are passed, or `missing` would count them once more.
        self.next += announced;
    }

    /// Events that should have come and did not, without a word; `refused` ones were never published.
    pub(crate) fn missing(&self, published: u64, refused: &BTreeSet<u64>) -> u64 {
        let holes = self.holes.iter().cloned().chain([self.tail(published)]);
        let lost = |hole: Range<u64>| {
            let excused = refused.range(hole.clone()).count() as u64;
            hole.end - hole.start - excused
        };
        self.given_up + holes.map(lost).sum::<u64>()
    }

    fn tail(&self, published: u64) -> Range<u64> {
        self.next..published.max(self.next)
    }

    fn fill(&mut self, sequence: u64) -> bool {
        let Some(at) = self.holes.iter().position(|hole| hole.contains(&sequence)) else {
            return false;
        };
        let hole = self.holes[at].clone();
        let parts = [hole.start..sequence, sequence + 1..hole.end];
        self.holes
            .splice(at..=at, parts.into_iter().filter(|part| !part.is_empty()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> BTreeSet<u64> {
        BTreeSet::new()
    }

    fn stats(events: &[u64]) -> SequenceCheck {
        let mut sequences = SequenceCheck::default();
        for &event in events {
            sequences.see(event);
        }
        sequences
    }

    #[test]
    fn all_in_order_is_all_right() {
        let sequences = stats(&[0, 1, 2]);
        assert!(sequences.is_complete(3, &none()));
        assert_eq!(
            (
                sequences.missing(3, &none()),
                sequences.duplicates,
                sequences.reordered
            ),
            (0, 0, 0)
        );
    }

    #[test]
    fn what_is_passed_over_is_missing_and_so_is_the_end() {
        let sequences = stats(&[1, 4]);
        assert_eq!(sequences.missing(7, &none()), 1 + 2 + 2);
        assert_eq!(sequences.missing(7, &BTreeSet::from([0, 6, 90])), 1 + 2);
        assert!(!sequences.is_complete(7, &BTreeSet::from([6])));
        assert!(sequences.is_complete(7, &BTreeSet::from([5, 6])));
    }

    #[test]
    fn late_ones_are_out_of_order_and_double_ones_double() {
        let mut sequences = stats(&[0, 5]);
        assert_eq!(sequences.see(3), Seen::Late);
        assert_eq!(sequences.see(3), Seen::Duplicate);
        assert_eq!(sequences.see(5), Seen::Duplicate);
        assert_eq!(sequences.see(6), Seen::New(1));
        assert_eq!((sequences.reordered, sequences.duplicates), (1, 2));
        assert_eq!(sequences.missing(7, &none()), 3);
    }

    #[test]
    fn what_was_announced_is_not_missing() {
        let mut sequences = stats(&[0]);
        sequences.gap(3);
        assert_eq!(sequences.see(4), Seen::New(4));
        assert_eq!((sequences.announced, sequences.missing(5, &none())), (3, 0));
        sequences.gap(1);
        sequences.see(8);
        assert_eq!((sequences.announced, sequences.missing(9, &none())), (4, 2));
        sequences.see(10);
        assert_eq!(
            sequences.missing(11, &none()),
            3,
            "an announcement holds once"
        );
    }

    #[test]
    fn announcements_at_the_end_count() {
        let mut sequences = stats(&[0]);
        sequences.gap(2);
        sequences.close(4);
        assert_eq!((sequences.announced, sequences.missing(4, &none())), (2, 1));
        let mut sequences = SequenceCheck::default();
        sequences.reset();
        sequences.close(9);
        assert_eq!((sequences.announced, sequences.missing(9, &none())), (9, 0));
    }

    #[test]
    fn holes_are_bounded_and_still_counted() {
        let events: Vec<u64> = (0..3 * HOLES_MAX as u64).filter(|n| n % 2 == 1).collect();
        let sequences = stats(&events);
        assert_eq!(sequences.holes.len(), HOLES_MAX);
        assert_eq!(
            sequences.missing(3 * HOLES_MAX as u64, &none()),
            events.len() as u64
        );
    }
}
