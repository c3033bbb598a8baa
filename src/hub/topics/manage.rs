//! Creating, listing, describing and deleting topics.

use crate::event::{Filter, Pattern, topic};

use super::{Histories, TopicConfig, TopicInfo, TopicsError};
use crate::hub::EndReason;
use crate::hub::journal::{
    QueuedWork, Then, TransactDone, TransactError, Transaction, Truncation, queue, topic_change,
};
use crate::hub::publish::Publisher;
use crate::hub::shared::Shared;
use crate::hub::slot::Slot;
use crate::ring::Subscriber;

/// Creates a topic with settings, or gives them to one that an event made.
pub(in crate::hub) fn create(
    shared: &Shared,
    name: &str,
    config: TopicConfig,
) -> Result<(), TopicsError> {
    change(shared, name, Change::Create(&config))
}

/// Gives settings to a topic, which is created where there is none.
pub(in crate::hub) fn set(
    shared: &Shared,
    name: &str,
    config: TopicConfig,
) -> Result<(), TopicsError> {
    change(shared, name, Change::Set(&config))
}

/// Deletes a topic, with what it retains, and ends the subscriptions that named only topics which are gone.
pub(in crate::hub) fn delete(shared: &Shared, name: &str) -> Result<(), TopicsError> {
    change(shared, name, Change::Delete)
}

/// Gives settings to a topic or deletes it, without waiting until the journal keeps that: `done` is called then.
pub(in crate::hub) fn submit(
    shared: &Shared,
    name: &str,
    config: Option<&TopicConfig>,
    done: TransactDone,
) -> Result<(), TopicsError> {
    let change = config.map_or(Change::Delete, Change::Set);
    let queued = change_and_queue(shared, name, change, Ok(done))?;
    queued.map_err(TopicsError::NotKept)
}

/// Gives a topic the settings that the journal has of it.
pub(in crate::hub) fn restore(
    shared: &Shared,
    name: &str,
    config: &TopicConfig,
) -> Result<(), TopicsError> {
    Change::Set(config).validate(shared, name)?;
    Change::Set(config).make(&mut shared.publisher.lock(), shared, name)
}

/// A change of one topic.
#[derive(Clone, Copy)]
enum Change<'c> {
    /// Refused where it was created before.
    Create(&'c TopicConfig),
    Set(&'c TopicConfig),
    Delete,
}

impl<'c> Change<'c> {
    /// Returns the settings that the topic has then; `None`: it is gone.
    fn config(self) -> Option<&'c TopicConfig> {
        match self {
            Self::Create(config) | Self::Set(config) => Some(config),
            Self::Delete => None,
        }
    }

    fn validate(self, shared: &Shared, name: &str) -> Result<(), TopicsError> {
        if let Some(config) = self.config() {
            topic::validate(name)?;
            config.validate_for(shared.journal.is_some())?;
        }
        Ok(())
    }

    /// Makes it in memory.
    fn make(
        self,
        publisher: &mut Publisher,
        shared: &Shared,
        name: &str,
    ) -> Result<(), TopicsError> {
        let retains = self.config().is_some_and(|config| config.retain_events > 0);
        // The thread and its cursor are made for the first topic that retains something: a hub without one has neither.
        if retains && publisher.histories.is_none() {
            let started = Histories::start(&shared.ring, &shared.times);
            publisher.histories = Some(started.map_err(|_| TopicsError::Refused)?);
        }
        // May refuse, so it comes before the history, which cannot.
        match self {
            Self::Create(config) => publisher.topics.create(name, config.clone())?,
            Self::Set(config) => publisher.topics.set(name, config.clone())?,
            Self::Delete => {
                let floor = publisher.floor();
                publisher.topics.delete(name, floor)?;
            }
        }
        if self
            .config()
            .is_some_and(|config| config.retain_age.is_some())
        {
            publisher.mark_each();
        }
        match (&publisher.histories, self) {
            (Some(histories), Self::Create(config)) if retains => histories.add(name, config),
            (Some(histories), Self::Set(config)) => histories.set(name, config),
            (Some(histories), Self::Delete) => histories.remove(name),
            _ => {}
        }
        Ok(())
    }
}

