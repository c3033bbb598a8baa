//! The topics of a hub, under the publisher's lock: figures of those that are listed, and where the events of each
//! stand.
//!
//! Every topic of which the ring may still have an event is here, so what is not here has none. That includes topics
//! that are not listed: deleted ones, and those beyond the limit. They go when their last event has.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Bound;
use std::sync::Arc;

use crate::event::{EventRef, Filter, Pattern, topic};
use crate::journal::Durability;

use super::offsets::Offsets;
use super::{TopicConfig, TopicMode, TopicsError};

/// Topics swept when one is made: more than one, so that those that have gone never outnumber those that are there.
const SWEPT_PER_MAKE: usize = 2;

/// The topics of a hub. Looking one up costs a table's entry, the last one a comparison.
pub(in crate::hub) struct TopicTable {
    pub(in crate::hub) mode: TopicMode,
    limit: usize,
    history_bytes: usize,
    /// Events that the ring keeps at most.
    capacity: u64,
    by_hash: HashMap<u64, u32, ByHash>,
    /// In order, so that a pattern reads only the names that begin as it does.
    by_name: BTreeMap<Arc<str>, u32>,
    entries: Vec<Option<TopicEntry>>,
    free: Vec<u32>,
    /// The last topic that was published on, if it is listed.
    last: LastTopic,
    listed: usize,
    /// Events on topics beyond the limit.
    untracked: u64,
    /// There is or was a topic that begins with `$`.
    has_reserved: bool,
    /// Topics with a durability of their own.
    settled: usize,
    /// There is or was a topic that asks for none.
    has_unkept: bool,
    /// Topics that ask for nothing get no durability, or got none in an earlier run.
    is_default_unkept: bool,
    /// Such topics got none in an earlier run: then a topic of which nothing is known may have been there.
    was_default_unkept: bool,
    /// Rises when a topic comes or goes.
    version: u64,
    /// The entry that is looked at next, whether something of it has gone.
    sweep_at: usize,
}

pub(in crate::hub) struct TopicEntry {
    pub(in crate::hub) name: Arc<str>,
    pub(in crate::hub) config: TopicConfig,
    hash: u64,
    /// Counts against the limit, and is told to whoever asks for topics.
    listed: bool,
    created: bool,
    /// The topic asks for no durability, or did.
    was_unkept: bool,
    pub(in crate::hub) published: u64,
    /// Events before it were those of a topic of this name that was deleted.
    counted_from: u64,
    pub(in crate::hub) last_offset: u64,
    pub(in crate::hub) offsets: Offsets,
}

/// Hashes nothing: the keys are hashes with a secret key already.
pub(in crate::hub) type ByHash = BuildHasherDefault<Identity>;

#[derive(Default)]
pub(in crate::hub) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The topic that was published on last.
#[derive(Clone, Copy)]
struct LastTopic {
    hash: u64,
    index: u32,
}

impl LastTopic {
    /// No topic: there are never so many.
    const NONE: Self = Self {
        hash: 0,
        index: u32::MAX,
    };
}

impl TopicTable {
    pub(in crate::hub) fn new(
        mode: TopicMode,
        limit: usize,
        history_bytes: usize,
        capacity: usize,
    ) -> Self {
        Self {
            mode,
            limit,
            history_bytes,
            capacity: capacity as u64,
            by_hash: HashMap::default(),
            by_name: BTreeMap::new(),
            entries: Vec::new(),
            free: Vec::new(),
            last: LastTopic::NONE,
            listed: 0,
            untracked: 0,
            has_reserved: false,
            settled: 0,
            has_unkept: false,
            is_default_unkept: false,
            was_default_unkept: false,
            version: 0,
            sweep_at: 0,
        }
    }

    /// Returns whether an event may be published on its topic.
    #[inline]
    pub(in crate::hub) fn admits(&self, event: EventRef<'_>) -> bool {
        self.mode == TopicMode::Lazy || self.is_listed(event.topic_hash())
    }

    fn is_listed(&self, hash: u64) -> bool {
        let index = self.by_hash.get(&hash);
        index.is_some_and(|index| self.at(*index).is_some_and(|topic| topic.listed))
    }

    /// Counts an event that was published; returns the offset of the one before it of its topic, if that is listed.
    #[inline]
    pub(in crate::hub) fn count(&mut self, event: EventRef<'_>, offset: u64) -> u64 {
        let hash = event.topic_hash();
        // Publishers tend to stay with a topic: then this is a comparison.
        if self.last.hash != hash || self.last.index == u32::MAX {
            self.switch_to(event, hash, offset);
        }
        let Some(Some(topic)) = self.entries.get_mut(self.last.index as usize) else {
            return 0;
        };
        topic.published += 1;
        topic.offsets.push(offset, self.capacity);
        std::mem::replace(&mut topic.last_offset, offset)
    }

