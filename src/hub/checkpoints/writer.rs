//! The writer of a checkpoint: saves now and then how far its reader has come.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::row::Rule;
use super::{Checkpoint, CheckpointError, CheckpointPolicy, Checkpoints};
use crate::deadline;
use crate::event::Position;
use crate::hub::journal::TransactError;
use crate::hub::journal_read::Step;
use crate::hub::shared::Shared;
use crate::hub::wait::is_committing;

/// The first wait before a save that failed is tried again, and the longest.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);
/// The farthest look ahead: a writer that is dropped leaves nothing behind for longer.
const ALARM_MAX: Duration = Duration::from_secs(10);

/// Saves a checkpoint now and then, while its reader goes on: after so many events or so long, as its
/// [`CheckpointPolicy`] says. See [`Checkpoints::writer`].
///
/// A save that fails is tried again, with the newest position, after 100 ms and then up to 10 s; how long something waits to
/// be saved is its [`age`](Self::age), and what went wrong its [`last_error`](Self::last_error). Once somebody has set the
/// checkpoint back or deleted it, nothing is saved any more ([`Moved`](CheckpointError::Moved)): that was meant for the next one
/// who begins there.
///
/// What was passed and is not saved is passed once more after a crash. A writer that is dropped has the rest saved, and does
/// not wait for it: whoever has to know calls [`flush`](Self::flush) first. It does not keep its hub open.
///
/// # Examples
///
/// ```
/// use eventring::hub::CheckpointPolicy;
/// use eventring::journal::{MemoryJournal, MemoryLog};
/// use eventring::{Event, Hub, Subscription};
///
/// let log = MemoryLog::default();
/// let hub = Hub::builder().journal(MemoryJournal::open(&log)).build()?;
/// let checkpoints = hub.checkpoints().expect("a hub with a journal");
/// let writer = checkpoints.writer("billing", CheckpointPolicy::default())?;
/// let mut orders = hub.subscribe(Subscription::topic("orders"))?;
/// hub.publish(Event::builder("orders", "t").build()?)?;
/// hub.publish(Event::builder("other", "t").build()?)?;
///
/// while let Ok(delivery) = orders.try_recv() {
///     // Its work comes first.
///     writer.passed(delivery.position);
/// }
/// // What does not match is passed as well: a rare topic's checkpoint moves all the same.
/// writer.passed(orders.position());
/// writer.flush()?;
/// assert_eq!(checkpoints.load("billing")?.unwrap().position, hub.position());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CheckpointWriter {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    name: Box<str>,
    policy: CheckpointPolicy,
    state: Mutex<State>,
    /// Told when a save is over.
    saved: Condvar,
}

#[derive(Default)]
struct State {
    passed: Option<Position>,
    saved: Option<Position>,
    /// Events that were passed since the last save began.
    events: u64,
    /// The time at which the first of them was passed.
    since: Option<Instant>,
    saving: Option<Saving>,
    /// The position from which on it may be saved: the last one that was, or what was kept before.
    base: Option<Position>,
    /// Saves that failed since one succeeded, and the time before which none is begun again.
    failures: u32,
    not_before: Option<Instant>,
    error: Option<CheckpointError>,
    /// Somebody has set back what was saved.
    is_moved: bool,
    /// A thread will look at that time, or before.
    alarm_at: Option<Instant>,
}

/// A save on its way.
#[derive(Clone, Copy)]
struct Saving {
    position: Position,
    since: Option<Instant>,
}

impl State {
    fn is_unsaved(&self) -> bool {
        self.passed.is_some() && self.passed != self.saved
    }

    /// Notes that what was passed is about to be saved; `None`: there is nothing, or a save is on its way.
    fn begin(&mut self) -> Option<Position> {
        if self.saving.is_some() || self.is_moved || !self.is_unsaved() {
            return None;
        }
        let position = self.passed?;
        self.saving = Some(Saving {
            position,
            since: self.since.take(),
        });
        self.events = 0;
        Some(position)
    }
}

