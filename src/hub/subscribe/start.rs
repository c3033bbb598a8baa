//! The start of a subscription, in terms of the ring.

use super::StartFrom;
use crate::hub::SubscriptionError;
use crate::hub::shared::Shared;
use crate::ring;

/// The place in the ring where a cursor begins, and what it looks for from there.
pub(super) struct StartPlan {
    pub(super) ring: ring::Start,
    pub(super) seek: Seek,
    /// The offset of the last event that is not wanted, where that is above what can be seen yet.
    pub(super) after: u64,
}

/// The search that a start needs, once the cursor holds its place.
pub(super) enum Seek {
    Stay,
    History,
    LastValues,
    Time(i64),
    Last(usize),
}

impl StartPlan {
    /// Checks a start against what the hub has published.
    pub(super) fn of(start: StartFrom, shared: &Shared) -> Result<Self, SubscriptionError> {
        // Whatever looks for its place begins at the oldest: that pins nothing, and what is overwritten while it looks
        // is told as a gap, where a place looked up before subscribing would be too late without a word.
        let mut after = 0;
        let (ring, seek) = match start {
            StartFrom::Now | StartFrom::Last(0) => (ring::Start::Newest, Seek::Stay),
            StartFrom::Beginning => (ring::Start::Oldest, Seek::History),
            StartFrom::LastValues => (ring::Start::Oldest, Seek::LastValues),
            StartFrom::Timestamp(nanos) => (ring::Start::Oldest, Seek::Time(nanos)),
            StartFrom::Last(count) => (ring::Start::Oldest, Seek::Last(count)),
            StartFrom::After(position) => {
                let (expected, head) = (shared.epoch, shared.ring.visible());
                if position.epoch != expected {
                    return Err(SubscriptionError::Epoch {
                        expected,
                        got: position.epoch,
                    });
                }
                if position.offset > shared.ring.head() {
                    return Err(SubscriptionError::InFuture {
                        head,
                        got: position.offset,
                    });
                }
                // What is in flight is waited for.
                if position.offset > head {
                    after = position.offset;
                }
                // The event after offset n has sequence n. If it is gone already, the first read says what was missed.
                (ring::Start::At(position.offset.min(head)), Seek::Stay)
            }
        };
        Ok(Self { ring, seek, after })
    }
}