    /// Takes an event back that was counted and is not there: `before` is what counting it said.
    pub(in crate::hub) fn uncount(&mut self, hash: u64, offset: u64, before: u64) {
        let index = self.by_hash.get(&hash).copied();
        let Some(topic) = index.and_then(|index| self.at_mut(index)) else {
            return;
        };
        // It may have been deleted and made anew since: then it does not count among the new one's.
        if !topic.offsets.remove(offset) || offset < topic.counted_from {
            return;
        }
        if topic.last_offset == offset {
            // What came behind it of the topic in memory only stays; what came before it is the newest else.
            topic.last_offset = topic.offsets.last().unwrap_or(before).max(before);
        }
        topic.published = topic.published.saturating_sub(1);
    }

    /// Returns the least safety of an event by its topic's settings, or else the default.
    #[inline]
    pub(in crate::hub) fn durability(
        &self,
        event: EventRef<'_>,
        default: Durability,
    ) -> Durability {
        if self.settled == 0 {
            return default;
        }
        let index = match self.last.hash == event.topic_hash() && self.last.index != u32::MAX {
            true => Some(self.last.index),
            false => self.by_hash.get(&event.topic_hash()).copied(),
        };
        let topic = index.and_then(|index| self.at(index));
        topic
            .and_then(|topic| topic.config.durability)
            .unwrap_or(default)
    }

    /// Returns whether a topic of a filter asks for no durability, or did.
    pub(in crate::hub) fn may_lack(&self, filter: &Filter) -> bool {
        if self.is_default_unkept {
            // Only names can be known to be kept.
            let is_kept = |pattern: &Pattern| {
                let index = pattern
                    .is_literal()
                    .then(|| self.index_of(pattern.as_str()))?;
                let topic = self.at(index?)?;
                (topic.config.durability > Some(Durability::None) && !topic.was_unkept)
                    .then_some(())
            };
            return !filter.patterns().iter().all(|one| is_kept(one).is_some());
        }
        let mut topics = self.entries.iter().flatten();
        self.has_unkept && topics.any(|topic| topic.was_unkept && filter.matches(&topic.name))
    }

    /// Notes what topics get that ask for nothing: none in this run, and none in an earlier one.
    pub(in crate::hub) fn note_default(&mut self, is_none: bool, was_none: bool) {
        self.is_default_unkept = is_none || was_none;
        self.was_default_unkept = was_none;
    }

    /// Notes that a topic asked for no durability in an earlier run.
    pub(in crate::hub) fn note_unkept(&mut self, name: &str) {
        if let Some(topic) = self.index_of(name).and_then(|index| self.at_mut(index)) {
            topic.was_unkept = true;
        }
        self.note_settled();
    }

    /// Returns whether events of a topic may have been in memory only, so far or by what it asks for now.
    pub(in crate::hub) fn may_be_unkept(&self, name: &str) -> bool {
        match self.index_of(name).and_then(|index| self.at(index)) {
            None => self.was_default_unkept,
            Some(topic) => {
                let is_kept = topic.config.durability > Some(Durability::None);
                topic.was_unkept || (self.is_default_unkept && !is_kept)
            }
        }
    }

    /// Counts anew how many topics have a durability of their own: while there is none nobody looks for it.
    fn note_settled(&mut self) {
        for topic in self.entries.iter_mut().flatten() {
            topic.was_unkept |= topic.config.durability == Some(Durability::None);
            self.has_unkept |= topic.was_unkept;
        }
        let all = self.entries.iter().flatten();
        self.settled = all
            .filter(|topic| topic.config.durability.is_some())
            .count();
    }

    /// Makes the topic of an event the last one. One that is not listed is counted here: it never is the last one.
    fn switch_to(&mut self, event: EventRef<'_>, hash: u64, offset: u64) {
        let known = self.by_hash.get(&hash).copied();
        let index = known.filter(|index| self.at(*index).is_some_and(|topic| topic.listed));
        if let Some(index) = index {
            self.last = LastTopic { hash, index };
        } else {
            self.insert_new(event, hash, offset);
        }
    }

