//! The last value of each topic: its newest event, for streams that want no more than that when they are slow.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// Topics that are told apart; the one that was quiet for longest goes first. About 100 bytes each.
const TOPICS_MAX: usize = 65_536;

/// A table of offsets, kept only while a stream may ask for it.
#[derive(Debug, Default)]
pub(in crate::gateway) struct LastValues {
    users: usize,
    /// Hash of the topic to the offset of its newest event.
    by_topic: HashMap<u64, u64>,
    /// The same, in order of offset.
    in_order: BTreeMap<u64, u64>,
}

impl LastValues {
    /// One more class of streams may ask.
    pub(in crate::gateway) fn join(&mut self) {
        self.users += 1;
    }

    /// One class less. The last one takes the table along.
    pub(in crate::gateway) fn leave(&mut self) {
        self.users -= 1;
        if self.users == 0 {
            *self = Self::default();
        }
    }

    pub(super) fn is_used(&self) -> bool {
        self.users > 0
    }

    /// Notes an event.
    pub(in crate::gateway) fn note(&mut self, offset: u64, topic: u64) {
        if let Some(before) = self.by_topic.insert(topic, offset) {
            self.in_order.remove(&before);
        }
        self.in_order.insert(offset, topic);
        if self.in_order.len() > TOPICS_MAX
            && let Some((_, quiet)) = self.in_order.pop_first()
        {
            self.by_topic.remove(&quiet);
        }
    }

    /// The offsets in a range that are the newest of their topics, ascending.
    pub(in crate::gateway) fn within(&self, range: Range<u64>) -> impl Iterator<Item = u64> {
        self.in_order.range(range).map(|(offset, _)| *offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_is_there_once_in_order_of_its_newest() {
        let mut values = LastValues::default();
        values.join();
        for (offset, topic) in [(1, 7), (2, 8), (3, 7), (4, 9), (5, 8)] {
            values.note(offset, topic);
        }
        assert_eq!(values.within(1..6).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(values.within(4..5).collect::<Vec<_>>(), [4]);
        values.leave();
        assert!(!values.is_used());
        assert_eq!(values.within(0..9).count(), 0);
    }

    #[test]
    fn the_quietest_topic_goes_first() {
        let mut values = LastValues::default();
        values.join();
        for topic in 0..=TOPICS_MAX as u64 {
            values.note(topic + 1, topic);
        }
        assert_eq!(values.within(0..u64::MAX).count(), TOPICS_MAX);
        assert_eq!(values.within(0..u64::MAX).next(), Some(2));
    }
}
