//! How reading a journal goes: counted for whoever says it, however many read.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::journal::JournalError;

/// Counts of how reading goes: readers count, and whoever tells of it looks.
#[derive(Debug, Default)]
pub(in crate::hub) struct ReadHealth {
    /// The last read that could fail has failed.
    is_failing: AtomicBool,
    failed: AtomicU64,
    damaged: AtomicU64,
    /// Why the last ones failed, and what was damaged.
    reason: Mutex<String>,
}

/// Those counts at a moment.
#[cfg(feature = "gateway")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadStats {
    /// The last read has failed.
    pub(crate) is_failing: bool,
    /// Reads that failed.
    pub(crate) failed: u64,
    /// Reads that ended at something damaged.
    pub(crate) damaged: u64,
    /// The words of the last error of either kind.
    pub(crate) reason: String,
}

impl ReadHealth {
    // Relaxed throughout: numbers that nobody acts on.

    /// Counts how a read ended.
    pub(super) fn note<T>(&self, read: &Result<T, JournalError>) {
        match read {
            Ok(_) if self.is_failing.load(Ordering::Relaxed) => {
                self.is_failing.store(false, Ordering::Relaxed);
            }
            // That it is closed is no failure.
            Ok(_) | Err(JournalError::Closed) => {}
            Err(error) => {
                *self.reason.lock() = error.to_string();
                if matches!(error, JournalError::Damaged { .. }) {
                    self.damaged.fetch_add(1, Ordering::Relaxed);
                } else {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    self.is_failing.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Returns how it went so far.
    #[cfg(feature = "gateway")]
    pub(super) fn stats(&self) -> ReadStats {
        ReadStats {
            is_failing: self.is_failing.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            damaged: self.damaged.load(Ordering::Relaxed),
            reason: self.reason.lock().clone(),
        }
    }
}
