//! The time index: marks that say which events were there already at a time.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

/// Marks that are kept: 1 MiB. Then every second one of the older half goes, so that old times are known less exactly.
/// Of a ring with fewer events as many as it has, since there is one an event at most.
const MARKS_MAX: usize = 65_536;
/// Marks that there is room for from the start, of a ring with so many events: 16 KiB.
const MARKS_FIRST: usize = 1_024;
/// Events between two looks at the clock, at most: as many as come in a
/// millisecond.
const EVENTS_PER_MARK_MAX: u32 = 256;
/// Nanoseconds from one look at the clock to the next that publishers aim for.
const LOOK_NANOS: i64 = 1_000_000;

/// The times at which a hub took its events, by marks.
///
/// A look at the clock costs more than a publish, so not each event has a time of its own: a mark says that all events
/// up to an offset were there at a time. Where they come slowly, each has its mark; where they come fast, every 256th.
/// So the place of a time is never too late, and too early by fewer than 256 events that came within a burst.
///
/// Times never go back, whatever the clock does.
#[derive(Debug)]
pub(in crate::hub) struct TimeIndex {
    /// Ascending in both. Never empty.
    marks: VecDeque<Mark>,
    /// The time at the last look at the clock, nanoseconds since 1970.
    looked: i64,
    /// Events that the ring keeps.
    kept: u64,
}

/// All events up to an offset were there at a time.
#[derive(Clone, Copy, Debug)]
struct Mark {
    offset: u64,
    /// Milliseconds since 1970.
    millis: i64,
}

impl TimeIndex {
    /// Begins at a time behind an offset, for a ring that keeps so many events: nothing behind it was there yet.
    pub(in crate::hub) fn new(now: i64, first: u64, kept: u64) -> Self {
        let room = MARKS_FIRST.min(usize::try_from(kept).unwrap_or(usize::MAX));
        let mut marks = VecDeque::with_capacity(room);
        marks.push_back(Mark {
            offset: first,
            millis: millis(now),
        });
        Self {
            marks,
            looked: now,
            kept,
        }
    }

    /// Says that everything up to `offset` is there `now`. Returns how long ago that was said last, nanoseconds.
    pub(in crate::hub) fn mark(&mut self, offset: u64, now: i64) -> i64 {
        let since = now.saturating_sub(self.looked);
        self.looked = now;
        // One mark is there from the start, and the first one always stays.
        let last = self.marks.back().copied();
        let (last, time) = last.map_or((0, i64::MIN), |mark| (mark.offset, mark.millis));
        let now = millis(now).max(time);
        if offset <= last {
            return since;
        }
        if let Some(mark) = self.marks.back_mut()
            && time == now
        {
            mark.offset = offset;
            return since;
        }
        // Before the list of marks grows, those that say nothing any more go.
        if self.marks.len() == self.marks.capacity() {
            self.make_room(offset);
        }
        self.marks.push_back(Mark {
            offset,
            millis: now,
        });
        since
    }

    /// Returns what a time is to an event that is taken now, milliseconds since 1970: never less than before.
    pub(in crate::hub) fn time(&self, now: i64) -> i64 {
        let last = self.marks.back().map_or(i64::MIN, |mark| mark.millis);
        millis(now).max(last)
    }

    /// Returns the first offset that may have been taken at a time or later.
    pub(in crate::hub) fn since(&self, nanos: i64) -> u64 {
        let time = millis(nanos);
        let earlier = self.marks.partition_point(|mark| mark.millis < time);
        let last = earlier.checked_sub(1).and_then(|at| self.marks.get(at));
        last.map_or(1, |mark| mark.offset + 1)
    }

    /// Returns a time at which an event was there, milliseconds since 1970: the first that is known.
    pub(in crate::hub) fn time_of(&self, offset: u64) -> i64 {
        self.known_time_of(offset).unwrap_or(millis(self.looked))
    }

    /// As [`time_of`](Self::time_of); `None`: there is no mark behind it yet.
    pub(super) fn known_time_of(&self, offset: u64) -> Option<i64> {
        let before = self.marks.partition_point(|mark| mark.offset < offset);
        self.marks.get(before).map(|mark| mark.millis)
    }

