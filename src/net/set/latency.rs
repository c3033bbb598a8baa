//! How long events take from their publisher to the sockets: one measurement a batch.

use crate::counter::Counter;

/// Upper bounds of the buckets, microseconds; the last bucket has none.
pub const LATENCY_BOUNDS_US: [u64; 19] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
    500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

const BUCKETS: usize = LATENCY_BOUNDS_US.len() + 1;

/// A reading of the latency histogram.
///
/// A batch is what the reactor read from the ring in one go. It is measured from when its first event
/// was published (or from when the reactor last looked, if it was busy: then the figure is a bound)
/// until every socket that could take it had it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// Batches in each bucket, not summed up; the bounds are [`LATENCY_BOUNDS_US`].
    pub counts: [u64; BUCKETS],
    /// Sum of all measurements, microseconds.
    pub sum_us: u64,
}

impl Latency {
    /// These measurements and those of another reactor together.
    pub(in crate::net) fn with(self, other: Self) -> Self {
        Self {
            counts: std::array::from_fn(|i| self.counts[i] + other.counts[i]),
            sum_us: self.sum_us + other.sum_us,
        }
    }
}

/// The histogram; the reactor's thread is its only writer.
#[derive(Debug, Default)]
pub(in crate::net) struct Histogram {
    counts: [Counter; BUCKETS],
    sum_us: Counter,
}

impl Histogram {
    pub(in crate::net) fn record(&self, us: u64) {
        self.counts[LATENCY_BOUNDS_US.partition_point(|bound| *bound < us)].add(1);
        self.sum_us.add(us);
    }

    pub(in crate::net) fn read(&self) -> Latency {
        Latency {
            counts: std::array::from_fn(|i| self.counts[i].get()),
            sum_us: self.sum_us.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for us in [0, 10, 11, u64::from(u32::MAX)] {
            histogram.record(us);
        }
        let read = histogram.read();
        assert_eq!(
            (read.counts[0], read.counts[1], read.counts[BUCKETS - 1]),
            (2, 1, 1)
        );
        assert_eq!(read.sum_us, 21 + u64::from(u32::MAX));
    }
}
