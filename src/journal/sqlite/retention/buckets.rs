//! The buckets of a topic with bounds of its own: how much there is of it, by age, in a few buckets.

use std::collections::VecDeque;

use crate::journal::Retention;

/// A bucket has such a part of a bound: the bound is exceeded by one of them, at most; or by such a part of what there was when
/// it was looked at, where that was more.
const PART: u64 = 32;
/// Buckets of a topic: above it two become one.
const BUCKETS_MAX: usize = 64;
/// A pass takes such a part of a topic, or a bucket, and as many events as came since the last one: it keeps up.
const PASS_PART: u64 = 10;

/// A run of a topic's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    last: u64,
    recorded_first: i64,
    recorded_last: i64,
    events: u64,
    bytes: u64,
}

/// The events of a topic that count for its bounds, as far as they are known.
#[derive(Clone, Debug)]
pub(super) struct TopicBuckets {
    bounds: Retention,
    buckets: VecDeque<Bucket>,
    events: u64,
    bytes: u64,
    /// Events that came since the last pass.
    added: u64,
}

/// The oldest buckets of a topic, which are to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Excess {
    pub(super) buckets: usize,
    /// The last event in them, and one more.
    pub(super) floor: u64,
    pub(super) bytes: u64,
    /// There are more, for the next pass.
    pub(super) has_more: bool,
    /// There are more, which somebody needs.
    pub(super) is_held: bool,
}

impl TopicBuckets {
    pub(super) fn new(bounds: Retention) -> Self {
        Self {
            bounds,
            buckets: VecDeque::new(),
            events: 0,
            bytes: 0,
            added: 0,
        }
    }

    pub(super) fn bounds(&self) -> &Retention {
        &self.bounds
    }

    /// Changes the bounds of the same events.
    pub(super) fn set_bounds(&mut self, bounds: Retention) {
        self.bounds = bounds;
    }

    /// Adds an event behind the others, or before them, where what was there before is looked through. Returns whether its number or
    /// size asks for some to go.
    pub(super) fn add(&mut self, offset: u64, recorded: i64, bytes: u64, is_before: bool) -> bool {
        self.events += 1;
        self.bytes += bytes;
        self.added += u64::from(!is_before);
        let bounds = self.bounds;
        let end = match is_before {
            true => self.buckets.front_mut(),
            false => self.buckets.back_mut(),
        };
        if let Some(bucket) = end.filter(|bucket| bucket.has_room(&bounds)) {
            bucket.last = bucket.last.max(offset);
            bucket.recorded_first = bucket.recorded_first.min(recorded);
            bucket.recorded_last = bucket.recorded_last.max(recorded);
            bucket.events += 1;
            bucket.bytes += bytes;
            return self.is_exceeded();
        }
        let bucket = Bucket {
            last: offset,
            recorded_first: recorded,
            recorded_last: recorded,
            events: 1,
            bytes,
        };
        match is_before {
            true => self.buckets.push_front(bucket),
            false => self.buckets.push_back(bucket),
        }
        if self.buckets.len() > BUCKETS_MAX {
            self.halve();
        }
        self.is_exceeded()
    }

    /// Returns whether the oldest bucket is to go for the number or the size of what is there.
    fn is_exceeded(&self) -> bool {
        let oldest = self.buckets.front();
        oldest.is_some_and(|bucket| {
            self.leaves_enough(self.events - bucket.events, self.bytes - bucket.bytes)
        })
    }

    /// Makes one bucket of two, all along.
    fn halve(&mut self) {
        let all = std::mem::take(&mut self.buckets);
        let mut all = all.into_iter();
        while let Some(mut bucket) = all.next() {
            if let Some(next) = all.next() {
                bucket.last = next.last;
                bucket.recorded_last = next.recorded_last;
                bucket.events += next.events;
                bucket.bytes += next.bytes;
            }
            self.buckets.push_back(bucket);
        }
    }

    /// Returns whether as many events and bytes as are left are as many as a bound allows.
    fn leaves_enough(&self, events: u64, bytes: u64) -> bool {
        self.bounds.events.is_some_and(|bound| events >= bound)
            || self.bounds.bytes.is_some_and(|bound| bytes >= bound)
    }

