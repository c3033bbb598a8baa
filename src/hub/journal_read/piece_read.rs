//! A piece that another thread reads for one reader, who sleeps meanwhile.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use super::Piece;
use super::job::ReadJob;
use super::journal_reads::JournalReads;
use super::pool::{Step, Task};
use crate::journal::JournalError;
use crate::ring::{self, Notify};

/// A piece on its way. Dropped, it is not read, unless that has begun.
pub(in crate::hub) struct PieceRead {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// There once it is read, until it is taken.
    read: Option<Result<Piece, JournalError>>,
    /// Called when it is read.
    notify: Option<Arc<dyn Notify>>,
}

impl PieceRead {
    /// Makes the piece, and the task that reads it into that buffer.
    pub(super) fn new(reads: Arc<JournalReads>, job: ReadJob, buffer: Piece) -> (Self, Task) {
        let state = Arc::new(Mutex::new(State::default()));
        let waiting = Arc::downgrade(&state);
        let mut piece = buffer;
        let task = move || {
            // Nobody waits for it any more.
            if waiting.strong_count() == 0 {
                return Step::Done;
            }
            // A journal is foreign code: whoever waits is told all the same.
            let read = catch_unwind(AssertUnwindSafe(|| reads.read_into(&mut piece, &job)));
            let read = read.unwrap_or_else(|panic| {
                // Its payload may panic again when it is dropped.
                mem::forget(panic);
                let reason = "the journal's reader panicked".to_owned();
                Err(JournalError::Io { reason })
            });
            if let Some(state) = waiting.upgrade() {
                let mut state = state.lock();
                state.read = Some(read.map(|()| mem::take(&mut piece)));
                let notify = state.notify.take();
                drop(state);
                // Outside the lock: it is foreign code.
                notify.into_iter().for_each(ring::notify_and_drop);
            }
            Step::Done
        };
        (Self { state }, Box::new(task))
    }

    /// Takes the piece once it is read, and is of no use behind that.
    pub(in crate::hub) fn take(&self) -> Option<Result<Piece, JournalError>> {
        self.state.lock().read.take()
    }

    /// Asks for one notification when it is read; a request before this one is forgotten. `false`: it is.
    pub(in crate::hub) fn arm(&self, notify: Arc<dyn Notify>) -> bool {
        let mut state = self.state.lock();
        if state.read.is_some() {
            return false;
        }
        let earlier = state.notify.replace(notify);
        drop(state);
        drop(earlier);
        true
    }
}

impl fmt::Debug for PieceRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PieceRead").finish_non_exhaustive()
    }
}
