//! Notices to streams about events that they do not get: their reasons, and how often each was given.

use crate::hub;
use crate::journal::HoleReason;

/// Why events are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum GapReason {
    /// The hub keeps them no longer.
    Retention,
    /// The ring dropped them before the reactor had read them.
    Overrun,
    /// A frame is larger than its log takes.
    Oversize,
    /// An event cannot be written as a frame.
    Malformed,
    /// The stream was too slow, and asked to be told then.
    Slow,
    /// The stream was too slow, and asked for the newest event of each topic then.
    Coalesced,
    /// The process ended before the journal had them.
    Crash,
    /// Their commit failed, and they are not there. Their publishers were told.
    Aborted,
    /// Their commit failed, and they may be there after a restart.
    Indeterminate,
    /// The journal has them, and cannot read them.
    Damaged,
    /// Their topics are in memory only. The number is a bound: it counts whatever the stream is behind.
    Memory,
}

impl GapReason {
    pub(in crate::gateway) const ALL: [Self; 11] = [
        Self::Retention,
        Self::Overrun,
        Self::Oversize,
        Self::Malformed,
        Self::Slow,
        Self::Coalesced,
        Self::Crash,
        Self::Aborted,
        Self::Indeterminate,
        Self::Damaged,
        Self::Memory,
    ];

    /// The name on the wire and in metrics.
    pub(in crate::gateway) fn name(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Overrun => "overrun",
            Self::Oversize => "oversize",
            Self::Malformed => "malformed",
            Self::Slow => "slow",
            Self::Coalesced => "coalesced",
            Self::Crash => "crash",
            Self::Aborted => "aborted",
            Self::Indeterminate => "indeterminate",
            Self::Damaged => "damaged",
            Self::Memory => "memory",
        }
    }
}

impl From<HoleReason> for GapReason {
    fn from(reason: HoleReason) -> Self {
        match reason {
            HoleReason::Retention => Self::Retention,
            HoleReason::Crash => Self::Crash,
            HoleReason::Aborted => Self::Aborted,
            HoleReason::Indeterminate => Self::Indeterminate,
            HoleReason::Damaged => Self::Damaged,
            HoleReason::Memory => Self::Memory,
        }
    }
}

/// Why an id that a client came with means nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum ResetReason {
    /// The id is none of ours.
    Junk,
    /// The id is of an earlier log.
    Epoch,
    /// The id is beyond the newest event.
    Future,
    /// The endpoint or the connection that it is of is not there.
    Gone,
}

impl ResetReason {
    pub(in crate::gateway) const ALL: [Self; 4] =
        [Self::Junk, Self::Epoch, Self::Future, Self::Gone];

    /// The name on the wire and in metrics.
    pub(in crate::gateway) fn name(self) -> &'static str {
        match self {
            Self::Junk => "junk",
            Self::Epoch => "epoch",
            Self::Future => "future",
            Self::Gone => "gone",
        }
    }
}

impl From<hub::ResetReason> for ResetReason {
    fn from(reason: hub::ResetReason) -> Self {
        match reason {
            hub::ResetReason::Junk => Self::Junk,
            hub::ResetReason::Epoch => Self::Epoch,
            hub::ResetReason::Future => Self::Future,
        }
    }
}

/// The numbers of gaps and resets that streams were told of, by reason.
#[derive(Clone, Debug, Default)]
pub(in crate::gateway) struct NoticeCounts {
    pub(in crate::gateway) gaps: [u64; GapReason::ALL.len()],
    pub(in crate::gateway) resets: [u64; ResetReason::ALL.len()],
}

impl NoticeCounts {
    /// Adds what another reactor has told.
    pub(in crate::gateway) fn add(&mut self, other: &Self) {
        // Taken apart whole: a count that is added to the struct and not here does not compile.
        let Self { gaps, resets } = other;
        for (sum, n) in self.gaps.iter_mut().zip(gaps) {
            *sum += n;
        }
        for (sum, n) in self.resets.iter_mut().zip(resets) {
            *sum += n;
        }
    }
}
