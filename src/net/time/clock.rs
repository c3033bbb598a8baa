//! The reactor's clock, passed in so that tests can move it.

use std::time::{Instant, SystemTime};

/// Tells the time that deadlines and heartbeats go by.
pub trait Clock: Send {
    /// Returns the time. It must not go back.
    fn now(&self) -> Instant;

    /// Returns the time of day, which the `Date` of responses says. It may go back.
    fn time_of_day(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }
}

impl<F: Fn() -> Instant + Send> Clock for F {
    fn now(&self) -> Instant {
        self()
    }
}