impl CheckpointWriter {
    pub(super) fn new(
        shared: Arc<Shared>,
        name: &str,
        policy: CheckpointPolicy,
        kept: Option<Position>,
    ) -> Self {
        let state = State {
            base: kept,
            ..State::default()
        };
        let inner = Inner {
            shared,
            name: name.into(),
            policy,
            state: Mutex::new(state),
            saved: Condvar::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Notes that the reader is done with this position and all before it. Cheap: now and then it has a save begun, and it
    /// never waits for one. A position before one that was passed counts as an event, and sets nothing back.
    pub fn passed(&self, position: Position) {
        let inner = &self.inner;
        let mut state = inner.state.lock();
        let is_forward = state
            .passed
            .is_none_or(|passed| passed.epoch != position.epoch || passed.offset < position.offset);
        if is_forward {
            state.passed = Some(position);
        }
        state.events += 1;
        let is_first = state.since.is_none() && state.is_unsaved();
        if is_first {
            state.since = Some(Instant::now());
        }
        // An alarm looks at the time: between two of them there is nothing to decide but how many events there were.
        let is_full = state.not_before.is_none() && state.events >= inner.policy.every_events;
        if is_first || is_full || state.alarm_at.is_none() {
            inner.look(state);
        }
    }

    /// Saves what was passed, and waits until it is kept, as long as
    /// [`commit_timeout`](crate::hub::HubBuilder::commit_timeout) says.
    ///
    /// # Errors
    ///
    /// What came of the save: it goes on being tried.
    pub fn flush(&self) -> Result<(), CheckpointError> {
        let inner = &self.inner;
        let commit_timeout = match &inner.shared.journal {
            Some(journal) => journal.settings().commit_timeout,
            // It was made in a hub with one.
            None => return Ok(()),
        };
        let deadline = deadline::after(Instant::now(), commit_timeout);
        let mut state = inner.state.lock();
        let Some(wanted) = state.passed else {
            return Ok(());
        };
        let is_kept =
            |saved: Position| saved.epoch == wanted.epoch && saved.offset >= wanted.offset;
        let mut begun = false;
        loop {
            if state.saved.is_some_and(is_kept) {
                return Ok(());
            }
            if is_committing() {
                return Err(CheckpointError::NotSaved(TransactError::WouldBlock));
            }
            if state.saving.is_some() {
                if inner.saved.wait_until(&mut state, deadline).timed_out() {
                    return Err(CheckpointError::NotSaved(TransactError::TimedOut));
                }
                continue;
            }
            if (begun || state.is_moved)
                && let Some(error) = &state.error
            {
                return Err(error.clone());
            }
            let Some(position) = state.begin() else {
                return Ok(());
            };
            begun = true;
            drop(state);
            inner.save(position);
            state = inner.state.lock();
        }
    }

    /// Returns the last position that was passed; `None`: none was.
    pub fn position(&self) -> Option<Position> {
        self.inner.state.lock().passed
    }

    /// Returns the last position that this writer has saved; `None`: none yet.
    pub fn saved_position(&self) -> Option<Position> {
        self.inner.state.lock().saved
    }

    /// Returns how long the oldest of what was passed waits to be saved; zero: everything is.
    pub fn age(&self) -> Duration {
        let state = self.inner.state.lock();
        let saving = state.saving.and_then(|saving| saving.since);
        let since = saving.or(state.since);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Returns what came of the last save, if it failed; `None`: it did not.
    pub fn last_error(&self) -> Option<CheckpointError> {
        self.inner.state.lock().error.clone()
    }
}

impl Drop for CheckpointWriter {
    fn drop(&mut self) {
        let inner = &self.inner;
        let state = inner.state.lock();
        let on_its_way = state.saving.map(|saving| saving.position);
        let rest = state
            .passed
            .filter(|_| state.is_unsaved() && !state.is_moved);
        // What is on its way is saved before.
        let rule = rule(on_its_way.or(state.base));
        drop(state);
        if let Some(position) = rest.filter(|_| rest != on_its_way)
            && let Some(checkpoints) = Checkpoints::of(&inner.shared)
        {
            // Nobody is there to be told: what is not saved is passed once more.
            let _ = checkpoints.submit_by(&inner.name, position, rule, Box::new(drop));
        }
    }
}

impl Inner {
    /// Has saved what is due, or looks again when it is.
    fn look(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.saving.is_some() || state.is_moved || !state.is_unsaved() {
            return;
        }
        let now = Instant::now();
        let due = match state.not_before {
            Some(at) => at,
            None if state.events >= self.policy.every_events => now,
            None => deadline::after(state.since.unwrap_or(now), self.policy.every),
        };
        if due <= now {
            if let Some(position) = state.begin() {
                drop(state);
                self.save(position);
            }
            return;
        }
        let at = due.min(deadline::after(now, ALARM_MAX));
        if state.alarm_at.is_none_or(|alarm| at < alarm) {
            self.set_alarm(state, at);
        }
    }

    /// Has a thread of the hub's look at that time.
    fn set_alarm(self: &Arc<Self>, mut state: MutexGuard<'_, State>, at: Instant) {
        state.alarm_at = Some(at);
        drop(state);
        // Weak: the hub has the task, which must not keep the hub.
        let writer = Arc::downgrade(self);
        let task = Box::new(move || {
            Self::alarmed(&writer, at);
            Step::Done
        });
        if self.shared.read_side.run_at(task, at).is_err() {
            // The system gives no thread: whoever passes next asks again.
            self.state.lock().alarm_at = None;
        }
    }

    fn alarmed(writer: &Weak<Self>, at: Instant) {
        let Some(inner) = writer.upgrade() else {
            return;
        };
        let mut state = inner.state.lock();
        // An earlier one may have been set since.
        if state.alarm_at == Some(at) {
            state.alarm_at = None;
        }
        inner.look(state);
    }

    /// Has a position saved: [`State::begin`] was called for it.
    fn save(self: &Arc<Self>, position: Position) {
        let writer = Arc::downgrade(self);
        let done = move |outcome: Result<Checkpoint, CheckpointError>| {
            if let Some(inner) = writer.upgrade() {
                inner.ended(position, outcome.map(drop));
            }
        };
        let rule = rule(self.state.lock().base);
        let submitted = match Checkpoints::of(&self.shared) {
            Some(checkpoints) => checkpoints.submit_by(&self.name, position, rule, Box::new(done)),
            // It was made in a hub with a journal.
            None => Ok(()),
        };
        if let Err(error) = submitted {
            self.ended(position, Err(error));
        }
    }

    fn ended(self: &Arc<Self>, position: Position, outcome: Result<(), CheckpointError>) {
        let mut state = self.state.lock();
        let saving = state.saving.take();
        match outcome {
            Ok(()) => {
                (state.saved, state.base) = (Some(position), Some(position));
                (state.failures, state.not_before, state.error) = (0, None, None);
                if !state.is_unsaved() {
                    state.since = None;
                }
            }
            Err(error) => {
                // It waits since it was passed, not since it failed.
                state.since = saving.and_then(|saving| saving.since).or(state.since);
                state.failures = state.failures.saturating_add(1);
                let wait = retry_after(state.failures);
                state.not_before = Some(deadline::after(Instant::now(), wait));
                state.is_moved = matches!(error, CheckpointError::Moved { .. });
                state.error = Some(error);
            }
        }
        self.saved.notify_all();
        self.look(state);
    }
}

/// Returns the rule of a writer that may save from a position on; `None`: there was none.
fn rule(base: Option<Position>) -> Rule {
    base.map_or(Rule::Forward, Rule::Onward)
}

/// The wait before the next attempt, after so many failures.
fn retry_after(failures: u32) -> Duration {
    let wait = RETRY_FIRST * 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
    wait.min(RETRY_MAX)
}

impl fmt::Debug for CheckpointWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointWriter")
            .field("name", &self.inner.name)
            .field("position", &self.position())
            .field("saved", &self.saved_position())
            .finish_non_exhaustive()
    }
}
