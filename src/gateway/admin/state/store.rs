//! Writes changes of endpoints and made connections into the hub's journal.

use std::sync::{Arc, Weak};

use crate::gateway::admin::state::pending::PendingCommit;
use crate::gateway::admin::state::rows::{Row, Table};
use crate::hub::{Hub, TransactDone, TransactError};
use crate::journal::{StateError, StateTx};
use crate::ring::Notify;

/// The part of a hub's journal that keeps what is made while the server runs.
pub(in crate::gateway) struct StateStore {
    /// Weak: a handle of a server that is gone must not keep the hub open, nor the directory of its journal taken.
    hub: Weak<Hub>,
}

/// A change of what is kept.
pub(in crate::gateway) enum Change {
    /// A row is there from here on, by its key.
    Put(Table, String, Row),
    /// Rows are not there any more.
    Delete(Table, Vec<String>),
}

impl Change {
    /// A row is not there any more.
    pub(in crate::gateway) fn delete(table: Table, key: &str) -> Self {
        Self::Delete(table, vec![key.to_owned()])
    }

    fn apply(&self, tx: &mut dyn StateTx) -> Result<(), StateError> {
        match self {
            Self::Put(table, key, row) => tx.put(table.name(), key.as_bytes(), &row.write()),
            Self::Delete(table, keys) => {
                for key in keys {
                    tx.delete(table.name(), key.as_bytes())?;
                }
                Ok(())
            }
        }
    }
}

impl StateStore {
    /// `None`: the hub has no journal, and nothing is kept.
    pub(in crate::gateway) fn of(hub: &Arc<Hub>) -> Option<Self> {
        hub.journal()?;
        Some(Self {
            hub: Arc::downgrade(hub),
        })
    }

    /// Has a change committed; `undo` is called if it is not kept, `reactor` is woken when that is known.
    ///
    /// # Errors
    ///
    /// It will not be kept; `undo` is not called.
    pub(in crate::gateway) fn submit(
        &self,
        change: Change,
        reactor: Arc<dyn Notify>,
        undo: impl FnOnce() + Send + 'static,
    ) -> Result<PendingCommit, TransactError> {
        self.queue(change, PendingCommit::new(Some(reactor), undo))
    }

    /// The same, for a thread that [waits](PendingCommit::wait).
    ///
    /// # Errors
    ///
    /// It will not be kept; `undo` is not called. [`TransactError::WouldBlock`]: this thread commits itself.
    pub(in crate::gateway) fn submit_to_wait(
        &self,
        change: Change,
        undo: impl FnOnce() + Send + 'static,
    ) -> Result<PendingCommit, TransactError> {
        let hub = self.hub.upgrade().ok_or(TransactError::Closed)?;
        if hub.journal().is_some_and(|journal| journal.is_committing()) {
            return Err(TransactError::WouldBlock);
        }
        self.queue(change, PendingCommit::new(None, undo))
    }

    fn queue(
        &self,
        change: Change,
        (pending, done): (PendingCommit, TransactDone),
    ) -> Result<PendingCommit, TransactError> {
        let hub = self.hub.upgrade().ok_or(TransactError::Closed)?;
        let journal = hub.journal().ok_or(TransactError::Closed)?;
        let state = Box::new(move |tx: &mut dyn StateTx| change.apply(tx));
        journal.submit_transact(state, done)?;
        Ok(pending)
    }

    /// Has rows deleted that nobody looks for any more. Where that fails they are met again after a restart, and go then.
    pub(in crate::gateway) fn forget(&self, table: Table, keys: Vec<String>) {
        let Some(hub) = self.hub.upgrade() else {
            return;
        };
        if let Some(journal) = hub.journal() {
            let change = Change::Delete(table, keys);
            let state = Box::new(move |tx: &mut dyn StateTx| change.apply(tx));
            let _ = journal.submit_transact(state, Box::new(|_| {}));
        }
    }
}
