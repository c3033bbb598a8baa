//! How long to wait before the next connection: doubling, with jitter, from what the server asks.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Waits between connections.
#[derive(Debug)]
pub(super) struct Backoff {
    retry: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// The wait before the server has said anything about it.
    pub(super) const FIRST: Duration = Duration::from_secs(1);
    /// The longest wait of our own; the server may ask for a longer one.
    pub(super) const LONGEST: Duration = Duration::from_secs(30);
    /// The longest wait that a server gets.
    pub(super) const BELIEVED: Duration = Duration::from_secs(600);

    pub(super) fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff {
            retry: first,
            longest,
            failures: 0,
        }
    }

    /// Failures since a stream came about.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// The server's `retry:` field.
    pub(super) fn server_asks(&mut self, retry: Duration) {
        self.retry = retry.min(Self::BELIEVED);
    }

    /// A stream came about: the next failure is the first again.
    pub(super) fn connected(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure.
    pub(super) fn pause(&mut self) -> Duration {
        // The hasher's random keys are the randomness: clients that were cut together come back
        // apart.
        let random = RandomState::new().build_hasher().finish();
        self.pause_by(random as f64 / u64::MAX as f64)
    }

    fn pause_by(&mut self, random: f64) -> Duration {
        let doubled = self.retry.saturating_mul(1 << self.failures.min(16));
        let longest = doubled.min(self.longest.max(self.retry));
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(0.5 + random / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Backoff {
        Backoff::new(Backoff::FIRST, Backoff::LONGEST)
    }

    #[test]
    fn doubles_up_to_the_longest() {
        let mut backoff = fresh();
        let pauses: Vec<u64> = (0..7).map(|_| backoff.pause_by(1.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        backoff.connected();
        backoff.server_asks(Duration::from_millis(100));
        assert_eq!(backoff.pause_by(0.0), Duration::from_millis(50));
        backoff.server_asks(Duration::from_secs(60));
        assert_eq!(backoff.pause_by(1.0), Duration::from_secs(60));
    }

    #[test]
    fn jitter_stays_in_the_upper_half() {
        for _ in 0..100 {
            let pause = fresh().pause();
            assert!(
                (Backoff::FIRST / 2..=Backoff::FIRST).contains(&pause),
                "{pause:?}"
            );
        }
    }
}