/// Changes a topic, and waits until the journal keeps that, if there is one.
fn change(shared: &Shared, name: &str, change: Change<'_>) -> Result<(), TopicsError> {
    let Some(journal) = &shared.journal else {
        let unused: TransactDone = Box::new(drop);
        return change_and_queue(shared, name, change, Ok(unused)).map(|_| ());
    };
    let (transaction, done) = match Transaction::begin() {
        Ok((transaction, done)) => (Some(transaction), Ok(done)),
        Err(error) => (None, Err(error)),
    };
    let queued = change_and_queue(shared, name, change, done)?;
    let kept = queued.and_then(|()| match &transaction {
        Some(transaction) => journal.wait(transaction),
        None => Ok(()),
    });
    kept.map_err(TopicsError::NotKept)
}

/// Changes a topic in memory, and queues for the journal what it is to keep of that, with what is to be called then, or why it
/// cannot be waited for. Both under one lock: two who change a topic at once are kept in the order in which they changed it.
fn change_and_queue(
    shared: &Shared,
    name: &str,
    change: Change<'_>,
    done: Result<TransactDone, TransactError>,
) -> Result<Result<(), TransactError>, TopicsError> {
    change.validate(shared, name)?;
    if let (Some(journal), Some(config)) = (&shared.journal, change.config()) {
        // Two who ask at once may both be told that it does: it says it of one of them, when it is told.
        let taken = journal.view().takes_topic(name, &config.policy());
        taken.map_err(TopicsError::NotTaken)?;
    }
    // What is left of them is foreign code: it goes when the lock is released.
    let (mut done, mut work) = (done.map(Some), None);
    let queued = {
        let mut publisher = shared.publisher.lock();
        change.make(&mut publisher, shared, name)?;
        match (&shared.journal, &mut done) {
            (None, _) => Ok(()),
            (Some(_), Ok(done)) => {
                let was_none = publisher.topics.may_be_unkept(name);
                let state = topic_change(name, change.config(), was_none);
                let then = then(name, change.config(), publisher.visible());
                work = done
                    .take()
                    .map(|done| QueuedWork::alone(state, done).then(Some(then)));
                queue(&mut publisher, &mut work)
            }
            (Some(_), Err(error)) => Err(error.clone()),
        }
    };
    drop(work);
    if change.config().is_none() {
        end_subscriptions(shared, name);
    }
    Ok(queued)
}

/// Returns what the journal is asked for then: to keep to its policy from here on, or to delete the events that readers may see.
fn then(name: &str, config: Option<&TopicConfig>, visible: u64) -> Then {
    let topic = name.to_owned();
    match config {
        Some(config) => Then::SetTopic {
            topic,
            policy: config.policy(),
        },
        None => Then::Truncate(Truncation {
            topic,
            below: visible + 1,
            streams: false,
            with_topic: true,
        }),
    }
}

/// Deletes the events of a topic below an offset that the ring has, and those that the topic keeps; `cursor` is any on the
/// ring. What publishers write over meanwhile is gone as well.
pub(in crate::hub) fn delete_below(
    shared: &Shared,
    cursor: &mut Subscriber<Slot>,
    name: &str,
    below: u64,
    streams: bool,
) {
    let (offsets, histories) = {
        let publisher = shared.publisher.lock();
        let index = publisher.topics.index_of(name);
        let offsets = index.and_then(|index| publisher.topics.offsets(index));
        let offsets: Vec<u64> = offsets.map_or_else(Vec::new, |all| all.below(below).collect());
        (offsets, publisher.histories.clone())
    };
    // Before they are deleted in the ring: what is copied from there later is what is left.
    if let Some(histories) = &histories {
        histories.catch_up();
    }
    // Outside the lock, which publishers need: a cursor keeps the slot that it reads from being used again.
    let mut gone = Vec::new();
    for offset in offsets {
        // What the ring has no more is passed by the cursor, which is told so.
        if cursor.seek(offset - 1).is_err() {
            continue;
        }
        let _ = cursor.read_while(1, |sequence, slot| {
            if sequence + 1 == offset
                && let Some(event) = slot.event()
                && (streams || event.stream().is_none())
            {
                slot.delete();
                gone.push(offset);
            }
            true
        });
    }
    if let Some(histories) = &histories {
        histories.delete_below(name, below, streams);
    }
    shared.publisher.lock().topics.forget_events(name, &gone);
}

/// Ends the subscriptions that named a topic which is gone, and no other that is there. Outside the publisher's lock, which is
/// taken again for each filter that names the topic: few do, and ending a subscription runs foreign code.
fn end_subscriptions(shared: &Shared, name: &str) {
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
