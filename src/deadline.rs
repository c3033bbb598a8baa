//! Deadlines from waits of any length: the one place where a wait is added to a point in time.

use std::time::{Duration, Instant};

/// Farther away than any program waits, and near enough that no system's clock overflows by it.
pub(crate) const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Returns the end of a wait that begins at `now`.
///
/// `Instant + Duration` panics where the sum is more than the clock can hold, as with the `Duration::MAX`
/// by which people mean "for ever". Such a wait ends in 30 years here.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    // Only a clock that stands at its own end has no room for 30 years.
    now.checked_add(wait.min(FAR)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_ever_ends_in_thirty_years() {
        let now = Instant::now();
        assert_eq!(after(now, Duration::ZERO), now);
        assert_eq!(
            after(now, Duration::from_secs(5)),
            now + Duration::from_secs(5)
        );
        assert_eq!(after(now, Duration::MAX), now + FAR);
    }
}
