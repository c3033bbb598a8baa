//! The waker of a task, for the list on which threads wait.

use super::notify::Notify;
use crate::sync::Mutex;
use std::sync::Arc;
use std::task::Waker;

/// The waker of a task that waits, behind [`Notify`]: what a future puts on a wait list. Empty while no task waits.
pub(crate) struct TaskWaker(Mutex<Option<Waker>>);

impl TaskWaker {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(None)))
    }

    /// Leaves the waker of the task that is polled now; an earlier one is forgotten.
    pub(crate) fn register(&self, waker: &Waker) {
        // A waker is foreign code: it is cloned before the lock is taken, and the old one dropped after.
        let is_there = |old: &Waker| old.will_wake(waker);
        if self.0.lock().as_ref().is_some_and(is_there) {
            return;
        }
        let waker = waker.clone();
        let old = self.0.lock().replace(waker);
        drop(old);
    }
}

impl Notify for TaskWaker {
    fn notify(&self) {
        // Each waker that is taken is woken, so a task that registers again meanwhile is woken once too often, not
        // never.
        let waker = self.0.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
