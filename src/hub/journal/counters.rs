//! The figures of a hub's commits.

use std::time::Duration;

use super::histogram::{Histogram, Recorder};

/// The durations of commits, and the amounts that they wrote.
#[derive(Debug)]
pub(in crate::hub) struct CommitCounters {
    /// Microseconds, from 16 on.
    micros: Recorder,
    events: Recorder,
    /// Bytes, from 256 on.
    bytes: Recorder,
}

impl CommitCounters {
    pub(in crate::hub) fn new() -> Self {
        Self {
            micros: Recorder::new(16),
            events: Recorder::new(1),
            bytes: Recorder::new(256),
        }
    }

    pub(in crate::hub) fn count(&self, took: Duration, events: usize, bytes: usize) {
        self.micros.count(took.as_micros() as u64);
        self.events.count(events as u64);
        self.bytes.count(bytes as u64);
    }

    pub(in crate::hub) fn seconds(&self) -> Histogram {
        self.micros.read(1e-6)
    }

    pub(in crate::hub) fn events(&self) -> Histogram {
        self.events.read(1.0)
    }

    pub(in crate::hub) fn bytes(&self) -> Histogram {
        self.bytes.read(1.0)
    }
}
