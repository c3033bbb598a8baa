//! The log of reading a journal: loud once for each change, and a number for the rest.

use crate::hub::ReadStats;

/// Says in the log what has become of reading a journal, once for each change, however many readers meet it.
#[derive(Debug, Default)]
pub(super) struct ReadWatch {
    /// The log has said that reading fails, and not that it goes again.
    is_failing: bool,
    /// Reads that had failed when that was said.
    failed_first: u64,
    /// The stats of the last look.
    last: ReadStats,
}

impl ReadWatch {
    /// Looks at how it went so far, and says what has changed since the last look.
    pub(super) fn look(&mut self, stats: ReadStats) {
        let has_failed = stats.failed > self.last.failed;
        if has_failed && !self.is_failing {
            (self.is_failing, self.failed_first) = (true, self.last.failed);
            let reason = &stats.reason;
            tracing::error!("the journal cannot be read, whoever reads it waits: {reason}");
        } else if self.is_failing && !has_failed && !stats.is_failing {
            self.is_failing = false;
            let failed = stats.failed - self.failed_first;
            tracing::warn!(failed, "the journal can be read again");
        }
        // It stays damaged, and each who reads it meets it.
        if stats.damaged > 0 && self.last.damaged == 0 {
            let reason = &stats.reason;
            tracing::error!("the journal is damaged, readers are told of gaps: {reason}");
        }
        self.last = stats;
    }
}
