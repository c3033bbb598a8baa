//! A journal whose reads wait, fail or panic as a test says.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use eventring::hub::Hub;
use eventring::journal::{
    CommitError, CommitRound, Journal, JournalError, JournalReader, JournalState, JournalStats,
    JournalView, MemoryJournal, Recovered, Scan, ScanEnd, StateTx, StoredEvent,
};
use parking_lot::{Condvar, Mutex};

/// The outcome of a read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Outcome {
    #[default]
    Succeeds,
    Waits,
    Fails,
    Panics,
}

/// What a test does to the reads of a journal.
#[derive(Clone, Debug, Default)]
pub(super) struct Reads(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    outcome: Outcome,
    /// The threads of the reads that were begun.
    threads: Vec<ThreadId>,
}

impl Reads {
    pub(super) fn set(&self, outcome: Outcome) {
        self.0.0.lock().outcome = outcome;
        self.0.1.notify_all();
    }

    /// The threads of the reads that were begun so far.
    pub(super) fn threads(&self) -> Vec<ThreadId> {
        self.0.0.lock().threads.clone()
    }

    fn come(&self) -> Result<(), JournalError> {
        let mut state = self.0.0.lock();
        state.threads.push(thread::current().id());
        while state.outcome == Outcome::Waits {
            self.0.1.wait(&mut state);
        }
        match state.outcome {
            Outcome::Fails => Err(JournalError::Io {
                reason: "a test said so".to_owned(),
            }),
            Outcome::Panics => {
                drop(state);
                panic!("a test panics here on purpose");
            }
            _ => Ok(()),
        }
    }
}

/// A hub on such a journal, with a ring of 64 events.
pub(super) fn open(reads: &Reads) -> Hub {
    let journal = HardJournal(MemoryJournal::new(), reads.clone());
    let builder = Hub::builder().capacity(64).streams_max(100);
    builder.journal(journal).build().unwrap()
}

struct HardJournal(MemoryJournal, Reads);

impl Journal for HardJournal {
    fn recovered(&self) -> &Recovered {
        self.0.recovered()
    }

    fn view(&self) -> Arc<dyn JournalView> {
        Arc::new(HardView(self.0.view(), self.1.clone()))
    }

    fn reserve(&mut self, below: u64) -> Result<(), CommitError> {
        self.0.reserve(below)
    }

    fn commit(&mut self, round: &mut CommitRound<'_>) -> Result<(), CommitError> {
        self.0.commit(round)
    }

    fn maintain(&mut self, now: Instant) -> Option<Duration> {
        self.0.maintain(now)
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.0.close()
    }
}

#[derive(Debug)]
struct HardView(Arc<dyn JournalView>, Reads);

impl JournalView for HardView {
    fn reader(&self) -> Result<Box<dyn JournalReader>, JournalError> {
        Ok(Box::new(HardReader(self.0.reader()?, self.1.clone())))
    }

    fn stats(&self) -> JournalStats {
        self.0.stats()
    }

    fn state(&self) -> JournalState {
        self.0.state()
    }
}

struct HardReader(Box<dyn JournalReader>, Reads);

impl JournalReader for HardReader {
    fn read(
        &mut self,
        scan: &Scan<'_>,
        each: &mut dyn FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, JournalError> {
        self.1.come()?;
        self.0.read(scan, each)
    }

    fn since(&mut self, recorded: i64) -> Result<u64, JournalError> {
        self.1.come()?;
        self.0.since(recorded)
    }

    fn state(&mut self, look: &mut dyn FnMut(&mut dyn StateTx)) -> Result<(), JournalError> {
        self.0.state(look)
    }

    fn stream_version(&mut self, ty: &str, id: &str) -> Result<Option<u64>, JournalError> {
        self.1.come()?;
        self.0.stream_version(ty, id)
    }
}
