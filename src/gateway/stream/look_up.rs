//! Looking up where the events of a class stand, instead of looking at those of all topics.

use std::ops::Range;

use crate::gateway::gateway::Gateway;
use crate::gateway::stream::request::StreamFilter;
use crate::hub::{LastEvents, LookedUp, TopicSet};

/// Tries before topics are taken to come and go too fast to look anything up.
const TRIES: usize = 2;

/// What is looked up with, kept between two looks.
#[derive(Default)]
pub(in crate::gateway) struct LookUp {
    /// The topics of the class that was looked up last.
    last: Option<(StreamFilter, TopicSet)>,
    /// What was found last.
    pub(in crate::gateway) offsets: Vec<u64>,
}

impl Gateway {
    /// Finds where events for a class stand in a range, `max` at most; `None`: that takes looking at each event.
    pub(in crate::gateway) fn look_up(
        &mut self,
        key: &StreamFilter,
        range: Range<u64>,
        max: usize,
    ) -> Option<LookedUp> {
        let mut offsets = std::mem::take(&mut self.looked_up.offsets);
        let found = self.with_topics(key, |gateway, set| {
            offsets.clear();
            let range = range.clone();
            gateway
                .hub
                .look_back()
                .offsets_in(set, range, max, &mut offsets)
        });
        self.looked_up.offsets = offsets;
        found
    }

    /// Finds the last so many events for a class; `None`: that takes looking at each event.
    pub(super) fn look_up_last(&mut self, key: &StreamFilter, count: u64) -> Option<LastEvents> {
        self.with_topics(key, |gateway, set| {
            gateway.hub.look_back().last_of(set, count)
        })
    }

    /// Has something looked up of the topics of a class; `None`: they are too many, or change too fast.
    fn with_topics<R>(
        &mut self,
        key: &StreamFilter,
        mut look: impl FnMut(&Self, &TopicSet) -> Option<R>,
    ) -> Option<R> {
        for _ in 0..TRIES {
            let last = self.looked_up.last.take();
            let set = match last.filter(|(of, _)| of == key) {
                Some((_, set)) => set,
                None => self
                    .hub
                    .look_back()
                    .topic_set(&key.wanted, |topic| key.may_see(topic))?,
            };
            // One that is out of date goes.
            if let Some(found) = look(self, &set) {
                self.looked_up.last = Some((key.clone(), set));
                return Some(found);
            }
        }
        None
    }
}
