//! Events in batches, by number and time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use thiserror::Error;

use crate::event::{AsEvent, Event};
use crate::settings::setters;

use super::handler::{ErrorPolicy, Failure, HandlerError, guarded};

/// Settings of a [`BatchingStream`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchingConfig {
    /// Events in a batch. Default 100; 0 is taken as 1.
    pub size: usize,
    /// Longest wait of the first event of a batch for others. Default 1 s.
    pub interval: Duration,
    /// Most times that a batch is tried again. Default 3.
    pub retries: u32,
    /// Wait before the first of these, twice as long each time. Default 100 ms.
    pub retry_delay: Duration,
    /// Policy for a batch that failed for good. Default: it is counted and passed.
    pub policy: ErrorPolicy,
    /// Batches that may wait. Default 10; then [`add`](BatchingStream::add) waits.
    pub waiting: usize,
    /// Longest wait of `add` for room. Default 5 s.
    pub add_timeout: Duration,
}

impl Default for BatchingConfig {
    fn default() -> Self {
        Self {
            size: 100,
            interval: Duration::from_secs(1),
            retries: 3,
            retry_delay: Duration::from_millis(100),
            policy: ErrorPolicy::Skip,
            waiting: 10,
            add_timeout: Duration::from_secs(5),
        }
    }
}

setters! {
    BatchingConfig {
        size: usize,
        interval: Duration,
        retries: u32,
        retry_delay: Duration,
        policy: ErrorPolicy,
        waiting: usize,
        add_timeout: Duration,
    }
}

/// Says why an event was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddError {
    /// The stream was stopped, or stopped itself after a failure.
    #[error("the stream was stopped")]
    Stopped,
    /// No room came in time.
    #[error("no room in time")]
    Full,
}

/// Counts of a [`BatchingStream`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchStats {
    /// Batches that were handled.
    pub batches: u64,
    /// Events in them.
    pub events: u64,
    /// Events of batches that failed for good.
    pub failed: u64,
    /// Tries after the first.
    pub retries: u64,
    /// Events that wait, or that a stop left behind.
    pub left: u64,
    /// The failure of the last batch that failed.
    pub last_failure: Option<Failure>,
}

type Handle = dyn FnMut(&[Event]) -> Result<(), HandlerError> + Send;

/// Collects events and hands them over in batches, in order, on a thread of its own. A batch that fails is tried again,
/// and then goes to the [`ErrorPolicy`]: it is never lost silently. Stopping hands over what is there.
///
/// # Examples
///
/// ```
/// use eventring::pipeline::{BatchingConfig, BatchingStream};
/// use eventring::Event;
///
/// let (batches, received) = std::sync::mpsc::channel();
/// let stream = BatchingStream::start(BatchingConfig::default().size(2), move |batch| {
///     batches.send(batch.len()).map_err(|_| "nobody listens".into())
/// });
/// for _ in 0..5 {
///     stream.add(Event::builder("t", "t").build().unwrap()).unwrap();
/// }
/// assert_eq!(stream.stop().events, 5);
/// assert_eq!(received.iter().collect::<Vec<_>>(), [2, 2, 1]);
/// ```
pub struct BatchingStream {
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// The thread of the worker, which must not wait for itself.
    thread: ThreadId,
}

struct Shared {
    config: BatchingConfig,
    state: Mutex<State>,
    /// Something was added, taken, or the stream stops.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pending: VecDeque<Event>,
    /// Time at which the oldest that waits was added.
    since: Option<Instant>,
    stopping: bool,
    /// A failure stopped it.
    broken: bool,
    /// The worker has let go of the handler, and hands over nothing more.
    finished: bool,
    stats: BatchStats,
}

/// Says that the worker is done, however it ends.
struct Finish(Arc<Shared>);

