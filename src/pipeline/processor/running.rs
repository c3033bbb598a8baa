//! A pipeline that runs: its handle, and what the handle and the thread share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::ProcessorStats;
use crate::hub::Hub;
use crate::ring::Notify;

/// A pipeline that runs. Dropping it stops it after the event that is under way.
pub struct Running {
    pub(super) hub: Hub,
    pub(super) shared: Arc<Shared>,
    pub(super) thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
pub(super) struct Shared {
    /// Wakes the thread that sleeps for want of events.
    pub(super) waker: Arc<ThreadWaker>,
    /// Read up to this offset, then end. It says nothing before `stopping` was seen.
    pub(super) until: AtomicU64,
    pub(super) stopping: AtomicBool,
    pub(super) abort: AtomicBool,
    pub(super) finished: Mutex<bool>,
    pub(super) ended: Condvar,
    pub(super) passed: AtomicU64,
    pub(super) taken: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) missed: AtomicU64,
}

/// A wake that is kept until the thread looks, so that none is lost between its look at the hub and its sleep.
#[derive(Default)]
pub(super) struct ThreadWaker {
    pub(super) woken: Mutex<bool>,
    pub(super) changed: Condvar,
}

impl Notify for ThreadWaker {
    fn notify(&self) {
        *self.woken.lock() = true;
        self.changed.notify_one();
    }
}

impl Running {
    /// Works off what has been published, so long at most, and ends.
    ///
    /// In a step or a sink of its own it does not wait, whatever the time: what has been published is worked off after
    /// the event that is under way.
    pub fn stop(mut self, timeout: Duration) -> ProcessorStats {
        // What is published after this is not waited for.
        let head = self.hub.visible();
        self.shared.until.store(head, Ordering::Relaxed);
        // Release: pairs with the Acquire in `Worker::work`, for `until` and for what was published.
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.waker.notify();
        let own = self.thread.as_ref().map(|thread| thread.thread().id());
        if own == Some(thread::current().id()) {
            // Nobody waits for it any more, and dropping the handle does not end it.
            self.thread = None;
            return self.stats();
        }
        let deadline = Instant::now().checked_add(timeout);
        let mut finished = self.shared.finished.lock();
        while !*finished {
            match deadline {
                Some(deadline) => {
                    if self
                        .shared
                        .ended
                        .wait_until(&mut finished, deadline)
                        .timed_out()
                    {
                        break;
                    }
                }
                None => self.shared.ended.wait(&mut finished),
            }
        }
        // Joining a thread that is late would wait beyond the timeout.
        let join = *finished;
        drop(finished);
        // For a thread that is late: it ends after the event that is under way.
        self.shared.abort.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take().filter(|_| join) {
            // It catches what handlers panic with.
            let _ = thread.join();
        }
        let left = head.saturating_sub(self.shared.passed.load(Ordering::Relaxed));
        ProcessorStats {
            left,
            ..self.stats()
        }
    }

    /// Returns what it has done so far.
    pub fn stats(&self) -> ProcessorStats {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        ProcessorStats {
            taken: read(&self.shared.taken),
            sent: read(&self.shared.sent),
            failed: read(&self.shared.failed),
            missed: read(&self.shared.missed),
            left: self.hub.visible().saturating_sub(read(&self.shared.passed)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_none() {
            return;
        }
        // Release: pairs with the Acquire in `Worker::work`. The thread is not joined: a drop must not wait for handlers.
        self.shared.abort.store(true, Ordering::Release);
        self.shared.waker.notify();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.stats()).finish()
    }
}
