//! Changes of state on their way to the journal, for requests that are answered once they are there.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::deadline::after;
use crate::gateway::http::problem::Problem;
use crate::hub::{TransactDone, TransactError};
use crate::ring::Notify;

/// Longest wait for a commit. It is less than a connection may wait for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The result of a change of state, to come.
pub(in crate::gateway) struct PendingCommit {
    place: Arc<Place>,
    until: Instant,
}

/// The place where the result of a change is put.
#[derive(Default)]
struct Place {
    result: Mutex<Option<Result<(), TransactError>>>,
    came: Condvar,
}

impl Place {
    fn lock(&self) -> MutexGuard<'_, Option<Result<(), TransactError>>> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingCommit {
    /// Makes one, with what takes its result: that calls `undo` where the change is not kept, and wakes who waits:
    /// `reactor`, if it is one.
    pub(in crate::gateway) fn new(
        reactor: Option<Arc<dyn Notify>>,
        undo: impl FnOnce() + Send + 'static,
    ) -> (Self, TransactDone) {
        let place = Arc::<Place>::default();
        let put = place.clone();
        let done = move |came: Result<(), TransactError>| {
            // First: who is told that it is not kept finds everything as it was.
            if came.is_err() {
                undo();
            }
            *put.lock() = Some(came);
            put.came.notify_all();
            if let Some(reactor) = reactor {
                reactor.notify();
            }
        };
        let pending = Self {
            place,
            until: after(Instant::now(), PATIENCE),
        };
        (pending, Box::new(done))
    }

    /// Returns what has come of it; `None`: nothing yet. One that takes too long has failed, as far as anybody can say.
    pub(in crate::gateway) fn result(&self) -> Option<Result<(), TransactError>> {
        let came = self.place.lock().clone();
        came.or_else(|| (Instant::now() >= self.until).then_some(Err(TransactError::TimedOut)))
    }

    /// The same, once it is known. Not for a reactor.
    pub(in crate::gateway) fn wait(&self) -> Result<(), TransactError> {
        let mut result = self.place.lock();
        loop {
            if let Some(came) = &*result {
                return came.clone();
            }
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(TransactError::TimedOut);
            }
            let woken = self.place.came.wait_timeout(result, left);
            result = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
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
