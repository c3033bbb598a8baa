//! How the journal's thread sleeps and is woken, and how a thread knows that it commits.

use std::cell::Cell;
use std::time::Instant;

use crate::sync::blocking::{Condvar, Mutex};

/// Wakes the journal's thread.
#[derive(Default)]
pub struct Signal {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    pub fn set(&self) {
        let mut is_set = self.is_set.lock();
        // Set already: the thread has not looked since, and will.
        if !*is_set {
            *is_set = true;
            self.changed.notify_one();
        }
    }

    /// Takes the signal, and waits for it until then at most.
    pub fn wait(&self, until: Option<Instant>) {
        let mut is_set = self.is_set.lock();
        while !*is_set {
            match until {
                None => self.changed.wait(&mut is_set),
                Some(until) => {
                    if self.changed.wait_until(&mut is_set, until).timed_out() {
                        break;
                    }
                }
            }
        }
        *is_set = false;
    }
}

thread_local! {
    static COMMITS: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether this thread is committing: whoever waits for a commit here waits for itself.
pub fn is_committing() -> bool {
    COMMITS.get()
}

/// Marks this thread as one that commits, until it is dropped.
pub struct Committing(bool);

impl Committing {
    pub fn begin() -> Self {
        Self(COMMITS.replace(true))
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        COMMITS.set(self.0);
    }
}