    #[cold]
    fn insert_new(&mut self, event: EventRef<'_>, hash: u64, offset: u64) {
        // Before the table grows: topics that come once and go, as one for each request, must not fill it.
        self.sweep(SWEPT_PER_MAKE, (offset + 1).saturating_sub(self.capacity));
        let index = match self.by_hash.get(&hash) {
            Some(&index) => index,
            None => self.make(event.topic(), hash),
        };
        self.last = LastTopic::NONE;
        // One that was deleted, or came when the list was full, gets on it as soon as there is room.
        if self.listed < self.limit {
            self.list(index, TopicConfig::default(), false);
            self.last = LastTopic { hash, index };
            return;
        }
        // Its events are found all the same: looking back must not depend on the limit of a list.
        self.untracked += 1;
        let capacity = self.capacity;
        if let Some(topic) = self.at_mut(index) {
            topic.offsets.push(offset, capacity);
        }
    }

    /// Makes a topic that is not listed.
    fn make(&mut self, name: &str, hash: u64) -> u32 {
        // Here and not for each event: every topic is made before its first event is counted.
        self.has_reserved |= topic::is_reserved(name);
        let name: Arc<str> = name.into();
        let topic = TopicEntry {
            name: name.clone(),
            config: TopicConfig::default(),
            hash,
            listed: false,
            created: false,
            was_unkept: false,
            published: 0,
            counted_from: 0,
            last_offset: 0,
            offsets: Offsets::default(),
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() as u32 - 1
        });
        self.entries[index as usize] = Some(topic);
        self.by_hash.insert(hash, index);
        self.by_name.insert(name, index);
        self.version += 1;
        index
    }

    /// Puts a topic that is not listed on the list.
    fn list(&mut self, index: u32, config: TopicConfig, created: bool) {
        self.listed += 1;
        if let Some(topic) = self.at_mut(index) {
            (topic.config, topic.created, topic.listed) = (config, created, true);
        }
    }

    /// Sweeps some topics in turn: lets go of the offsets that the ring has no more, below `floor`, and of topics that
    /// are not listed and have none left. A few at a time, since publishers wait meanwhile.
    pub(in crate::hub) fn sweep(&mut self, topics: usize, floor: u64) {
        for _ in 0..topics.min(self.entries.len()) {
            self.sweep_at = (self.sweep_at + 1) % self.entries.len();
            let index = self.sweep_at as u32;
            let Some(topic) = self.at_mut(index) else {
                continue;
            };
            topic.offsets.trim(floor);
            if !topic.listed && topic.offsets.is_empty() {
                self.forget(index);
            }
        }
    }

    fn forget(&mut self, index: u32) {
        let Some(topic) = self.entries[index as usize].take() else {
            return;
        };
        // Its index is used again: whoever holds one sees by the version that it means another topic now.
        self.by_hash.remove(&topic.hash);
        self.by_name.remove(&topic.name);
        self.free.push(index);
        self.version += 1;
    }

    /// Creates a topic, or settles one that an event made. Nothing is changed on errors.
    pub(in crate::hub) fn create(
        &mut self,
        name: &str,
        config: TopicConfig,
    ) -> Result<(), TopicsError> {
        self.check_reserved(&config, 0)?;
        let hash = topic::hash(name);
        let was_unkept = self.may_be_unkept(name);
        let known = self.by_hash.get(&hash).copied();
        if let Some(topic) = known.and_then(|index| self.at_mut(index))
            && topic.listed
        {
            if topic.created {
                return Err(TopicsError::Exists);
            }
            (topic.config, topic.created) = (config, true);
            topic.was_unkept |= was_unkept;
            self.note_settled();
            return Ok(());
        }
        if self.listed >= self.limit {
            return Err(TopicsError::TooMany { limit: self.limit });
        }
        let index = known.unwrap_or_else(|| self.make(name, hash));
        self.list(index, config, true);
        if let Some(topic) = self.at_mut(index) {
            topic.was_unkept |= was_unkept;
        }
        self.note_settled();
        Ok(())
    }

    /// Gives settings to a topic, which is created where there is none. Nothing is changed on errors.
    pub(in crate::hub) fn set(
        &mut self,
        name: &str,
        config: TopicConfig,
    ) -> Result<(), TopicsError> {
        let index = self.index_of(name);
        let listed = index.and_then(|index| self.at(index));
        match listed.filter(|topic| topic.listed && topic.created) {
            None => self.create(name, config),
            Some(topic) => {
                self.check_reserved(&config, topic.config.reserved())?;
                let was_unkept = self.may_be_unkept(name);
                if let Some(topic) = index.and_then(|index| self.at_mut(index)) {
                    topic.was_unkept |= was_unkept;
                    topic.config = config;
                }
                self.note_settled();
                Ok(())
            }
        }
    }

    /// Checks that what a topic wants to keep is not spoken for; `before` is what it kept so far.
    fn check_reserved(&self, config: &TopicConfig, before: usize) -> Result<(), TopicsError> {
        let asked = config.reserved();
        let all = self.all().map(|topic| topic.config.reserved());
        let left = self.history_bytes + before - all.sum::<usize>();
        if asked > left {
            return Err(TopicsError::HistoryBytes { asked, left });
        }
        Ok(())
    }

    /// Takes a topic off the list. It goes when the ring has none of its events; its oldest event is `floor`.
    pub(in crate::hub) fn delete(&mut self, name: &str, floor: u64) -> Result<(), TopicsError> {
        let index = self.index_of(name).ok_or(TopicsError::Unknown)?;
        let topic = self.at_mut(index).filter(|topic| topic.listed);
        let topic = topic.ok_or(TopicsError::Unknown)?;
        // Its offsets stay while the ring has its events: whoever starts in the past with a pattern still sees them.
        topic.config = TopicConfig::default();
        (topic.listed, topic.created) = (false, false);
        topic.counted_from = topic.offsets.last().map_or(0, |last| last + 1);
        (topic.published, topic.last_offset) = (0, 0);
        topic.offsets.trim(floor);
        let gone = topic.offsets.is_empty();
        self.listed -= 1;
        self.note_settled();
        self.last = LastTopic::NONE;
        if gone {
            self.forget(index);
        }
        Ok(())
    }

    /// Returns the topic of a name, if it is listed.
    pub(in crate::hub) fn get(&self, name: &str) -> Option<&TopicEntry> {
        let index = *self.by_hash.get(&topic::hash(name))?;
        self.at(index).filter(|topic| topic.listed)
    }

    /// Returns the topics that are listed.
    pub(in crate::hub) fn all(&self) -> impl Iterator<Item = &TopicEntry> {
        let topics = self.entries.iter().flatten();
        topics.filter(|topic| topic.listed)
    }

    /// Returns the topics that are listed, whose names begin with `prefix` and come after `after`, by name.
    #[cfg(feature = "gateway")]
    pub(super) fn listed_after<'t>(
        &'t self,
        prefix: &'t str,
        after: &str,
    ) -> impl Iterator<Item = &'t TopicEntry> {
        let from = match after < prefix {
            true => Bound::Included(prefix),
            false => Bound::Excluded(after),
        };
        let names = self.by_name.range::<str, _>((from, Bound::Unbounded));
        let names = names.take_while(move |(name, _)| name.starts_with(prefix));
        let topics = names.filter_map(|(_, index)| self.at(*index));
        topics.filter(|topic| topic.listed)
    }

    /// Events on topics that are not listed, because there were too many.
    pub(in crate::hub) fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Returns how many topics take memory, listed or not.
    pub(in crate::hub) fn known(&self) -> usize {
        self.by_hash.len()
    }

    /// Returns whether there may have been events that a filter for all topics does not take.
    pub(super) fn has_reserved(&self) -> bool {
        self.has_reserved
    }

    // -- Where events stand: of all topics, listed or not

    /// Returns the version of the table: an index means the same topic as long as it does not change.
    pub(in crate::hub) fn version(&self) -> u64 {
        self.version
    }

    /// Returns the index of a topic; `None`: the ring has none of its events.
    pub(in crate::hub) fn index_of(&self, name: &str) -> Option<u32> {
        self.by_hash.get(&topic::hash(name)).copied()
    }

    /// Returns the topics whose names begin with a text, in order.
    pub(in crate::hub) fn with_prefix<'t>(
        &'t self,
        text: &'t str,
    ) -> impl Iterator<Item = (&'t str, u32)> {
        let from = (Bound::Included(text), Bound::Unbounded);
        let names = self.by_name.range::<str, _>(from);
        let names = names.map(|(name, index)| (&**name, *index));
        names.take_while(move |(name, _)| name.starts_with(text))
    }

    /// Takes out of a topic's offsets those of events that were deleted; they ascend.
    pub(in crate::hub) fn forget_events(&mut self, name: &str, gone: &[u64]) {
        let index = self.index_of(name);
        let Some(topic) = index.and_then(|index| self.at_mut(index)) else {
            return;
        };
        topic.offsets.remove_all(gone);
        if gone.binary_search(&topic.last_offset).is_ok() {
            topic.last_offset = topic.offsets.last().unwrap_or(0);
        }
    }

    /// Returns the offsets of a topic's events.
    pub(in crate::hub) fn offsets(&self, index: u32) -> Option<&Offsets> {
        self.at(index).map(|topic| &topic.offsets)
    }

    fn at(&self, index: u32) -> Option<&TopicEntry> {
        self.entries.get(index as usize)?.as_ref()
    }

    fn at_mut(&mut self, index: u32) -> Option<&mut TopicEntry> {
        self.entries.get_mut(index as usize)?.as_mut()
    }
}
