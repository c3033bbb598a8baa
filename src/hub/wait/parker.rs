//! A thread that waits for one notification.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::ring::Notify;

/// The notification of a thread that waits.
#[derive(Default)]
pub(in crate::hub) struct Parker {
    is_notified: Mutex<bool>,
    changed: Condvar,
}

impl Parker {
    pub(in crate::hub) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Takes the notification, and waits for it until then at most. Returns whether it came.
    pub(in crate::hub) fn park(&self, until: Option<Instant>) -> bool {
        let mut is_notified = self.is_notified.lock();
        while !*is_notified {
            match until {
                None => self.changed.wait(&mut is_notified),
                Some(until) => {
                    if self.changed.wait_until(&mut is_notified, until).timed_out() {
                        break;
                    }
                }
            }
        }
        std::mem::take(&mut *is_notified)
    }
}

impl Notify for Parker {
    fn notify(&self) {
        *self.is_notified.lock() = true;
        self.changed.notify_one();
    }
}
