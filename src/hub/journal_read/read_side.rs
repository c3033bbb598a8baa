//! The read side of a hub: its journal, where it has one, and the threads that read for those who must not block.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::Piece;
use super::job::{OnPart, ReadJob, RunningJob};
use super::journal_reads::JournalReads;
use super::piece_read::PieceRead;
use super::pool::{ReadPool, ReadPoolFull, Step, Task};
use crate::hub::journal::Voids;
use crate::journal::{JournalError, JournalView};

/// Called once with the answer, on one of the pool's threads; as [`OnPart`] otherwise.
pub(crate) type OnOffset = Box<dyn FnOnce(Result<u64, JournalError>) + Send>;

/// Reads the past of a hub on any thread, or on threads of its own.
///
/// The threads, two of them, or one on a machine of up to two cores, are started when somebody first asks for them, and
/// end with the hub. They take turns at all jobs, one piece of some 64 KiB each, so that a deep look-back delays another
/// one by a piece. On Linux they have the niceness 10 (where the feature `sqlite` is on).
pub(crate) struct ReadSide {
    journal: Option<Arc<JournalReads>>,
    pool: OnceLock<ReadPool>,
}

impl ReadSide {
    pub(in crate::hub) fn new(journal: Option<(Arc<dyn JournalView>, Arc<Voids>)>) -> Self {
        Self {
            journal: journal.map(|(view, voids)| Arc::new(JournalReads::new(view, voids))),
            pool: OnceLock::new(),
        }
    }

    /// Returns what reads the journal on this thread; `None`: the hub has none.
    pub(crate) fn journal(&self) -> Option<&Arc<JournalReads>> {
        self.journal.as_ref()
    }

    /// Has a part of the journal read on another thread. Without a journal there is nothing to read, and no answer.
    ///
    /// # Errors
    ///
    /// [`ReadPoolFull`]: ask again later.
    pub(crate) fn submit(&self, job: ReadJob, on_done: OnPart) -> Result<(), ReadPoolFull> {
        let Some(reads) = self.journal.clone() else {
            return Ok(());
        };
        let mut job = RunningJob::new(job, reads, on_done);
        self.run(Box::new(move || job.step()))
    }

    /// Has the offset of the first event that was taken at a time or later (milliseconds since 1970) looked up in the
    /// journal, on another thread.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    pub(crate) fn submit_since(
        &self,
        recorded: i64,
        on_done: OnOffset,
    ) -> Result<(), ReadPoolFull> {
        let Some(reads) = self.journal.clone() else {
            return Ok(());
        };
        let mut on_done = Some(on_done);
        self.run(Box::new(move || {
            if let Some(on_done) = on_done.take() {
                let found = catch_unwind(AssertUnwindSafe(|| reads.since(recorded)));
                on_done(found.unwrap_or_else(|panic| {
                    // Its payload may panic again when it is dropped.
                    mem::forget(panic);
                    let reason = "the journal's reader panicked".to_owned();
                    Err(JournalError::Io { reason })
                }));
            }
            Step::Done
        }))
    }

    /// Has a piece read on another thread, into that buffer, for one reader and not before a time, however many wait.
    ///
    /// # Errors
    ///
    /// [`ReadPoolFull`]: the system gives no thread.
    pub(in crate::hub) fn submit_piece(
        &self,
        reads: Arc<JournalReads>,
        job: ReadJob,
        buffer: Piece,
        not_before: Option<Instant>,
    ) -> Result<PieceRead, ReadPoolFull> {
        let (read, task) = PieceRead::new(reads, job, buffer);
        let pool = self.pool.get_or_init(ReadPool::start);
        pool.submit_piece(task, not_before)?;
        Ok(read)
    }

    /// Has a task run on another thread.
    pub(in crate::hub) fn run(&self, task: Task) -> Result<(), ReadPoolFull> {
        self.pool.get_or_init(ReadPool::start).submit(task)
    }

    /// Has a task run on another thread, not before a time, however many wait: for those who have one each.
    ///
    /// # Errors
    ///
    /// [`ReadPoolFull`]: the system gives no thread.
    pub(in crate::hub) fn run_at(&self, task: Task, at: Instant) -> Result<(), ReadPoolFull> {
        let pool = self.pool.get_or_init(ReadPool::start);
        pool.submit_piece(task, Some(at))
    }
}

impl fmt::Debug for ReadSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadSide")
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}
