//! Offsets that were given out and hold nothing.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::hub::Outcome;
use crate::journal::{CommitError, CommitFailure, Hole, HoleReason};

/// Ranges that are kept: then the oldest goes. Who asks for the outcome of one has asked long before.
const RANGES_MAX: usize = 4_096;

/// The ranges whose commit failed.
#[derive(Default)]
pub(in crate::hub) struct Voids {
    /// There are any: the one word that is looked at while nothing ever failed.
    any: AtomicBool,
    ranges: Mutex<VecDeque<VoidRange>>,
}

struct VoidRange {
    offsets: Range<u64>,
    error: CommitError,
}

impl Voids {
    /// Adds a range. To be called before readers can pass it.
    pub(super) fn add(&self, offsets: Range<u64>, error: &CommitError) {
        let mut ranges = self.ranges.lock();
        if ranges.len() == RANGES_MAX {
            ranges.pop_front();
        }
        let error = error.clone();
        ranges.push_back(VoidRange { offsets, error });
        // Release: pairs with the Acquire in `find`. Who sees the barrier behind the range sees this as well.
        self.any.store(true, Ordering::Release);
    }

    /// Returns why the first of some offsets that is void is.
    pub(in crate::hub) fn find(&self, offsets: &Range<u64>) -> Option<CommitError> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let ranges = self.ranges.lock();
        let mut found = ranges.iter().filter(|one| overlap(&one.offsets, offsets));
        found.next().map(|one| one.error.clone())
    }

    /// Returns the ranges within some offsets, ascending.
    pub(in crate::hub) fn holes(&self, offsets: &Range<u64>) -> Vec<Hole> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let ranges = self.ranges.lock();
        let found = ranges.iter().filter(|one| overlap(&one.offsets, offsets));
        let mut holes: Vec<Hole> = found
            .map(|one| Hole {
                range: one.offsets.start.max(offsets.start)..one.offsets.end.min(offsets.end),
                reason: match one.error.failure {
                    CommitFailure::Poisoned => HoleReason::Indeterminate,
                    _ => HoleReason::Aborted,
                },
            })
            .collect();
        holes.sort_unstable_by_key(|hole| hole.range.start);
        holes
    }
}

/// Returns what a commit that failed means for its events.
pub(in crate::hub) fn outcome_of(error: &CommitError) -> Outcome {
    match error.failure {
        CommitFailure::Poisoned => Outcome::Indeterminate,
        _ => Outcome::Aborted,
    }
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_any_of_its_offsets_and_by_no_other() {
        let voids = Voids::default();
        assert_eq!(voids.find(&(0..u64::MAX)), None);
        let error = |failure| CommitError {
            failure,
            reason: String::new(),
        };
        voids.add(5..8, &error(CommitFailure::Aborted));
        voids.add(9..10, &error(CommitFailure::Poisoned));
        let found = |range: Range<u64>| voids.find(&range).map(|error| outcome_of(&error));
        assert_eq!(found(1..5), None);
        assert_eq!(found(1..6), Some(Outcome::Aborted));
        assert_eq!(found(7..8), Some(Outcome::Aborted));
        assert_eq!(found(8..9), None);
        assert_eq!(found(9..20), Some(Outcome::Indeterminate));
        let holes = voids.holes(&(6..10));
        assert_eq!(holes[0].range, 6..8);
        assert_eq!(
            (holes[1].range.clone(), holes[1].reason),
            (9..10, HoleReason::Indeterminate)
        );
    }
}