    /// Returns what is to go: by number and size, and what is older than a time, where that is known. Nothing at `hold` or
    /// behind it.
    pub(super) fn excess(&self, older_than: Option<i64>, hold: u64) -> Excess {
        let mut excess = Excess::default();
        let (mut events, mut bytes) = (self.events, self.bytes);
        let mut left = (self.events / PASS_PART).max(1) + self.added;
        for bucket in &self.buckets {
            let goes = self.leaves_enough(events - bucket.events, bytes - bucket.bytes)
                || older_than.is_some_and(|time| bucket.recorded_last < time);
            if !goes {
                break;
            }
            if bucket.last >= hold {
                excess.is_held = true;
                break;
            }
            if left == 0 {
                excess.has_more = true;
                break;
            }
            excess.buckets += 1;
            excess.floor = bucket.last + 1;
            excess.bytes += bucket.bytes;
            events -= bucket.events;
            bytes -= bucket.bytes;
            left = left.saturating_sub(bucket.events);
        }
        excess
    }

    /// Forgets the oldest buckets: a pass is over.
    pub(super) fn pop(&mut self, buckets: usize) {
        self.added = 0;
        for bucket in self.buckets.drain(..buckets.min(self.buckets.len())) {
            self.events -= bucket.events;
            self.bytes -= bucket.bytes;
        }
    }

    /// Forgets what lies below an offset, but for a bucket that goes on behind it.
    pub(super) fn forget_below(&mut self, offset: u64) {
        let buckets = self.buckets.partition_point(|bucket| bucket.last < offset);
        self.pop(buckets);
    }
}

impl Bucket {
    fn has_room(&self, bounds: &Retention) -> bool {
        let is_below =
            |is: u64, bound: Option<u64>| bound.is_none_or(|bound| is < (bound / PART).max(1));
        let age = bounds
            .age
            .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let spans = self.recorded_last.abs_diff(self.recorded_first);
        is_below(self.events, bounds.events)
            && is_below(self.bytes, bounds.bytes)
            && is_below(spans, age)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bound_is_exceeded_by_a_bucket_at_most() {
        for bound in [1, 2, 10, 31, 100, 10_000] {
            let mut all = TopicBuckets::new(Retention::default().events(Some(bound)));
            let mut floor = 1;
            for offset in 1..=3 * bound + 100 {
                let is_exceeded = all.add(offset, 0, 10, false);
                let excess = all.excess(None, u64::MAX);
                assert_eq!(is_exceeded, excess.buckets > 0, "{offset} of {bound}");
                all.pop(excess.buckets);
                floor = floor.max(excess.floor);
                let left = offset + 1 - floor;
                assert!(left <= bound + bound / PART, "{left} of {bound}");
                assert!(left >= bound.min(offset), "{left} of {bound}");
                assert!(all.buckets.len() <= BUCKETS_MAX);
                assert_eq!((all.events, all.bytes), (left, left * 10));
            }
        }
    }

    #[test]
    fn what_was_there_is_the_same_looked_through_from_its_end() {
        let bounds = Retention::default()
            .bytes(Some(1_000))
            .age(Some(Duration::from_secs(1)));
        let (mut ahead, mut back) = (TopicBuckets::new(bounds), TopicBuckets::new(bounds));
        for offset in 1..=500 {
            ahead.add(offset, offset as i64, 10, false);
            back.add(501 - offset, 501 - offset as i64, 10, true);
        }
        ahead.added = 0;
        for all in [&mut ahead, &mut back] {
            let (mut floor, mut passes) = (0, 0);
            loop {
                let excess = all.excess(Some(450), 430);
                all.pop(excess.buckets);
                floor = floor.max(excess.floor);
                passes += 1;
                if !excess.has_more {
                    break;
                }
            }
            assert!(passes > 5, "a tenth at most: {passes}");
            assert!((415..=430).contains(&floor), "{floor}");
            all.forget_below(u64::MAX);
            assert_eq!((all.events, all.bytes), (0, 0));
        }
    }
}
