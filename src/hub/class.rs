//! A class: everybody with the same filter, for whom an event is judged once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use crate::event::{EventFilter, EventRef, Filter};

use crate::hub::wait::WaitList;

/// Topics whose verdict a class remembers: 2 KiB a class that is not everything. A topic beyond that is judged again
/// when another one took its place.
const TOPICS: usize = 256;
/// Events whose verdict a class remembers, if it asks for more than topics and has more than one member: 8 KiB. Members
/// that are further apart than that judge for themselves.
const EVENTS: usize = 1024;

/// A filter and what it said about topics and events lately; shared by everybody with an equal filter.
///
/// Judging a topic that was seen before is one load, however many patterns the filter has. Judging the rest of it
/// (types, tags, times, predicates) for an event that another one of the class has judged is one load too.
#[derive(Debug)]
pub struct Class {
    filter: EventFilter,
    /// The filter takes everything but reserved topics: nothing else needs to be looked at.
    all: bool,
    /// The filter asks for nothing but topics.
    topics_only: bool,
    /// Made at first use: a class that takes everything needs none. One word each: the topic's hash, its lowest bit
    /// replaced by the verdict; 0 is nothing.
    topics: OnceLock<Box<[AtomicU64]>>,
    /// Made for the second member: one alone has nobody to tell. One word each: the event's sequence plus one, and the
    /// verdict in the lowest bit; 0 is nothing.
    events: OnceLock<Box<[AtomicU64]>>,
    /// Receivers that have slept once: the class is among the routes while there are any. Changed with the routes.
    pub(in crate::hub) members: AtomicUsize,
    pub(in crate::hub) wait_list: WaitList,
}

impl Class {
    fn new(filter: EventFilter) -> Self {
        Self {
            all: filter.is_all(),
            topics_only: filter.is_topics_only(),
            filter,
            topics: OnceLock::new(),
            events: OnceLock::new(),
            members: AtomicUsize::new(0),
            wait_list: WaitList::default(),
        }
    }

    /// Returns the topics of the filter.
    pub fn filter(&self) -> &Filter {
        self.filter.topics()
    }

    /// Returns the whole filter.
    pub fn event_filter(&self) -> &EventFilter {
        &self.filter
    }

    /// Returns whether the filter takes this event.
    #[inline]
    pub fn wants(&self, event: EventRef<'_>) -> bool {
        if self.all {
            return !event.is_reserved();
        }
        self.takes_topic(event) && (self.topics_only || self.filter.matches_beside_topic(event))
    }

    /// As [`wants`](Self::wants), for the event of a sequence: what one of the class found out, the others know.
    #[inline]
    pub(in crate::hub) fn wants_at(&self, sequence: u64, event: EventRef<'_>) -> bool {
        if self.all {
            return !event.is_reserved();
        }
        self.takes_topic(event) && self.takes_beside_topic(sequence, event)
    }

    fn takes_topic(&self, event: EventRef<'_>) -> bool {
        if self.filter.topics().is_all() {
            return !event.is_reserved();
        }
        self.recall_topic(event)
    }

    /// Two topics are taken for one if 63 bits of a hash with a secret key agree: never, for practical purposes, and
    /// nobody outside can aim for it.
    fn recall_topic(&self, event: EventRef<'_>) -> bool {
        // A table of one probe, shared without a lock: whoever comes second overwrites, and the loser is judged again.
        let topics = self.topics.get_or_init(|| words(TOPICS));
        let hash = event.topic_hash();
        let entry = &topics[(hash >> 32) as usize % TOPICS];
        // Relaxed: a word says everything by itself; a stale one is another topic's or the same verdict.
        let word = entry.load(Ordering::Relaxed);
        if word != 0 && (word ^ hash) >> 1 == 0 {
            return word & 1 == 1;
        }
        let wanted = self.filter.topics().matches(event.topic());
        entry.store(hash & !1 | u64::from(wanted), Ordering::Relaxed);
        wanted
    }

    /// Returns whether everything but the topics takes the event of a sequence.
    pub(in crate::hub) fn takes_beside_topic(&self, sequence: u64, event: EventRef<'_>) -> bool {
        if self.topics_only {
            return true;
        }
        let Some(events) = self.events.get() else {
            return self.filter.matches_beside_topic(event);
        };
        let entry = &events[sequence as usize % EVENTS];
        // Relaxed: as above; the event of a sequence never changes.
        let word = entry.load(Ordering::Relaxed);
        if word >> 1 == sequence + 1 {
            return word & 1 == 1;
        }
        let wanted = self.filter.matches_beside_topic(event);
        entry.store((sequence + 1) << 1 | u64::from(wanted), Ordering::Relaxed);
        wanted
    }
}

fn words(count: usize) -> Box<[AtomicU64]> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

/// The classes that are in use, by filter.
#[derive(Debug, Default)]
pub(in crate::hub) struct Classes {
    by_filter: Mutex<HashMap<EventFilter, Weak<Class>>>,
}

impl Classes {
    /// Returns the class of a filter, made when nobody has an equal one.
    pub(in crate::hub) fn get(&self, filter: &EventFilter) -> Arc<Class> {
        let mut classes = self.by_filter.lock();
        // Weak: a class goes with its last member, and its tables with it.
        if let Some(class) = classes.get(filter).and_then(Weak::upgrade) {
            if !class.topics_only {
                class.events.get_or_init(|| words(EVENTS));
            }
            return class;
        }
        // Before the map grows, what nobody uses any more goes: it never holds more than twice what is in use.
        if classes.len() == classes.capacity() {
            classes.retain(|_, class| class.strong_count() > 0);
        }
        let class = Arc::new(Class::new(filter.clone()));
        classes.insert(filter.clone(), Arc::downgrade(&class));
        class
    }

    /// Returns how many are in use.
    pub(in crate::hub) fn len(&self) -> usize {
        let classes = self.by_filter.lock();
        classes
            .values()
            .filter(|class| class.strong_count() > 0)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn what_one_of_a_class_found_out_the_others_need_not_judge_again() {
        let classes = Classes::default();
        let filter = EventFilter::builder().tag("a", "b").build().unwrap();
        let (takes, refuses) = (
            Event::builder("t", "t").tag("a", "b").build().unwrap(),
            Event::builder("t", "t").build().unwrap(),
        );
        let alone = classes.get(&filter);
        assert!(alone.wants_at(7, takes.as_ref()));
        assert!(!alone.wants_at(7, refuses.as_ref()), "nobody to tell");
        let another = classes.get(&filter);
        assert!(Arc::ptr_eq(&alone, &another));
        assert!(alone.wants_at(7, takes.as_ref()));
        // Another event in the same place shows that it was not looked at.
        assert!(another.wants_at(7, refuses.as_ref()));
        assert!(!another.wants_at(8, refuses.as_ref()));
        assert!(!another.wants_at(7 + EVENTS as u64, refuses.as_ref()));
        assert!(another.wants_at(7, takes.as_ref()), "its place was taken");
    }
}
