//! Creating, listing, describing and deleting topics.

use crate::event::{Filter, Pattern, topic};

use super::core::Hub;
use super::error::EndReason;
use super::history::Histories;
use super::topics::{TopicConfig, TopicInfo, TopicsError};

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
        let mut writer = self.inner.writer.lock();
        if config.retain_events > 0 && writer.histories.is_none() {
            let started = Histories::start(&self.inner.ring);
            writer.histories = Some(started.map_err(|_| TopicsError::Refused)?);
        }
        writer.topics.create(name, config.clone())?;
        if let Some(histories) = &writer.histories
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
            let mut writer = self.inner.writer.lock();
            let floor = writer.floor();
            writer.topics.delete(name, floor)?;
            if let Some(histories) = &writer.histories {
                histories.remove(name);
            }
        }
        let registry = &self.inner.registry;
        for ticket in registry.all(|ticket| names(ticket.class.filter(), name)) {
            if !self.has_topics_of(ticket.class.filter())
                && let Some(wakes) = registry.forget(&ticket)
            {
                self.inner.end(&ticket, EndReason::TopicDeleted, &wakes);
            }
        }
        for crowd in registry.crowds(|crowd| names(crowd.class.filter(), name)) {
            if !self.has_topics_of(crowd.class.filter()) && registry.close(&crowd) {
                let wakes = registry.end_members(&crowd, EndReason::TopicDeleted);
                crowd.ring();
                self.inner.wake(&wakes);
            }
        }
        Ok(())
    }

    /// Whether any of the topics that a filter names exists.
    fn has_topics_of(&self, filter: &Filter) -> bool {
        let writer = self.inner.writer.lock();
        let mut patterns = filter.patterns().iter();
        patterns.any(|pattern| writer.topics.get(pattern.as_str()).is_some())
    }

    /// Returns the names of the topics that were created or published on, sorted.
    pub fn topics(&self) -> Vec<String> {
        let writer = self.inner.writer.lock();
        let mut names: Vec<String> = writer
            .topics
            .all()
            .map(|topic| topic.name.to_string())
            .collect();
        drop(writer);
        names.sort_unstable();
        names
    }

    /// Describes a topic; `None` for one that was neither created nor published on.
    pub fn describe_topic(&self, name: &str) -> Option<TopicInfo> {
        let (mut info, histories) = {
            let writer = self.inner.writer.lock();
            let topic = writer.topics.get(name)?;
            let info = TopicInfo {
                name: topic.name.to_string(),
                config: topic.config.clone(),
                published: topic.published,
                last_offset: topic.last_offset,
                retained: 0,
                retained_bytes: 0,
                subscriptions: 0,
            };
            (info, writer.histories.clone())
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
        self.inner.writer.lock().streams.as_ref()?.position(ty, id)
    }
}

/// Whether a filter has this name, and no pattern.
fn names(filter: &Filter, name: &str) -> bool {
    let patterns = filter.patterns();
    patterns.iter().all(Pattern::is_literal)
        && patterns.iter().any(|pattern| pattern.as_str() == name)
}
