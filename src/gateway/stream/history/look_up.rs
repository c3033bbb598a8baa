//! Looking up where the events of a class stand, instead of looking at those of all topics.

use std::ops::Range;

use crate::gateway::delivery::StreamFilter;
use crate::hub::{Hub, LastEvents, LookedUp, TopicSet};

/// Tries before topics are taken to come and go too fast to look anything up.
const TRIES: usize = 2;

/// The index that history is looked up with: the topics of the last class, and the buffer of its offsets.
#[derive(Default)]
pub(super) struct TopicLookUp {
    /// Kept between two looks: a stream that catches up takes several, and making the set costs a walk over all topics.
    last: Option<(StreamFilter, TopicSet)>,
    offsets: Vec<u64>,
}

impl TopicLookUp {
    /// Finds where events for a class stand in a range, `max` at most; `None`: that takes looking at each event.
    /// The offsets are [taken](Self::take_offsets) afterwards.
    pub(super) fn range(
        &mut self,
        hub: &Hub,
        key: &StreamFilter,
        range: Range<u64>,
        max: usize,
    ) -> Option<LookedUp> {
        let mut offsets = self.take_offsets();
        let found = self.with_topics(hub, key, |set| {
            offsets.clear();
            let range = range.clone();
            hub.look_back().offsets_in(set, range, max, &mut offsets)
        });
        self.offsets = offsets;
        found
    }

    /// Finds the last so many events for a class; `None`: that takes looking at each event.
    pub(super) fn last(&mut self, hub: &Hub, key: &StreamFilter, count: u64) -> Option<LastEvents> {
        self.with_topics(hub, key, |set| hub.look_back().last_of(set, count))
    }

    /// Takes the offsets that were found last, with their buffer.
    pub(super) fn take_offsets(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.offsets)
    }

    /// Gives the buffer back, so that the next look allocates nothing.
    pub(super) fn give_back(&mut self, offsets: Vec<u64>) {
        self.offsets = offsets;
    }

    /// Calls `look` with the topics of a class; `None`: they are too many, or change too fast.
    fn with_topics<R>(
        &mut self,
        hub: &Hub,
        key: &StreamFilter,
        mut look: impl FnMut(&TopicSet) -> Option<R>,
    ) -> Option<R> {
        for _ in 0..TRIES {
            let last = self.last.take();
            let set = match last.filter(|(of, _)| of == key) {
                Some((_, set)) => set,
                None => hub
                    .look_back()
                    .topic_set(&key.wanted, |topic| key.may_see(topic))?,
            };
            // A set that is out of date finds nothing and is not put back: the next try makes a new one.
            if let Some(found) = look(&set) {
                self.last = Some((key.clone(), set));
                return Some(found);
            }
        }
        None
    }
}
