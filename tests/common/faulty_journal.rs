//! A journal whose commits wait and fail as a test says.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eventring::journal::{
    CommitError, CommitFailure, CommitRound, Journal, JournalError, JournalView, MemoryJournal,
    Recovered,
};

/// The longest that a commit is held: a test that has failed must not hang.
const HELD: Duration = Duration::from_secs(60);

/// What becomes of the commits of a [`FaultyJournal`]. When it is dropped nothing is held any more.
pub(crate) struct Faults(Arc<Switch>);

#[derive(Default)]
struct Switch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: bool,
    failure: Option<CommitFailure>,
    /// Commits that are held now.
    waiting: usize,
}

/// A [`MemoryJournal`] with faults.
pub(crate) struct FaultyJournal {
    journal: MemoryJournal,
    switch: Arc<Switch>,
}

impl FaultyJournal {
    /// One that works, until its faults say otherwise.
    pub(crate) fn new(journal: MemoryJournal) -> (Self, Faults) {
        let switch = Arc::<Switch>::default();
        let faults = Faults(switch.clone());
        (Self { journal, switch }, faults)
    }
}

impl Switch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

impl Faults {
    /// Holds commits from here on, or lets them go.
    pub(crate) fn hold(&self, held: bool) {
        self.0.set(|state| state.held = held);
    }

    /// Has commits fail from here on, or succeed.
    pub(crate) fn fail(&self, failure: Option<CommitFailure>) {
        self.0.set(|state| state.failure = failure);
    }

    /// Returns whether a commit is held.
    pub(crate) fn holds_one(&self) -> bool {
        self.0.lock().waiting > 0
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.hold(false);
    }
}

impl Journal for FaultyJournal {
    fn recovered(&self) -> &Recovered {
        self.journal.recovered()
    }

    fn view(&self) -> Arc<dyn JournalView> {
        self.journal.view()
    }

    fn reserve(&mut self, below: u64) -> Result<(), CommitError> {
        self.journal.reserve(below)
    }

    fn commit(&mut self, round: &mut CommitRound<'_>) -> Result<(), CommitError> {
        let deadline = Instant::now() + HELD;
        let mut state = self.switch.lock();
        state.waiting += 1;
        while state.held {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "a commit was held for too long");
            let changed = self.switch.changed.wait_timeout(state, left);
            state = changed.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting -= 1;
        let failure = state.failure;
        drop(state);
        match failure {
            Some(failure) => Err(CommitError::new(failure, "a fault of the test")),
            None => self.journal.commit(round),
        }
    }

    fn maintain(&mut self, now: Instant) -> Option<Duration> {
        self.journal.maintain(now)
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.journal.close()
    }
}
