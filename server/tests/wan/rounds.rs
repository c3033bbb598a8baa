//! What both tests share: they run one after the other, and take figures of several rounds.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

static ALONE: Mutex<()> = Mutex::new(());

/// Lets one test run at a time: what one measures, the other would disturb.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    // One that has failed takes nothing from the next.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The value that so many percent of these do not exceed.
pub(crate) fn percentile(mut values: Vec<Duration>, percent: usize) -> Duration {
    values.sort_unstable();
    values[(values.len() - 1) * percent / 100]
}

/// The middle of three or more.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
