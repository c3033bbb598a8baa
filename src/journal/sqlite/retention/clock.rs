//! The clock by which events age: that of the wall, for as long as it is steady.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::deadline;

/// A jump of the clock, against the monotonic one or against what was believed last when the journal was opened.
const JUMP: Duration = Duration::from_secs(10 * 60);
/// The time for which a clock is steady before it is believed again.
const STEADY: Duration = Duration::from_secs(3600);

/// Between two times that are written down as believed.
const WRITE_EVERY: Duration = Duration::from_secs(60);

/// The wall clock, as it was looked at last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    wall: i64,
    monotonic: Instant,
    /// Nothing goes by its age until then.
    suspended: Option<Instant>,
    /// The time that is written down as believed last; 0: none is.
    written: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            wall: 0,
            monotonic: Instant::now(),
            suspended: None,
            written: 0,
        }
    }
}

impl Clock {
    /// Compares it with the time that was believed last, and where none is written down with the last event's; 0: there is none. The
    /// last event's alone says nothing: a clock that is not believed wrote it. After a longer stop, too, it is watched for an hour first:
    /// whether the journal was closed for that long or the clock is wrong cannot be known.
    pub(super) fn new(wall: i64, believed: i64, recorded: i64, now: Instant) -> Self {
        let known = if believed != 0 { believed } else { recorded };
        let is_off = known != 0 && is_jump(wall.abs_diff(known));
        Self {
            wall,
            monotonic: Instant::now(),
            suspended: is_off.then(|| deadline::after(now, STEADY)),
            written: believed,
        }
    }

    /// Looks at it; returns the time where that can be believed. Two looks are an hour apart at most.
    pub(super) fn look(&mut self, wall: i64, now: Instant) -> Option<i64> {
        let monotonic = Instant::now();
        let passed = monotonic.duration_since(self.monotonic).as_millis();
        let expected = self
            .wall
            .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
        if is_jump(wall.abs_diff(expected)) {
            self.suspended = Some(deadline::after(now, STEADY));
        }
        (self.wall, self.monotonic) = (wall, monotonic);
        if self.suspended.is_some_and(|until| until <= now) {
            self.suspended = None;
        }
        self.suspended.is_none().then_some(wall)
    }

    /// Returns whether a time that is believed is to be written down.
    pub(super) fn is_due(&self, wall: i64) -> bool {
        u128::from(wall.abs_diff(self.written)) >= WRITE_EVERY.as_millis()
    }

    /// Notes that a time was written down.
    pub(super) fn written(&mut self, wall: i64) {
        self.written = wall;
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.suspended.is_some()
    }
}

fn is_jump(millis: u64) -> bool {
    u128::from(millis) > JUMP.as_millis()
}

/// Asks SQLite for the time, milliseconds since 1970: it asks what stands between it and the system, which tests let jump.
pub(super) fn wall(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn a_clock_that_jumps_is_not_believed_until_it_is_steady() {
        let now = Instant::now();
        let at = |minutes: u64| deadline::after(now, Duration::from_secs(minutes * 60));
        let wall = 1_800_000_000_000;
        let mut clock = Clock::new(wall, 0, wall - MINUTE, now);
        assert_eq!(clock.look(wall, now), Some(wall));
        assert_eq!(clock.look(wall + 9 * MINUTE, now), Some(wall + 9 * MINUTE));
        // Ten years ahead, and back.
        let ahead = wall + 10 * 365 * 24 * 60 * MINUTE;
        assert_eq!(clock.look(ahead, now), None);
        assert_eq!(clock.look(ahead, at(59)), None);
        assert_eq!(clock.look(wall, at(59)), None);
        assert_eq!(clock.look(wall, at(118)), None);
        assert!(clock.is_suspended());
        assert_eq!(clock.look(wall, at(119)), Some(wall));
        assert!(!clock.is_suspended());
    }

    #[test]
    fn the_time_that_was_believed_last_counts_and_not_what_a_wrong_clock_wrote() {
        let now = Instant::now();
        let right = 1_800_000_000_000;
        let ahead = right + 10 * 365 * 24 * 60 * MINUTE;
        // Events were taken by the wrong clock already, then it was opened again.
        assert!(Clock::new(ahead, right, ahead, now).is_suspended());
        assert!(!Clock::new(right, right - MINUTE, ahead, now).is_suspended());
        let mut clock = Clock::new(right, right, right, now);
        assert!(!clock.is_due(right + MINUTE / 2));
        assert!(clock.is_due(right + MINUTE));
        clock.written(right + MINUTE);
        assert!(!clock.is_due(right + MINUTE));
    }

    #[test]
    fn a_journal_whose_last_event_is_far_from_now_is_watched_first() {
        let now = Instant::now();
        for recorded in [1_000, 5_000_000_000_000] {
            let mut clock = Clock::new(1_800_000_000_000, 0, recorded, now);
            assert_eq!(clock.look(1_800_000_000_000, now), None);
            let later = deadline::after(now, STEADY);
            assert!(clock.look(1_800_000_000_000, later).is_some());
        }
        assert!(!Clock::new(1_800_000_000_000, 0, 0, now).is_suspended());
    }
}
