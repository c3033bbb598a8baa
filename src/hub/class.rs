//! A class: everybody with the same filter, for whom a topic is judged once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use crate::event::{EventFilter, EventRef, Filter};

/// Topics whose verdict a class remembers: 2 KiB a class that is not everything. A topic beyond that is judged again
/// when another one took its place.
const MEMO: usize = 256;

/// A filter and what it said about topics lately; shared by everybody with an equal filter.
///
/// Judging a topic that was seen before is one load, however many patterns the filter has.
#[derive(Debug)]
pub struct Class {
    filter: EventFilter,
    /// It takes everything: nothing needs to be looked at.
    all: bool,
    /// One word each: the topic's hash, its lowest bit replaced by the verdict; 0 is nothing.
    memo: OnceLock<Box<[AtomicU64]>>,
}

impl Class {
    fn new(filter: EventFilter) -> Self {
        Self {
            all: filter.is_all(),
            filter,
            memo: OnceLock::new(),
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
            return true;
        }
        (self.filter.topics().is_all() || self.recall(event))
            && (self.filter.is_topics_only() || self.filter.matches_beside_topic(event))
    }

    /// Two topics are taken for one if 63 bits of a hash with a secret key agree: never, for practical purposes, and
    /// nobody outside can aim for it.
    fn recall(&self, event: EventRef<'_>) -> bool {
        let memo = self
            .memo
            .get_or_init(|| (0..MEMO).map(|_| AtomicU64::new(0)).collect());
        let hash = event.topic_hash();
        let entry = &memo[(hash >> 32) as usize % MEMO];
        // Relaxed: a word says everything by itself; a stale one is another topic's or the same verdict.
        let word = entry.load(Ordering::Relaxed);
        if word != 0 && (word ^ hash) >> 1 == 0 {
            return word & 1 == 1;
        }
        let wanted = self.filter.topics().matches(event.topic());
        entry.store(hash & !1 | u64::from(wanted), Ordering::Relaxed);
        wanted
    }
}

/// The classes that are in use, by filter.
#[derive(Debug, Default)]
pub(super) struct Classes {
    by_filter: Mutex<HashMap<EventFilter, Weak<Class>>>,
}

impl Classes {
    /// Returns the class of a filter, made when nobody has an equal one.
    pub(super) fn get(&self, filter: &EventFilter) -> Arc<Class> {
        let mut classes = self.by_filter.lock();
        if let Some(class) = classes.get(filter).and_then(Weak::upgrade) {
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
    pub(super) fn len(&self) -> usize {
        let classes = self.by_filter.lock();
        classes
            .values()
            .filter(|class| class.strong_count() > 0)
            .count()
    }
}
