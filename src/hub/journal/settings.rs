//! The settings of a hub that have to do with its journal.

use std::time::Duration;

use crate::hub::HubError;
use crate::journal::Durability;

/// Least `in_flight`: a batch of one is half of it.
const IN_FLIGHT_LEAST: usize = 2;
/// Least `in_flight_bytes`.
const IN_FLIGHT_BYTES_LEAST: usize = 64 << 10;

/// The settings of a hub that have to do with its journal.
#[derive(Clone, Copy, Debug)]
pub(in crate::hub) struct JournalSettings {
    /// The hub's default; `None`: durable where there is a journal.
    pub(in crate::hub) durability: Option<Durability>,
    /// Events that are published and not committed, at most.
    pub(in crate::hub) in_flight: usize,
    /// Bytes of their records, at most.
    pub(in crate::hub) in_flight_bytes: usize,
    /// The longest wait for room.
    pub(in crate::hub) publish_timeout: Duration,
    /// The time that a commit may take before the journal counts as stalled.
    pub(in crate::hub) commit_timeout: Duration,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            durability: None,
            in_flight: 8_192,
            in_flight_bytes: 16 << 20,
            publish_timeout: Duration::from_secs(5),
            commit_timeout: Duration::from_secs(10),
        }
    }
}

impl JournalSettings {
    /// Checks what a program set.
    pub(in crate::hub) fn check(&self) -> Result<(), HubError> {
        if self.in_flight < IN_FLIGHT_LEAST || self.in_flight_bytes < IN_FLIGHT_BYTES_LEAST {
            return Err(HubError::InFlight {
                events_least: IN_FLIGHT_LEAST,
                bytes_least: IN_FLIGHT_BYTES_LEAST,
            });
        }
        Ok(())
    }

    /// Returns how many events may be in flight in a ring of a capacity: so few that what is in flight, what publishers have
    /// shown themselves, and a batch fit into it together.
    pub(in crate::hub) fn in_flight_of(&self, capacity: usize) -> usize {
        self.in_flight.min((capacity / 2).max(1))
    }
}
