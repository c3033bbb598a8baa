//! The log of what a journal lets go of: loud the first time, and numbers for the rest.

use crate::journal::JournalStats;

/// Says in the log what retention does, once for each change.
#[derive(Debug, Default)]
pub(super) struct RetentionWatch {
    floor: u64,
    is_age_suspended: bool,
    holds_cut: u64,
    /// The log has said that events go; later it is a number.
    has_removed: bool,
    /// The figures of the first look are those of earlier runs, and go without saying.
    has_looked: bool,
}

impl RetentionWatch {
    /// Looks at the figures, and says what has changed since the last look.
    pub(super) fn look(&mut self, stats: &JournalStats) {
        let floor = stats.floor;
        // The first look may come after the first pass.
        let has_risen = match self.has_looked {
            true => floor > self.floor,
            false => floor > 0 && stats.removed_events > 0,
        };
        if has_risen && !self.has_removed {
            self.has_removed = true;
            tracing::warn!(
                floor,
                "the oldest events go by the journal's bounds from now on, and who resumes before them is told"
            );
        }
        if stats.is_age_suspended && !self.is_age_suspended {
            tracing::error!(
                "the clock has jumped: no event goes by its age until it was steady for an hour"
            );
        } else if self.is_age_suspended && !stats.is_age_suspended {
            tracing::warn!("the clock is steady: events go by their age again");
        }
        if stats.holds_cut > self.holds_cut {
            let cut = stats.holds_cut - self.holds_cut;
            tracing::error!(
                cut,
                "holds were cut, since they held for too long or too much: what they were for may be gone"
            );
        }
        *self = Self {
            floor,
            is_age_suspended: stats.is_age_suspended,
            holds_cut: stats.holds_cut,
            has_removed: self.has_removed,
            has_looked: true,
        };
    }
}
