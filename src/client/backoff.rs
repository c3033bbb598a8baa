//! The backoff between connections: the one policy of both clients.
//!
//! Waits double from what the server asks for, or the program, up to half a minute, and half of each is
//! chance. They begin anew only after a connection that was of use: one that delivered an event, or lived
//! for a while. One that only came about proves nothing: a proxy whose server is gone lets everybody in.
//!
//! The time is passed in, so that a simulation can go through an hour at once.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// Waits between connections.
#[derive(Debug)]
pub(super) struct Backoff {
    /// The first wait.
    retry: Duration,
    longest: Duration,
    /// No wait is shorter.
    floor: Duration,
    /// Failures since a connection was of use.
    failures: u32,
    /// Since when there is a connection.
    connected: Option<Instant>,
    /// Set once the connection has delivered an event.
    delivered: bool,
}

impl Backoff {
    /// The wait before the server has said anything about it.
    pub(super) const FIRST: Duration = Duration::from_secs(1);
    /// The longest wait of our own; the server may ask for a longer one.
    pub(super) const LONGEST: Duration = Duration::from_secs(30);
    /// The longest wait that a server gets.
    pub(super) const BELIEVED: Duration = Duration::from_secs(600);
    /// The shortest wait that a server gets: `retry: 0` is a mistake or an attack.
    pub(super) const FLOOR: Duration = Duration::from_millis(100);
    /// The shortest wait that a program gets from its own client, so that no loop runs hot.
    pub(super) const FLOOR_OF_OWN: Duration = Duration::from_millis(1);
    /// The longest wait that a program gets: longer ones are taken for it.
    pub(super) const CEILING: Duration = Duration::from_secs(24 * 60 * 60);
    /// The life of a connection that counts as of use without an event.
    pub(super) const LIVED: Duration = Duration::from_secs(5);

    pub(super) fn new(first: Duration, longest: Duration) -> Backoff {
        let first = first.clamp(Self::FLOOR_OF_OWN, Self::CEILING);
        Backoff {
            retry: first,
            longest: longest.clamp(first, Self::CEILING),
            // A program that comes back faster than the floor wants to: it knows its server.
            floor: first.min(Self::FLOOR),
            failures: 0,
            connected: None,
            delivered: false,
        }
    }

    /// Failures since a connection was of use.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// The server's `retry:` field.
    pub(super) fn server_asks(&mut self, retry: Duration) {
        self.retry = retry.clamp(self.floor, Self::BELIEVED);
    }

    /// Notes that there is a connection. That alone begins nothing anew.
    pub(super) fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// Notes that the connection has delivered an event.
    pub(super) fn delivered(&mut self) {
        self.delivered = true;
    }

    /// The wait after one more failure: there is no connection now, or none came about.
    pub(super) fn pause(&mut self, now: Instant) -> Duration {
        // The hasher's random keys are the randomness: clients that were cut together come back
        // apart.
        let random = RandomState::new().build_hasher().finish();
        self.pause_by(now, random as f64 / u64::MAX as f64)
    }

    fn pause_by(&mut self, now: Instant, random: f64) -> Duration {
        // Taken, not read: a connection is judged once, however many failures follow it.
        let lived = self
            .connected
            .take()
            .is_some_and(|since| now.saturating_duration_since(since) >= Self::LIVED);
        if std::mem::take(&mut self.delivered) || lived {
            self.failures = 0;
        }
        // Bounded: a shift by 32 or more overflows.
        let doubled = self.retry.saturating_mul(1 << self.failures.min(16));
        // A server may ask for more than the longest wait of our own.
        let whole = doubled.min(self.longest.max(self.retry));
        self.failures = self.failures.saturating_add(1);
        // Half of it is left to chance, which parts those that were cut together; the other half is sure.
        let half = whole / 2;
        half.max(self.floor) + half.mul_f64(random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Backoff {
        Backoff::new(Backoff::FIRST, Backoff::LONGEST)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn doubles_up_to_the_longest() {
        let now = Instant::now();
        let mut backoff = fresh();
        let pauses = (0..7).map(|_| backoff.pause_by(now, 1.0).as_secs());
        assert_eq!(pauses.collect::<Vec<_>>(), [1, 2, 4, 8, 16, 30, 30]);
        backoff.server_asks(Duration::from_secs(60));
        assert_eq!(backoff.pause_by(now, 1.0), Duration::from_secs(60));
        backoff.server_asks(Duration::MAX);
        assert_eq!(backoff.pause_by(now, 1.0), Backoff::BELIEVED);
    }

    #[test]
    fn only_a_connection_of_use_begins_anew() {
        let now = Instant::now();
        let mut backoff = fresh();
        for _ in 0..5 {
            backoff.connected(now);
            backoff.pause_by(now + Backoff::LIVED - ms(1), 1.0);
        }
        assert_eq!(backoff.failures(), 5);
        backoff.connected(now);
        assert_eq!(backoff.pause_by(now + Backoff::LIVED, 1.0), ms(1000));
        assert_eq!(backoff.pause_by(now, 1.0), ms(2000));
        backoff.connected(now);
        backoff.delivered();
        assert_eq!(backoff.pause_by(now, 1.0), ms(1000));
        // Each connection proves itself anew.
        backoff.connected(now);
        assert_eq!(backoff.pause_by(now, 1.0), ms(2000));
    }

    #[test]
    fn a_server_cannot_go_under_the_floor() {
        let now = Instant::now();
        for asked in [0, 1, 20, 100] {
            let mut backoff = fresh();
            backoff.server_asks(ms(asked));
            assert_eq!(backoff.pause_by(now, 0.0), Backoff::FLOOR);
            let pauses: Vec<_> = (0..9).map(|_| backoff.pause_by(now, 1.0)).collect();
            assert_eq!(
                (pauses[0], pauses[8]),
                (ms(200), Backoff::LONGEST),
                "{asked}"
            );
        }
        // A program may, but for a floor of its own.
        let mut own = Backoff::new(Duration::ZERO, Duration::ZERO);
        own.server_asks(Duration::ZERO);
        assert_eq!(own.pause_by(now, 0.0), Backoff::FLOOR_OF_OWN);
    }

    #[test]
    fn waits_for_ever_are_a_day() {
        let mut backoff = Backoff::new(Duration::MAX, Duration::MAX);
        for _ in 0..40 {
            assert!(backoff.pause(Instant::now()) <= Backoff::CEILING);
        }
    }

    #[test]
    fn jitter_stays_in_the_upper_half() {
        for _ in 0..100 {
            let pause = fresh().pause(Instant::now());
            assert!(
                (Backoff::FIRST / 2..=Backoff::FIRST).contains(&pause),
                "{pause:?}"
            );
        }
    }
}
