//! Changes of state on their way to the journal, for requests that are answered once they are there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::deadline::after;
use crate::gateway::http::problem::Problem;
use crate::hub::{TransactDone, TransactError};
use crate::ring::Notify;

/// Longest wait for a commit. It is less than a connection may wait for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The result of a change of state, to come.
pub(in crate::gateway) struct PendingCommit {
    result: Arc<Mutex<Option<Result<(), TransactError>>>>,
    until: Instant,
}

impl PendingCommit {
    /// Makes one, with what takes its result: that calls `undo` where the change is not kept, and wakes `reactor`.
    pub(in crate::gateway) fn new(
        reactor: Arc<dyn Notify>,
        undo: impl FnOnce() + Send + 'static,
    ) -> (Self, TransactDone) {
        let result = Arc::new(Mutex::new(None));
        let place = result.clone();
        let done = move |came: Result<(), TransactError>| {
            // First: who is told that it is not kept finds everything as it was.
            if came.is_err() {
                undo();
            }
            *lock(&place) = Some(came);
            reactor.notify();
        };
        let pending = Self {
            result,
            until: after(Instant::now(), PATIENCE),
        };
        (pending, Box::new(done))
    }

    /// Returns what has come of it; `None`: nothing yet. One that takes too long has failed, as far as anybody can say.
    pub(in crate::gateway) fn result(&self) -> Option<Result<(), TransactError>> {
        let came = lock(&self.result).clone();
        came.or_else(|| (Instant::now() >= self.until).then_some(Err(TransactError::TimedOut)))
    }
}

/// The problem of a change that is not kept.
pub(in crate::gateway) fn of_transact(error: &TransactError) -> Problem {
    let detail = format!("it cannot be kept: {error}");
    match error {
        TransactError::NoSpace => Problem::new(507, detail),
        _ => Problem::new(503, detail).retry_after_s(1),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