impl BatchingStream {
    /// Starts the thread that hands batches to `handle`.
    ///
    /// # Panics
    ///
    /// If the operating system gives no thread.
    pub fn start(
        mut config: BatchingConfig,
        handle: impl FnMut(&[Event]) -> Result<(), HandlerError> + Send + 'static,
    ) -> Self {
        // A batch of none would be full at once, again and again.
        config.size = config.size.max(1);
        let shared = Arc::new(Shared {
            config,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let own = Finish(shared.clone());
        let worker = thread::spawn(move || own.0.run(Box::new(handle)));
        Self {
            shared,
            thread: worker.thread().id(),
            worker: Mutex::new(Some(worker)),
        }
    }

    /// Adds an event to the batch, and waits for room if too many wait. In the handler it does not wait: nobody else
    /// makes room.
    ///
    /// # Errors
    ///
    /// [`AddError`].
    pub fn add(&self, event: impl AsEvent) -> Result<(), AddError> {
        // Copied, if it has to be, before the lock: nobody has to wait for that.
        let event = event.into_event();
        let config = &self.shared.config;
        // For one batch at least, or nothing could ever be added.
        let limit = config.size.saturating_mul(config.waiting.max(1));
        let deadline = Instant::now().checked_add(config.add_timeout);
        let mut state = self.shared.state.lock();
        loop {
            if state.stopping || state.broken {
                return Err(AddError::Stopped);
            }
            if state.pending.len() < limit {
                break;
            }
            // The handler that waited for room would wait for itself.
            if self.is_worker() || self.shared.wait(&mut state, deadline) {
                return Err(AddError::Full);
            }
        }
        state.pending.push_back(event);
        // The event that waits longest says when its batch is due.
        state.since.get_or_insert_with(Instant::now);
        // `all`, as the worker and those who wait for room share one condition.
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Hands over what is there, waits until that is done, and ends. Nothing can be added any more.
    ///
    /// In the handler, or where the handler has the last handle and drops it, it does not wait: the batch that is being
    /// handled comes to its end first, and is counted then; what waits is handed over after it.
    pub fn stop(&self) -> BatchStats {
        let mut state = self.shared.state.lock();
        state.stopping = true;
        self.shared.changed.notify_all();
        // The handler stops its own stream: the thread cannot wait for its end.
        if self.is_worker() {
            drop(state);
            return self.stats();
        }
        // Whoever else stops it waits as well.
        while !state.finished {
            self.shared.wait(&mut state, None);
        }
        drop(state);
        let worker = self.worker.lock().take();
        if let Some(worker) = worker {
            // What handlers panic with is caught; what they panic with as they are dropped ends their thread, no more.
            let _ = worker.join();
        }
        self.stats()
    }

    fn is_worker(&self) -> bool {
        thread::current().id() == self.thread
    }

    /// Returns what it has done so far.
    pub fn stats(&self) -> BatchStats {
        let state = self.shared.state.lock();
        BatchStats {
            left: state.pending.len() as u64 + state.stats.left,
            ..state.stats.clone()
        }
    }
}

impl Drop for BatchingStream {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.state.lock().finished = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn run(&self, mut handle: Box<Handle>) {
        while let Some(batch) = self.next_batch() {
            let done = self.hand_over(&mut handle, &batch);
            let mut state = self.state.lock();
            match done {
                Ok(()) => {
                    state.stats.batches += 1;
                    state.stats.events += batch.len() as u64;
                }
                Err(failure) => {
                    state.stats.failed += batch.len() as u64;
                    state.stats.last_failure = Some(failure.clone());
                    // The policy runs somebody else's code, which may add, stop or ask for the counts.
                    drop(state);
                    let going = self.config.policy.apply(&batch, &failure);
                    state = self.state.lock();
                    state.broken = !going;
                }
            }
            self.changed.notify_all();
            if state.broken {
                return;
            }
        }
    }

    fn next_batch(&self) -> Option<Vec<Event>> {
        let mut state = self.state.lock();
        loop {
            let due = state
                .since
                .and_then(|since| since.checked_add(self.config.interval));
            let late = due.is_some_and(|due| due <= Instant::now());
            let full = state.pending.len() >= self.config.size;
            if full || ((late || state.stopping) && !state.pending.is_empty()) {
                let count = state.pending.len().min(self.config.size);
                let batch = state.pending.drain(..count).collect();
                // The interval of those that are left begins anew: the time of each is not kept.
                state.since = (!state.pending.is_empty()).then(Instant::now);
                // For whoever waits in `add` for room.
                self.changed.notify_all();
                return Some(batch);
            }
            if state.stopping {
                return None;
            }
            self.wait(&mut state, due);
        }
    }

    fn hand_over(&self, handle: &mut Handle, batch: &[Event]) -> Result<(), Failure> {
        let mut delay = self.config.retry_delay;
        let mut done = guarded(|| handle(batch));
        for _ in 0..self.config.retries {
            if done.is_ok() {
                break;
            }
            self.pause(delay);
            // Saturating, since the settings allow any number of retries.
            delay = delay.saturating_mul(2);
            done = guarded(|| handle(batch));
        }
        done
    }

    /// Waits before another try; a stop does not wait.
    fn pause(&self, delay: Duration) {
        let deadline = Instant::now().checked_add(delay);
        let mut state = self.state.lock();
        state.stats.retries += 1;
        // A stop cuts the pause short, and what is left of the retries follows at once.
        while !state.stopping && !self.wait(&mut state, deadline) {}
    }

    /// Waits for a change; true if the deadline came first.
    fn wait(&self, state: &mut MutexGuard<'_, State>, deadline: Option<Instant>) -> bool {
        match deadline {
            Some(deadline) => self.changed.wait_until(state, deadline).timed_out(),
            None => {
                self.changed.wait(state);
                false
            }
        }
    }
}

impl fmt::Debug for BatchingStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchingStream")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
