//! Creating, listing, describing and deleting topics.

use crate::event::{Filter, Pattern, topic};

use super::{Histories, TopicConfig, TopicInfo, TopicsError};
use crate::hub::EndReason;
use crate::hub::journal::topic_change;
use crate::hub::shared::Shared;

/// Creates a topic with settings, or gives them to one that an event made.
pub(in crate::hub) fn create(
    shared: &Shared,
    name: &str,
    config: TopicConfig,
) -> Result<(), TopicsError> {
    create_in_memory(shared, name, &config)?;
    keep(shared, name, Some(&config))
}

fn create_in_memory(shared: &Shared, name: &str, config: &TopicConfig) -> Result<(), TopicsError> {
    topic::validate(name)?;
    config.validate_for(shared.journal.is_some())?;
    let mut publisher = shared.publisher.lock();
    // The thread and its cursor are made for the first topic that retains something: a hub without one has neither.
    if config.retain_events > 0 && publisher.histories.is_none() {
        let started = Histories::start(&shared.ring, &shared.times);
        publisher.histories = Some(started.map_err(|_| TopicsError::Refused)?);
    }
    // May refuse, so it comes before the history, which cannot.
    publisher.topics.create(name, config.clone())?;
    if config.retain_age.is_some() {
        publisher.mark_each();
    }
    if let Some(histories) = &publisher.histories
        && config.retain_events > 0
    {
        histories.add(name, config);
    }
    Ok(())
}

/// Gives settings to a topic, which is created where there is none.
pub(in crate::hub) fn set(
    shared: &Shared,
    name: &str,
    config: TopicConfig,
) -> Result<(), TopicsError> {
    settle(shared, name, Some(&config))?;
    keep(shared, name, Some(&config))
}

/// Gives settings to a topic or deletes it, in memory only.
pub(in crate::hub) fn settle(
    shared: &Shared,
    name: &str,
    config: Option<&TopicConfig>,
) -> Result<(), TopicsError> {
    let Some(config) = config else {
        return delete_in_memory(shared, name);
    };
    topic::validate(name)?;
    config.validate_for(shared.journal.is_some())?;
    let mut publisher = shared.publisher.lock();
    if config.retain_events > 0 && publisher.histories.is_none() {
        let started = Histories::start(&shared.ring, &shared.times);
        publisher.histories = Some(started.map_err(|_| TopicsError::Refused)?);
    }
    publisher.topics.set(name, config.clone())?;
    if config.retain_age.is_some() {
        publisher.mark_each();
    }
    if let Some(histories) = &publisher.histories {
        histories.set(name, config);
    }
    Ok(())
}

/// Has the journal keep what is settled of a topic, and waits for it.
fn keep(shared: &Shared, name: &str, config: Option<&TopicConfig>) -> Result<(), TopicsError> {
    let Some(journal) = &shared.journal else {
        return Ok(());
    };
    let change = topic_change(name, config);
    let kept = journal.transact(shared, change);
    kept.map_err(TopicsError::NotKept)
}

/// Deletes a topic, with what it retains, and ends the subscriptions that named only topics which are gone.
pub(in crate::hub) fn delete(shared: &Shared, name: &str) -> Result<(), TopicsError> {
    delete_in_memory(shared, name)?;
    keep(shared, name, None)
}

fn delete_in_memory(shared: &Shared, name: &str) -> Result<(), TopicsError> {
    {
        let mut publisher = shared.publisher.lock();
        let floor = publisher.floor();
        publisher.topics.delete(name, floor)?;
        if let Some(histories) = &publisher.histories {
            histories.remove(name);
        }
    }
    // Outside the publisher's lock, which is taken again for each filter that names the topic: few do, and ending a
    // subscription runs foreign code.
    let registry = &shared.registry;
    for entry in registry.all(|entry| is_named_in(entry.class.filter(), name)) {
        if !has_topics_of(shared, entry.class.filter())
            && let Some(wakeups) = registry.remove(&entry)
        {
            shared.end(&entry, EndReason::TopicDeleted, &wakeups);
        }
    }
    for set in registry.sets(|set| is_named_in(set.class.filter(), name)) {
        if !has_topics_of(shared, set.class.filter()) && registry.close(&set) {
            let wakeups = registry.end_members(&set, EndReason::TopicDeleted);
            set.notify();
            shared.wake(&wakeups);
        }
    }
    Ok(())
}

/// Returns whether any of the topics that a filter names exists.
fn has_topics_of(shared: &Shared, filter: &Filter) -> bool {
    let publisher = shared.publisher.lock();
    let mut patterns = filter.patterns().iter();
    patterns.any(|pattern| publisher.topics.get(pattern.as_str()).is_some())
}

/// Returns the names of the topics that were created or published on, sorted.
pub(in crate::hub) fn names(shared: &Shared) -> Vec<String> {
    let publisher = shared.publisher.lock();
    let mut names: Vec<String> = publisher
        .topics
        .all()
        .map(|topic| topic.name.to_string())
        .collect();
    // Sorted when publishers can go on.
    drop(publisher);
    names.sort_unstable();
    names
}

/// Describes a topic; `None` for one that was neither created nor published on.
pub(in crate::hub) fn describe(shared: &Shared, name: &str) -> Option<TopicInfo> {
    let (mut info, histories) = {
        let publisher = shared.publisher.lock();
        let topic = publisher.topics.get(name)?;
        let info = TopicInfo {
            name: topic.name.to_string(),
            config: topic.config.clone(),
            durability: shared.durability_of(topic.config.durability),
            published: topic.published,
            last_offset: topic.last_offset,
            retained: 0,
            retained_bytes: 0,
            subscriptions: 0,
        };
        (info, publisher.histories.clone())
    };
    // Behind the publisher's lock: the copies are brought up to date first.
    if let Some(histories) = histories {
        (info.retained, info.retained_bytes) = histories.size(name);
    }
    info.subscriptions = shared.registry.present(name, 0).count;
    Some(info)
}

/// Returns whether a filter has this name, and no pattern: one with a pattern may take topics that come later.
fn is_named_in(filter: &Filter, name: &str) -> bool {
    let patterns = filter.patterns();
    patterns.iter().all(Pattern::is_literal)
        && patterns.iter().any(|pattern| pattern.as_str() == name)
}
