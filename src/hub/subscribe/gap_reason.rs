//! Why a reader misses events.

use std::fmt;

use crate::journal::HoleReason;

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapReason {
    /// The reader was too slow, or began too far back: they were overwritten, and are kept nowhere else.
    Overrun,
    /// The events are older than what the journal keeps.
    Retention,
    /// The process ended before they were written: offsets that were shown, or may have been.
    Crash,
    /// Their commit failed, and they are not there. Their publishers were told.
    Aborted,
    /// Their commit failed, and they may be there after a restart.
    Indeterminate,
    /// The journal has them, and cannot read them.
    Damaged,
    /// Their topics ask for no durability: they were in memory only. The number is a bound, often far above the truth:
    /// it counts whatever lies between the ends. Told before the first event that is read from a journal, once more
    /// each time that publishers have outrun the receiver since, and only where the subscription takes a topic that asks
    /// for none.
    Memory,
}

impl GapReason {
    /// Returns the name on the wire, as `overrun`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overrun => "overrun",
            Self::Retention => "retention",
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

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