    /// Lets go of marks that say nothing of what the ring still has, before there is more room.
    #[cold]
    fn make_room(&mut self, offset: u64) {
        let floor = offset.saturating_sub(self.kept);
        let gone = self.marks.partition_point(|mark| mark.offset < floor);
        // The newest of those stays: it says when what lies behind the floor was taken.
        self.marks.drain(..gone.saturating_sub(1));
        if self.marks.len() >= MARKS_MAX {
            self.thin_out();
        }
    }

    /// A mark that is gone makes the place of a time earlier, never later.
    fn thin_out(&mut self) {
        let old = self.marks.len() / 2;
        let mut index = 0;
        self.marks.retain(|_| {
            index += 1;
            index > old || index % 2 == 1
        });
    }
}

/// Returns how many events may follow until the clock is looked at again, if `before` did the last time and took so
/// long: as many as come in a millisecond.
pub(in crate::hub) fn events_per_mark(before: u32, took: i64) -> u32 {
    // A clock that went back says nothing.
    let at_this_pace = match took {
        1.. => i64::from(before) * LOOK_NANOS / took,
        _ => 1,
    };
    // Doubled at most: one burst must not blind it to what comes slowly after.
    let most = (before * 2).min(EVENTS_PER_MARK_MAX);
    // Within 1..=256.
    at_this_pace.clamp(1, i64::from(most)) as u32
}

/// Returns the time of the clock, nanoseconds since 1970.
pub(in crate::hub) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    })
}

pub(super) fn millis(nanos: i64) -> i64 {
    nanos.div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn a_time_begins_with_the_first_event_that_was_not_there_before_it() {
        let mut times = TimeIndex::new(100 * MS, 0, u64::MAX);
        times.mark(3, 200 * MS);
        times.mark(9, 300 * MS);
        times.mark(12, 300 * MS + 1);
        assert_eq!(times.since(0), 1);
        assert_eq!(times.since(200 * MS), 1);
        assert_eq!(times.since(200 * MS + MS), 4);
        assert_eq!(times.since(300 * MS), 4, "perhaps the tenth was taken then");
        assert_eq!(times.since(301 * MS), 13);
        assert_eq!(times.since(i64::MAX), 13);
    }

    #[test]
    fn a_clock_that_goes_back_takes_no_event_back() {
        let mut times = TimeIndex::new(100 * MS, 0, u64::MAX);
        times.mark(1, 500 * MS);
        times.mark(2, 50 * MS);
        times.mark(3, 600 * MS);
        assert_eq!(times.since(100 * MS), 1);
        assert_eq!(times.since(501 * MS), 3);
        assert_eq!(times.since(601 * MS), 4);
    }

    #[test]
    fn what_was_long_ago_is_known_less_exactly_and_never_too_late() {
        let mut times = TimeIndex::new(0, 0, u64::MAX);
        for n in 1..=1_000_000 {
            times.mark(n, n as i64 * MS);
        }
        assert!(times.marks.len() <= MARKS_MAX);
        for n in (1..=1_000_000).step_by(997) {
            let place = times.since(n as i64 * MS);
            assert!(place <= n, "{place} for {n}");
        }
        assert_eq!(times.since(999_990 * MS), 999_990);
    }

    #[test]
    fn what_the_ring_has_lost_has_no_marks() {
        let mut times = TimeIndex::new(0, 0, 100);
        for n in 1..=100_000 {
            times.mark(n, n as i64 * MS);
        }
        assert!(times.marks.capacity() <= 512, "{}", times.marks.capacity());
        for n in 99_901..=100_000 {
            assert_eq!(times.since(n as i64 * MS), n);
        }
    }

    #[test]
    fn slow_events_have_a_mark_each_and_fast_ones_share_it() {
        let mut events = 1;
        (0..20).for_each(|_| events = events_per_mark(events, 1_000));
        assert_eq!(events, EVENTS_PER_MARK_MAX);
        assert_eq!(events_per_mark(events, 2 * MS), EVENTS_PER_MARK_MAX / 2);
        assert_eq!(events_per_mark(events, 1_000 * MS), 1);
        assert_eq!(events_per_mark(events, -5), 1, "the clock went back");
    }
}
