//! A distribution that one thread counts and any thread reads.

use std::sync::atomic::{AtomicU64, Ordering};

/// The buckets: a bound each, doubling, and one for what is over all of them.
const BUCKETS: usize = 24;

/// The distribution of something at one moment, by bounds that double.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// The number of values not above each bound and above the one before; the last bound is infinity.
    pub buckets: Vec<(f64, u64)>,
    /// The number of values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

/// Counts a distribution of whole numbers.
#[derive(Debug)]
pub(in crate::hub) struct Recorder {
    /// The bound of the first bucket.
    first: u64,
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

impl Recorder {
    /// Counts from a first bound on, which is a power of two.
    pub(in crate::hub) fn new(first: u64) -> Self {
        Self {
            first,
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
        }
    }

    /// Relaxed, as in `read`: figures, which order nothing.
    pub(in crate::hub) fn count(&self, value: u64) {
        let above = value.saturating_sub(1) / self.first;
        let bucket = (u64::BITS - above.leading_zeros()) as usize;
        self.buckets[bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Reads it in another unit: that of the values times `unit`.
    pub(in crate::hub) fn read(&self, unit: f64) -> Histogram {
        let mut bound = self.first as f64 * unit;
        let mut buckets = Vec::with_capacity(BUCKETS);
        for (index, bucket) in self.buckets.iter().enumerate() {
            let at = if index + 1 == BUCKETS {
                f64::INFINITY
            } else {
                bound
            };
            buckets.push((at, bucket.load(Ordering::Relaxed)));
            bound *= 2.0;
        }
        Histogram {
            count: buckets.iter().map(|(_, count)| count).sum(),
            sum: self.sum.load(Ordering::Relaxed) as f64 * unit,
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_first_bucket_that_they_are_not_above() {
        let recorder = Recorder::new(4);
        [0, 1, 4, 5, 8, 9, u64::MAX >> 1]
            .into_iter()
            .for_each(|value| recorder.count(value));
        let read = recorder.read(1.0);
        let counts: Vec<u64> = read.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!((counts[0], counts[1], counts[2]), (3, 2, 1));
        assert_eq!((counts[BUCKETS - 1], read.count), (1, 7));
        assert_eq!((read.buckets[0].0, read.buckets[2].0), (4.0, 16.0));
        assert_eq!(read.buckets[BUCKETS - 1].0, f64::INFINITY);
    }
}
