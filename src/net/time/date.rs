//! The `Date` of responses: one text a second for each thread.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

use crate::net::time::clock::Clock;

/// A date as responses have it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
pub type Date = [u8; 29];

/// The last second that such a date can name: the end of the year 9999.
const LAST_S: u64 = 253_402_300_799;

thread_local! {
    /// That of the turn which this thread is in. Not a field of the service: answers are written by functions that
    /// know their request and nothing else.
    static TURN: Cell<Option<Date>> = const { Cell::new(None) };
}

/// The date of a reactor, and until when it is right.
pub(in crate::net) struct DateCache {
    text: Date,
    /// By the reactor's clock. What steps the time of day meanwhile is seen a second later at most.
    until: Instant,
}

impl DateCache {
    /// Makes one that is read at the first turn.
    pub(in crate::net) fn new(now: Instant) -> Self {
        Self {
            text: date_of(UNIX_EPOCH),
            until: now,
        }
    }

    /// Makes it the date of this thread's turn, after reading the time of day if a second has passed.
    pub(in crate::net) fn begin_turn(&mut self, now: Instant, clock: &dyn Clock) {
        if now >= self.until {
            let time = clock.time_of_day();
            let past = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            self.text = date_of(time);
            self.until = now + Duration::from_nanos(1_000_000_000 - u64::from(past.subsec_nanos()));
        }
        // Each turn, not only when it changes: another server may have had its turn on this thread.
        TURN.set(Some(self.text));
    }
}

/// Returns the date for a response that is written now.
pub fn date() -> Date {
    // None: not within a turn, as where a test calls what answers.
    TURN.get().unwrap_or_else(|| date_of(SystemTime::now()))
}

fn date_of(time: SystemTime) -> Date {
    // httpdate panics outside of the years that have four digits, and a clock may say anything.
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = Duration::from_secs(seconds.as_secs().min(LAST_S));
    let mut text = [b' '; 29];
    let written = write!(&mut text[..], "{}", HttpDate::from(UNIX_EPOCH + seconds));
    debug_assert!(written.is_ok(), "every date has 29 characters");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock whose time of day has nothing to do with its monotonic time.
    struct Fixed {
        now: Instant,
        time: SystemTime,
    }

    impl Clock for Fixed {
        fn now(&self) -> Instant {
            self.now
        }

        fn time_of_day(&self) -> SystemTime {
            self.time
        }
    }

    #[test]
    fn a_date_is_kept_until_its_second_is_over() {
        let start = Instant::now();
        let mut clock = Fixed {
            now: start,
            time: UNIX_EPOCH + Duration::from_millis(784_111_777_900),
        };
        let mut cache = DateCache::new(start);
        cache.begin_turn(clock.now(), &clock);
        assert_eq!(&date(), b"Sun, 06 Nov 1994 08:49:37 GMT");
        clock.time += Duration::from_millis(100);
        cache.begin_turn(start + Duration::from_millis(99), &clock);
        assert_eq!(&date(), b"Sun, 06 Nov 1994 08:49:37 GMT");
        cache.begin_turn(start + Duration::from_millis(100), &clock);
        assert_eq!(&date(), b"Sun, 06 Nov 1994 08:49:38 GMT");
    }

    #[test]
    fn no_time_of_day_is_too_strange() {
        let before = UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(&date_of(before), b"Thu, 01 Jan 1970 00:00:00 GMT");
        let after = UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(&date_of(after), b"Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
