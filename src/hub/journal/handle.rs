//! A hub's journal as the program sees it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::histogram::Histogram;
use super::hub_journal::HubJournal;
use crate::hub::shared::Shared;
use crate::hub::topics::{self, TopicConfig, TopicsError};
#[cfg(feature = "gateway")]
use crate::hub::wait::is_committing;
use crate::journal::{
    Durability, Hole, JournalState, JournalStats, JournalView, StateError, StateFn, StateTx,
};

/// The journal of a hub: its figures, its readers, and state that commits in it. See
/// [`Hub::journal`](crate::hub::Hub::journal).
#[derive(Clone, Copy)]
pub struct JournalHandle<'h> {
    shared: &'h Shared,
    journal: &'h HubJournal,
}

/// Called once with what came of a change of state, on the thread that committed it, without a lock: it should be short.
pub type TransactDone = Box<dyn FnOnce(Result<(), TransactError>) + Send>;

/// Says why a change of state was not committed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransactError {
    /// The change refused, failed or panicked.
    #[error(transparent)]
    State(#[from] StateError),
    /// The commit failed, and nothing of it is there.
    #[error("not committed: {0}")]
    Aborted(String),
    /// The commit failed, and it may be there after a restart.
    #[error("not known to be committed: {0}")]
    Indeterminate(String),
    /// The disk is full.
    #[error("no space is left")]
    NoSpace,
    /// The journal takes nothing any more.
    #[error("the journal takes nothing: {0}")]
    Unavailable(String),
    /// As many changes wait as may.
    #[error("too many changes wait")]
    Full,
    /// The journal has not answered in time: it may still be committed.
    #[error("the journal has not answered in time")]
    TimedOut,
    /// The journal's own thread would wait for itself.
    #[error("the journal's thread cannot wait for itself")]
    WouldBlock,
    /// The hub is closed.
    #[error("the hub is closed")]
    Closed,
}

impl<'h> JournalHandle<'h> {
    pub(in crate::hub) fn new(shared: &'h Shared, journal: &'h HubJournal) -> Self {
        Self { shared, journal }
    }

    /// Returns what any thread may ask of the journal: readers, figures, its state.
    pub fn view(&self) -> &'h Arc<dyn JournalView> {
        self.journal.view()
    }

    /// Returns its figures.
    pub fn stats(&self) -> JournalStats {
        self.journal.view().stats()
    }

    /// Returns what it is able to do: what it says of itself, or that the hub cannot go on with it, or could not close it.
    pub fn state(&self) -> JournalState {
        self.journal.state()
    }

    /// Returns how long the commit that is running takes already, if that is longer than
    /// [`commit_timeout`](crate::hub::HubBuilder::commit_timeout): the journal is stalled, and the hub is not ready.
    pub fn stalled(&self) -> Option<Duration> {
        self.journal.stalled()
    }

    /// Returns what was given up within some offsets since the hub began, ascending, 4,096 ranges at most: offsets that readers
    /// pass, and that hold nothing.
    pub fn voids(&self, offsets: &Range<u64>) -> Vec<Hole> {
        self.journal.voids().holes(offsets)
    }

    /// Returns the safety that an event has whose topic and publish ask for none: that of
    /// [`HubBuilder::durability`](crate::hub::HubBuilder::durability).
    pub fn durability(&self) -> Durability {
        self.journal.durability()
    }

    /// Commits a change of state, and waits for it.
    ///
    /// It runs once, on the thread that commits: it should take less than 1 ms. It gets no hub, and publishes nothing.
    ///
    /// # Errors
    ///
    /// [`TransactError`].
    pub fn transact(
        &self,
        state: impl FnOnce(&mut dyn StateTx) -> Result<(), StateError> + Send + 'static,
    ) -> Result<(), TransactError> {
        self.journal.transact(self.shared, Box::new(state))
    }

    /// Has a change of state committed, without waiting: `done` is called with what comes of it.
    ///
    /// # Errors
    ///
    /// [`TransactError`]: it does not run then, and `done` is not called.
    pub fn submit_transact(
        &self,
        state: StateFn<'static>,
        done: TransactDone,
    ) -> Result<(), TransactError> {
        self.journal.submit_transact(self.shared, state, done)
    }

    /// Returns whether this thread commits now, so that it must not wait for a commit.
    #[cfg(feature = "gateway")]
    pub(crate) fn is_committing(&self) -> bool {
        is_committing()
    }

    /// Settles a topic as [`Hub::set_topic`](crate::hub::Hub::set_topic) does, or deletes it where there is no config,
    /// without waiting: the settings are in force when this returns, and `done` is called once they are kept.
    ///
    /// # Errors
    ///
    /// [`TopicsError`]: nothing is changed, but for [`NotKept`](TopicsError::NotKept); `done` is not called.
    pub fn submit_topic(
        &self,
        name: &str,
        config: Option<TopicConfig>,
        done: TransactDone,
    ) -> Result<(), TopicsError> {
        topics::submit(self.shared, name, config.as_ref(), done)?;
        self.journal.tell();
        Ok(())
    }

    /// Returns the bytes of the records that are published and that readers may not see yet.
    /// [`in_flight_bytes`](crate::hub::HubBuilder::in_flight_bytes) bounds them.
    pub fn in_flight_bytes(&self) -> usize {
        self.shared.publisher.lock().in_flight().bytes()
    }

    /// Returns how long commits took, seconds.
    pub fn commit_seconds(&self) -> Histogram {
        self.journal.counters().seconds()
    }

    /// Returns how many events commits wrote.
    pub fn commit_events(&self) -> Histogram {
        self.journal.counters().events()
    }

    /// Returns how many bytes of records commits wrote.
    pub fn commit_bytes(&self) -> Histogram {
        self.journal.counters().bytes()
    }
}

impl fmt::Debug for JournalHandle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalHandle")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
