//! The driver's turn: whoever finds the driver free runs rounds, and what is published meanwhile waits for somebody.

use std::time::Instant;

use crate::hub::wait::signal::Signal;
use crate::sync::blocking::{Mutex, MutexGuard};

/// The driver behind its lock, and the signal by which its thread sleeps.
///
/// # Nothing that is published is left lying
///
/// Who publishes does so under the publisher's lock, and then tries to get the driver. Who has had the driver asks under
/// that lock, once the driver is free again, whether there is more. Of the two one comes second: either the question finds
/// what was published, and the thread is told, or who published finds the driver free, or somebody else who has it and will
/// ask. The thread asks in the same way before it sleeps: it may have been the one that had it. Nothing else orders the two,
/// no fence. The models in `loom-tests/tests/hub_turn.rs` check this.
pub struct Turn<D> {
    /// `None` once it is closed.
    driver: Mutex<Option<D>>,
    signal: Signal,
}

impl<D> Turn<D> {
    pub fn new(driver: D) -> Self {
        Self {
            driver: Mutex::new(Some(driver)),
            signal: Signal::default(),
        }
    }

    /// Waits for the driver.
    pub fn driver(&self) -> MutexGuard<'_, Option<D>> {
        self.driver.lock()
    }

    /// Runs a round, once nobody else does, and tells what it did; `false`: there was nothing to do.
    pub fn round<A>(&self, round: impl FnOnce(&mut D) -> Option<A>, tell: impl FnOnce(A)) -> bool {
        let after = self.driver.lock().as_mut().and_then(round);
        let did = after.is_some();
        // Not under the driver's lock: it is foreign code.
        if let Some(after) = after {
            tell(after);
        }
        did
    }

    /// Runs rounds until `is_enough`, there is nothing to do, or somebody else has the driver. Then tells the thread, if
    /// `has_more`.
    pub fn lead<A>(
        &self,
        is_enough: impl Fn() -> bool,
        round: impl Fn(&mut D) -> Option<A>,
        tell: impl Fn(A),
        has_more: impl FnOnce() -> bool,
    ) {
        let mut is_taken = false;
        while !is_enough() {
            // Its own statement, so that the lock is released before anybody is told.
            let after = match self.driver.try_lock() {
                Some(mut driver) => driver.as_mut().and_then(&round),
                None => {
                    is_taken = true;
                    break;
                }
            };
            let Some(after) = after else { break };
            tell(after);
        }
        // What came meanwhile has found the driver taken. Who finds it taken leaves that to who has it.
        if !is_taken && has_more() {
            self.signal.set();
        }
    }

    /// Wakes the thread for something that was published.
    pub fn tell(&self) {
        self.signal.set();
    }

    /// Puts the thread to sleep until it is told, or until then at most; not at all if `has_more`.
    pub fn sleep(&self, until: Option<Instant>, has_more: impl FnOnce() -> bool) {
        if !has_more() {
            self.signal.wait(until);
        }
    }
}
