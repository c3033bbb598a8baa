//! The slow policy of a stream: what is done when it falls further behind than it may.

/// The treatment of a stream that falls further behind than it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlowPolicy {
    /// The stream gets everything that is kept, however late.
    #[default]
    CatchUp,
    /// The stream is told what it misses and goes on with the next event.
    Gap,
    /// The stream gets the newest event of each topic, in order, and goes on live.
    Latest,
    /// The stream is told why, and its connection ends.
    Disconnect,
}

/// The settings for a stream that is slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlowOptions {
    /// The treatment when it is too slow.
    pub slow: SlowPolicy,
    /// Bytes of the frame log that may lie between it and the newest frame before that happens; 0: all
    /// that the log holds. Nothing but the log bounds [`SlowPolicy::CatchUp`].
    pub lag_bytes: u32,
}

impl SlowOptions {
    /// Returns whether a stream, whose next byte is `next` of a log that ends at `end`, is further behind than it asked
    /// for.
    pub(super) fn is_too_far(self, next: u64, end: u64) -> bool {
        self.lag_bytes > 0
            && self.slow != SlowPolicy::CatchUp
            && end.saturating_sub(next) > u64::from(self.lag_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bound_that_was_asked_for_is_one() {
        let slow = |slow, lag_bytes| SlowOptions { slow, lag_bytes };
        assert!(slow(SlowPolicy::Gap, 100).is_too_far(50, 151));
        assert!(!slow(SlowPolicy::Gap, 100).is_too_far(50, 150));
        assert!(!slow(SlowPolicy::Gap, 0).is_too_far(0, u64::MAX));
        assert!(!slow(SlowPolicy::CatchUp, 100).is_too_far(0, u64::MAX));
    }
}
