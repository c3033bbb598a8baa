//! Offsets that were given out and hold nothing.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::hub::Outcome;
use crate::journal::{CommitError, CommitFailure, Hole, HoleReason};

/// Ranges that are kept: then the oldest goes, and of what came before its end nothing is known for certain.
const RANGES_MAX: usize = 4_096;

/// The ranges whose commit failed.
#[derive(Default)]
pub(in crate::hub) struct Voids {
    /// There are any: the one word that is looked at while nothing ever failed.
    any: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Ascending.
    ranges: VecDeque<VoidRange>,
    /// Ranges that ended at it or before may be forgotten.
    forgotten_below: u64,
}

struct VoidRange {
    offsets: Range<u64>,
    error: CommitError,
}

impl Voids {
    /// Adds a range. To be called before readers can pass it.
    pub(super) fn add(&self, offsets: Range<u64>, error: &CommitError) {
        self.kept.lock().add(offsets, error);
        // Release: pairs with the Acquire in `find`. Who sees the barrier behind the range sees this as well.
        self.any.store(true, Ordering::Release);
    }

    /// Returns why the first of some offsets that is void is.
    pub(in crate::hub) fn find(&self, offsets: &Range<u64>) -> Option<CommitError> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let kept = self.kept.lock();
        let mut ranges = kept.ranges.iter();
        let found = ranges.find(|one| overlap(&one.offsets, offsets));
        let is_unknown = offsets.start < kept.forgotten_below;
        found
            .map(|one| one.error.clone())
            .or_else(|| is_unknown.then(forgotten))
    }

    /// Returns the ranges within some offsets, ascending.
    pub(in crate::hub) fn holes(&self, offsets: &Range<u64>) -> Vec<Hole> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let kept = self.kept.lock();
        let found = kept
            .ranges
            .iter()
            .filter(|one| overlap(&one.offsets, offsets));
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

impl Kept {
    fn add(&mut self, offsets: Range<u64>, error: &CommitError) {
        if let Some(last) = self.ranges.back_mut()
            && last.offsets.end == offsets.start
            && last.error == *error
        {
            last.offsets.end = offsets.end;
            return;
        }
        if self.ranges.len() == RANGES_MAX
            && let Some(oldest) = self.ranges.pop_front()
        {
            self.forgotten_below = self.forgotten_below.max(oldest.offsets.end);
        }
        let error = error.clone();
        self.ranges.push_back(VoidRange { offsets, error });
    }
}

/// Stands for a failure that may have been: nobody is told that there was none.
fn forgotten() -> CommitError {
    CommitError::new(
        CommitFailure::Poisoned,
        "too many commits have failed since",
    )
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
    fn what_is_forgotten_is_never_told_to_be_there() {
        let voids = Voids::default();
        let aborted = CommitError::new(CommitFailure::Aborted, "");
        let last = 2 * (RANGES_MAX as u64 + 1);
        (2..=last)
            .step_by(2)
            .for_each(|offset| voids.add(offset..offset + 1, &aborted));
        let found = |offset: u64| voids.find(&(offset..offset + 1));
        let found = |offset| found(offset).map(|error| outcome_of(&error));
        assert_eq!(found(2), Some(Outcome::Indeterminate), "forgotten");
        assert_eq!(found(1), Some(Outcome::Indeterminate), "not told apart");
        assert_eq!((found(3), found(4)), (None, Some(Outcome::Aborted)));
        assert_eq!(found(last), Some(Outcome::Aborted));
        // Neighbours take one place.
        let voids = Voids::default();
        (1..=10 * RANGES_MAX as u64).for_each(|offset| voids.add(offset..offset + 1, &aborted));
        assert_eq!(voids.find(&(1..2)), Some(aborted));
        assert_eq!(voids.holes(&(0..u64::MAX)).len(), 1);
    }

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
