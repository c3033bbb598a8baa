//! A journal in memory that holds, fails or counts its commits as a test says.

use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use eventring::journal::{
    CommitError, CommitFailure, CommitRound, Journal, JournalError, JournalView, MemoryJournal,
    MemoryLog, Recovered, TopicPolicy,
};
use std::sync::{Condvar, Mutex};

/// The longest that a commit is held: a test that has failed must not hang.
const HELD: Duration = Duration::from_secs(60);

/// What a test says to its journal, and what it sees of it.
#[derive(Clone, Default)]
pub(crate) struct Control(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    log: MemoryLog,
    is_held: bool,
    held: usize,
    fail: Option<CommitFailure>,
    fails_to_reserve: bool,
    panics_to_reserve: bool,
    holds_reserve: bool,
    fails_to_close: bool,
    rounds: Vec<Written>,
    reserved: Vec<u64>,
    /// The rounds that there were each time it was looked after.
    maintained: Vec<usize>,
    due: Option<Duration>,
    policies: Vec<(String, TopicPolicy)>,
    refuses_events: bool,
}

/// A round that was committed.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) offsets: Vec<u64>,
    pub(crate) flush: bool,
    pub(crate) thread: ThreadId,
}

pub(crate) struct FaultyJournal {
    inner: MemoryJournal,
    control: Control,
}

impl Control {
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let changed = change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        changed
    }

    /// Has commits wait.
    pub(crate) fn hold(&self) {
        self.change(|state| state.is_held = true);
    }

    pub(crate) fn release(&self) {
        self.change(|state| state.is_held = false);
    }

    /// Waits until a commit is held.
    pub(crate) fn wait_held(&self) {
        let state = self.0.0.lock().unwrap();
        let longest = Duration::from_secs(20);
        let waited = self
            .0
            .1
            .wait_timeout_while(state, longest, |state| state.held == 0);
        assert!(!waited.unwrap().1.timed_out(), "no commit came");
    }

    /// Has commits fail from now on, or succeed.
    pub(crate) fn fail(&self, failure: Option<CommitFailure>) {
        self.change(|state| state.fail = failure);
    }

    pub(crate) fn fail_to_reserve(&self, fails: bool) {
        self.change(|state| state.fails_to_reserve = fails);
    }

    /// Has reservations panic.
    pub(crate) fn panic_to_reserve(&self, panics: bool) {
        self.change(|state| state.panics_to_reserve = panics);
    }

    /// Has reservations wait.
    pub(crate) fn hold_reserve(&self, holds: bool) {
        self.change(|state| state.holds_reserve = holds);
    }

    /// What a journal of the next run opens.
    pub(crate) fn log(&self) -> MemoryLog {
        self.change(|state| state.log.clone())
    }

    pub(crate) fn fail_to_close(&self) {
        self.change(|state| state.fails_to_close = true);
    }

    pub(crate) fn rounds(&self) -> Vec<Written> {
        self.change(|state| state.rounds.clone())
    }

    /// Says when it wants to be looked after again.
    pub(crate) fn due(&self, due: Option<Duration>) {
        self.change(|state| state.due = due);
    }

    /// How often it was looked after since there were so many rounds.
    pub(crate) fn maintained(&self, rounds: usize) -> usize {
        self.change(|state| {
            let behind = state.maintained.iter().filter(|had| **had >= rounds);
            behind.count()
        })
    }

    /// Has it say that there is no room for events, as where its bounds are taken up by what may not go.
    pub(crate) fn refuse_events(&self, refuses: bool) {
        self.change(|state| state.refuses_events = refuses);
    }

    /// What it was told of topics so far.
    pub(crate) fn policies(&self) -> Vec<(String, TopicPolicy)> {
        self.change(|state| state.policies.clone())
    }

    /// What was asked to be reserved so far.
    pub(crate) fn reserved(&self) -> Vec<u64> {
        self.change(|state| state.reserved.clone())
    }
}

impl FaultyJournal {
    pub(crate) fn new(control: &Control) -> Self {
        let log = control.change(|state| state.log.clone());
        Self {
            inner: MemoryJournal::open(&log),
            control: control.clone(),
        }
    }
}

fn failed(failure: CommitFailure) -> CommitError {
    CommitError::new(failure, "a test said so")
}

impl Journal for FaultyJournal {
    fn recovered(&self) -> &Recovered {
        self.inner.recovered()
    }

    fn view(&self) -> Arc<dyn JournalView> {
        self.inner.view()
    }

    fn reserve(&mut self, below: u64) -> Result<(), CommitError> {
        let (fails, panics) = self.control.change(|state| {
            state.reserved.push(below);
            (state.fails_to_reserve, state.panics_to_reserve)
        });
        let (state, changed) = &*self.control.0;
        let held = state.lock().unwrap();
        drop(
            changed
                .wait_while(held, |state| state.holds_reserve)
                .unwrap(),
        );
        assert!(!panics, "a test panics here on purpose");
        match fails {
            true => Err(failed(CommitFailure::Aborted)),
            false => self.inner.reserve(below),
        }
    }

    fn commit(&mut self, round: &mut CommitRound<'_>) -> Result<(), CommitError> {
        let (state, changed) = &*self.control.0;
        let mut held = state.lock().unwrap();
        held.held += 1;
        changed.notify_all();
        let waited = changed.wait_timeout_while(held, HELD, |state| state.is_held);
        let mut held = waited.unwrap().0;
        held.held -= 1;
        if let Some(failure) = held.fail {
            return Err(failed(failure));
        }
        if held.refuses_events && (!round.events.is_empty() || round.work.is_empty()) {
            return Err(failed(CommitFailure::NoSpace));
        }
        held.rounds.push(Written {
            offsets: round.events.iter().map(|event| event.offset).collect(),
            flush: round.flush,
            thread: thread::current().id(),
        });
        drop(held);
        self.inner.commit(round)
    }

    fn maintain(&mut self, now: Instant) -> Option<Duration> {
        let due = self.control.change(|state| {
            state.maintained.push(state.rounds.len());
            state.due
        });
        self.inner.maintain(now).or(due)
    }

    fn set_topic(&mut self, topic: &str, policy: &TopicPolicy) -> Result<(), String> {
        self.control
            .change(|state| state.policies.push((topic.to_owned(), policy.clone())));
        self.inner.set_topic(topic, policy)
    }

    fn truncate(&mut self, topic: &str, below: u64, streams: bool) -> Result<(), CommitError> {
        match self.control.change(|state| state.fail) {
            Some(failure) => Err(failed(failure)),
            None => self.inner.truncate(topic, below, streams),
        }
    }

    fn close(&mut self) -> Result<(), JournalError> {
        match self.control.change(|state| state.fails_to_close) {
            true => Err(JournalError::Io {
                reason: "a test said so".to_owned(),
            }),
            false => self.inner.close(),
        }
    }
}
