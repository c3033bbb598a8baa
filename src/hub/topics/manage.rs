//! Creating, listing, describing and deleting topics.

use crate::event::{Filter, Pattern, topic};

use super::Histories;
use super::{TopicConfig, TopicInfo, TopicsError};
use crate::hub::EndReason;
use crate::hub::Hub;

impl Hub {
    /// Creates a topic with settings, or gives them to one that an event made.
    ///
    /// # Errors
    ///
    /// [`TopicsError`]: a bad name, bad settings (with everything that is wrong with them), a topic that was created
    /// before, too many of them or of what they keep.
    pub fn create_topic(&self, name: &str, config: TopicConfig) -> Result<(), TopicsError> {
        topic::validate(name)?;
        config.validate()?;
        let mut publisher = self.shared.publisher.lock();
        if config.retain_events > 0 && publisher.histories.is_none() {
            let started = Histories::start(&self.shared.ring);
            publisher.histories = Some(started.map_err(|_| TopicsError::Refused)?);
        }
        publisher.topics.create(name, config.clone())?;
        if let Some(histories) = &publisher.histories
            && config.retain_events > 0
        {
            histories.add(name, &config);
        }
        Ok(())
    }

    /// Deletes a topic, with what it keeps. Subscriptions that named it end, with `TopicDeleted`, unless they have a
    /// pattern or name another topic that exists.
    ///
    /// Its events that the ring still has are not rewritten: whoever starts in the past with a pattern may see them.
    ///
    /// # Errors
    ///
    /// [`TopicsError::Unknown`].
    pub fn delete_topic(&self, name: &str) -> Result<(), TopicsError> {
        {
            let mut publisher = self.shared.publisher.lock();
            let floor = publisher.floor();
            publisher.topics.delete(name, floor)?;
            if let Some(histories) = &publisher.histories {
                histories.remove(name);
            }
        }
        let registry = &self.shared.registry;
        for entry in registry.all(|entry| names(entry.class.filter(), name)) {
            if !self.has_topics_of(entry.class.filter())
                && let Some(wakeups) = registry.forget(&entry)
            {
                self.shared.end(&entry, EndReason::TopicDeleted, &wakeups);
            }
        }
        for set in registry.sets(|set| names(set.class.filter(), name)) {
            if !self.has_topics_of(set.class.filter()) && registry.close(&set) {
                let wakeups = registry.end_members(&set, EndReason::TopicDeleted);
                set.notify();
                self.shared.wake(&wakeups);
            }
        }
        Ok(())
    }

    /// Whether any of the topics that a filter names exists.
    fn has_topics_of(&self, filter: &Filter) -> bool {
        let publisher = self.shared.publisher.lock();
        let mut patterns = filter.patterns().iter();
        patterns.any(|pattern| publisher.topics.get(pattern.as_str()).is_some())
    }

    /// Returns the names of the topics that were created or published on, sorted.
    pub fn topics(&self) -> Vec<String> {
        let publisher = self.shared.publisher.lock();
        let mut names: Vec<String> = publisher
            .topics
            .all()
            .map(|topic| topic.name.to_string())
            .collect();
        drop(publisher);
        names.sort_unstable();
        names
    }

    /// Describes a topic; `None` for one that was neither created nor published on.
    pub fn describe_topic(&self, name: &str) -> Option<TopicInfo> {
        let (mut info, histories) = {
            let publisher = self.shared.publisher.lock();
            let topic = publisher.topics.get(name)?;
            let info = TopicInfo {
                name: topic.name.to_string(),
                config: topic.config.clone(),
                published: topic.published,
                last_offset: topic.last_offset,
                retained: 0,
                retained_bytes: 0,
                subscriptions: 0,
            };
            (info, publisher.histories.clone())
        };
        if let Some(histories) = histories {
            (info.retained, info.retained_bytes) = histories.size(name);
        }
        info.subscriptions = self.present(name, 0).count;
        Some(info)
    }

    /// Returns the position of a stream (aggregate): how many events it has, counted from the version that its first
    /// one here stated. `None` for a stream that the hub does not know, or where it keeps none.
    pub fn stream_position(&self, ty: &str, id: &str) -> Option<u64> {
        self.shared
            .publisher
            .lock()
            .streams
            .as_ref()?
            .position(ty, id)
    }
}

/// Whether a filter has this name, and no pattern.
fn names(filter: &Filter, name: &str) -> bool {
    let patterns = filter.patterns();
    patterns.iter().all(Pattern::is_literal)
        && patterns.iter().any(|pattern| pattern.as_str() == name)
}
