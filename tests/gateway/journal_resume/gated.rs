//! A journal whose reads wait at a gate, and which says of itself what it is told to.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use eventring::journal::{
    CommitError, CommitFailure, CommitRound, Journal, JournalError, JournalReader, JournalState,
    JournalStats, JournalView, MemoryJournal, Recovered, Scan, ScanEnd, StateTx, StoredEvent,
};
use parking_lot::{Condvar, Mutex};

/// The words of a read that fails.
pub(super) const FAULT: &str = "reading fails for a test";

/// What a test does to a journal.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Reads that may pass.
    may_pass: Mutex<usize>,
    changed: Condvar,
    /// Reads that wait at it.
    waiting: AtomicUsize,
    /// Reads of events, all that there ever were.
    reads: AtomicUsize,
    reads_fail: AtomicBool,
    state: Mutex<JournalState>,
    /// Held by who wants commits to wait.
    pub(super) commits: Mutex<()>,
    /// Looks at state wait as well.
    pub(super) looks_wait: AtomicBool,
    /// Commits fail, and nothing of them is there.
    pub(super) fails: AtomicBool,
}

impl Gate {
    fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut may_pass = self.may_pass.lock();
        while *may_pass == 0 {
            self.changed.wait(&mut may_pass);
        }
        // Open, it stays so.
        if *may_pass < usize::MAX {
            *may_pass -= 1;
        }
        drop(may_pass);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn open(&self) {
        *self.may_pass.lock() = usize::MAX;
        self.changed.notify_all();
    }

    /// Lets one read pass, and no other one.
    pub(super) fn let_one_pass(&self) {
        *self.may_pass.lock() += 1;
        self.changed.notify_one();
    }

    /// Returns how many reads wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Has reads of events fail from here on, or not.
    pub(super) fn fail_reads(&self, fail: bool) {
        self.reads_fail.store(fail, Ordering::Relaxed);
    }

    /// Returns how often events were read.
    pub(super) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    pub(super) fn set_state(&self, state: JournalState) {
        *self.state.lock() = state;
    }
}

/// A journal in memory behind a gate.
pub(super) struct Gated(pub(super) MemoryJournal, pub(super) Arc<Gate>);

struct GatedView(Arc<dyn JournalView>, Arc<Gate>);

struct GatedReader(Box<dyn JournalReader>, Arc<Gate>);

impl Journal for Gated {
    fn recovered(&self) -> &Recovered {
        self.0.recovered()
    }

    fn view(&self) -> Arc<dyn JournalView> {
        Arc::new(GatedView(self.0.view(), self.1.clone()))
    }

    fn reserve(&mut self, below: u64) -> Result<(), CommitError> {
        self.0.reserve(below)
    }

    fn commit(&mut self, round: &mut CommitRound<'_>) -> Result<(), CommitError> {
        drop(self.1.commits.lock());
        if self.1.fails.load(Ordering::Relaxed) {
            return Err(CommitError::new(CommitFailure::Aborted, "it was told to"));
        }
        self.0.commit(round)
    }

    fn maintain(&mut self, now: Instant) -> Option<Duration> {
        self.0.maintain(now)
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.0.close()
    }
}

impl JournalView for GatedView {
    fn reader(&self) -> Result<Box<dyn JournalReader>, JournalError> {
        Ok(Box::new(GatedReader(self.0.reader()?, self.1.clone())))
    }

    fn stats(&self) -> JournalStats {
        self.0.stats()
    }

    fn state(&self) -> JournalState {
        self.1.state.lock().clone()
    }
}

impl fmt::Debug for GatedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JournalReader for GatedReader {
    fn read(
        &mut self,
        scan: &Scan<'_>,
        each: &mut dyn FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, JournalError> {
        self.1.pass();
        self.1.reads.fetch_add(1, Ordering::Relaxed);
        if self.1.reads_fail.load(Ordering::Relaxed) {
            let reason = FAULT.to_owned();
            return Err(JournalError::Io { reason });
        }
        self.0.read(scan, each)
    }

    fn since(&mut self, recorded: i64) -> Result<u64, JournalError> {
        self.1.pass();
        self.0.since(recorded)
    }

    fn state(&mut self, look: &mut dyn FnMut(&mut dyn StateTx)) -> Result<(), JournalError> {
        if self.1.looks_wait.load(Ordering::Relaxed) {
            self.1.pass();
        }
        self.0.state(look)
    }

    fn stream_version(&mut self, ty: &str, id: &str) -> Result<Option<u64>, JournalError> {
        self.1.pass();
        self.0.stream_version(ty, id)
    }
}
