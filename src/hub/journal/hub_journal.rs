//! The journal of a hub, shared by its handles and the thread that drives it.

use std::sync::Arc;
use std::time::Duration;

use super::figures::CommitFigures;
use super::handle::{TransactDone, TransactError};
use crate::hub::HubError;
use crate::hub::shared::Shared;
use crate::hub::topics::{TopicConfig, TopicsError};
use crate::journal::{Durability, Journal, JournalState, JournalView, StateFn};

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
    /// How long a commit may take before the journal counts as stalled.
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
}

/// The journal of a hub.
pub(in crate::hub) struct HubJournal {
    view: Arc<dyn JournalView>,
    settings: JournalSettings,
    figures: CommitFigures,
}

impl HubJournal {
    pub(in crate::hub) fn new(journal: Box<dyn Journal>, settings: JournalSettings) -> Self {
        Self {
            view: journal.view(),
            settings,
            figures: CommitFigures::new(),
        }
    }

    pub(in crate::hub) fn view(&self) -> &Arc<dyn JournalView> {
        &self.view
    }

    pub(in crate::hub) fn state(&self) -> JournalState {
        self.view.state()
    }

    pub(in crate::hub) fn stalled(&self) -> Option<Duration> {
        None
    }

    pub(in crate::hub) fn durability(&self) -> Durability {
        self.settings.durability.unwrap_or(Durability::Durable)
    }

    pub(in crate::hub) fn figures(&self) -> &CommitFigures {
        &self.figures
    }

    pub(in crate::hub) fn transact(
        &self,
        _shared: &Shared,
        _state: StateFn<'static>,
    ) -> Result<(), TransactError> {
        Err(TransactError::Closed)
    }

    pub(in crate::hub) fn submit_transact(
        &self,
        _shared: &Shared,
        _state: StateFn<'static>,
        _done: TransactDone,
    ) -> Result<(), TransactError> {
        Err(TransactError::Closed)
    }

    pub(in crate::hub) fn submit_topic(
        &self,
        _shared: &Shared,
        _name: &str,
        _config: Option<TopicConfig>,
        _done: TransactDone,
    ) -> Result<(), TopicsError> {
        Err(TopicsError::Refused)
    }
}
