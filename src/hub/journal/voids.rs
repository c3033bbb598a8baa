//! Offsets that were given out and hold nothing.

use std::ops::Range;

use super::void_ranges::{Void, VoidRanges};
use crate::hub::Outcome;
use crate::journal::{CommitError, CommitFailure, Hole, HoleReason};

/// The ranges whose commit failed.
#[derive(Default)]
pub(in crate::hub) struct Voids(VoidRanges<CommitError>);

impl Voids {
    /// Adds a range. To be called before readers can pass it.
    pub(super) fn add(&self, offsets: Range<u64>, error: &CommitError) {
        self.0.add(offsets, error);
    }

    /// Returns what has come of some offsets, if that is known; see [`VoidRanges::outcome`].
    pub(in crate::hub) fn outcome(
        &self,
        offsets: &Range<u64>,
        visible: impl FnOnce() -> u64,
    ) -> Option<Outcome> {
        let outcome = self.0.outcome(offsets, visible)?;
        Some(outcome.map_or_else(|void| outcome_of(&reason(void)), |()| Outcome::Visible))
    }

    /// Returns why the first of some offsets that is void is.
    pub(in crate::hub) fn find(&self, offsets: &Range<u64>) -> Option<CommitError> {
        self.0.find(offsets).map(reason)
    }

    /// Returns the ranges within some offsets, ascending.
    pub(in crate::hub) fn holes(&self, offsets: &Range<u64>) -> Vec<Hole> {
        let within = self.0.within(offsets).into_iter();
        within
            .map(|(range, error)| Hole {
                range,
                reason: match error.failure {
                    CommitFailure::Poisoned => HoleReason::Indeterminate,
                    _ => HoleReason::Aborted,
                },
            })
            .collect()
    }
}

/// Stands for a failure that may have been as well: nobody is told that there was none.
fn reason(void: Void<CommitError>) -> CommitError {
    match void {
        Void::Failed(error) => error,
        Void::Forgotten => CommitError::new(
            CommitFailure::Poisoned,
            "too many commits have failed since",
        ),
    }
}

/// Returns what a commit that failed means for its events.
fn outcome_of(error: &CommitError) -> Outcome {
    match error.failure {
        CommitFailure::Poisoned => Outcome::Indeterminate,
        CommitFailure::NoSpace => Outcome::NoSpace,
        _ => Outcome::Aborted,
    }
}

#[cfg(test)]
mod tests {
    use super::super::void_ranges::RANGES_MAX;
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
