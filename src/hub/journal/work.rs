//! Changes of state that wait for their commit.

use std::sync::Arc;

use parking_lot::Mutex;

use super::handle::{TransactDone, TransactError};
use crate::hub::wait::{Parker, is_committing};
use crate::journal::{CommitError, CommitFailure, StateFn, StateWork, TopicPolicy};
use crate::ring::Notify;

/// Changes that wait, at most: those of events have their room with them.
pub(in crate::hub) const WORK_MAX: usize = 4_096;

/// A change of state that waits for its commit.
pub(in crate::hub) struct QueuedWork {
    /// The sequence behind the events that it commits with; 0: it has none.
    pub(in crate::hub) after: u64,
    pub(in crate::hub) state: StateFn<'static>,
    /// Asked of the journal once the change is committed.
    pub(in crate::hub) then: Option<Then>,
    pub(in crate::hub) done: TransactDone,
}

impl QueuedWork {
    /// Makes one that no event comes with.
    pub(in crate::hub) fn alone(state: StateFn<'static>, done: TransactDone) -> Self {
        Self {
            after: 0,
            state,
            then: None,
            done,
        }
    }

    /// Asks something of the journal once it is committed.
    pub(in crate::hub) fn then(mut self, then: Option<Then>) -> Self {
        self.then = then;
        self
    }
}

/// A thing that is asked of the journal, beside rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hub) enum Then {
    /// A topic has this policy from here on.
    SetTopic { topic: String, policy: TopicPolicy },
    /// Events of a topic are deleted.
    Truncate(Truncation),
}

/// A deletion of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hub) struct Truncation {
    pub(in crate::hub) topic: String,
    /// The offset of the first one that stays.
    pub(in crate::hub) below: u64,
    /// Those with a stream go, too.
    pub(in crate::hub) streams: bool,
    /// The topic is deleted with them, which a journal that deletes no events does not hinder; and its policy.
    pub(in crate::hub) with_topic: bool,
}

/// A change of state for which a thread waits.
pub(in crate::hub) struct Transaction {
    pub(super) result: Arc<Mutex<Option<Result<(), TransactError>>>>,
    pub(super) parker: Arc<Parker>,
}

impl Transaction {
    /// Begins one: what is returned beside it is to be called with what comes of it. Refused on a thread that would wait for
    /// itself.
    pub(in crate::hub) fn begin() -> Result<(Self, TransactDone), TransactError> {
        if is_committing() {
            return Err(TransactError::WouldBlock);
        }
        let (result, parker) = (Arc::new(Mutex::new(None)), Parker::new());
        let (told, notify) = (result.clone(), parker.clone());
        let done = move |outcome| {
            *told.lock() = Some(outcome);
            notify.notify();
        };
        Ok((Self { result, parker }, Box::new(done)))
    }
}

/// The outcome of a change, to be given when no lock is held.
pub(super) struct FinishedWork {
    done: TransactDone,
    result: Result<(), TransactError>,
}

impl FinishedWork {
    pub(super) fn new(done: TransactDone, result: Result<(), TransactError>) -> Self {
        Self { done, result }
    }

    /// Tells it. Foreign code, whose panic keeps nobody else from being told.
    pub(super) fn tell(self) {
        let Self { done, result } = self;
        let told = std::panic::AssertUnwindSafe(move || done(result));
        // The panic hook has told, and its payload may panic again when it is dropped.
        if let Err(panic) = std::panic::catch_unwind(told) {
            std::mem::forget(panic);
        }
    }
}

/// Returns what a commit that failed means for a change of state.
pub(super) fn failed(error: &CommitError) -> TransactError {
    match error.failure {
        CommitFailure::NoSpace => TransactError::NoSpace,
        CommitFailure::Poisoned => TransactError::Indeterminate(error.reason.clone()),
        _ => TransactError::Aborted(error.reason.clone()),
    }
}

/// Returns what came of a change in a commit that did not fail.
pub(super) fn outcome(work: StateWork<'_>) -> Result<(), TransactError> {
    match work.outcome {
        Some(outcome) => Ok(outcome?),
        None => Err(TransactError::Aborted("the journal did not run it".into())),
    }
}
