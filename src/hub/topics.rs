//! Topics: what a hub knows of each, and the settings of one.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use thiserror::Error;

use crate::event::{EventRef, TopicError, topic};

/// Whether a topic must be created before something is published on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopicMode {
    /// The first event makes the topic, with the default settings.
    #[default]
    Lazy,
    /// Publishing on a topic that was not created is refused.
    Explicit,
}

/// What a topic may ask of its events' safety.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// In memory.
    #[default]
    None,
    /// In a journal soon. A memory hub refuses it.
    Buffered,
    /// In a journal before the publish returns. A memory hub refuses it.
    Durable,
}

/// Settings of a topic.
///
/// What a memory hub cannot do is refused rather than ignored.
///
/// # Examples
///
/// ```
/// use eventring::hub::{Hub, TopicConfig};
///
/// let hub = Hub::new();
/// hub.create_topic("alarms", TopicConfig { retain_events: 100, ..TopicConfig::default() }).unwrap();
/// let wrong = TopicConfig { partitions: 3, replication: 2, retain_events: 1, retain_bytes: 0, ..TopicConfig::default() };
/// assert_eq!(
///     hub.create_topic("other", wrong).unwrap_err().to_string(),
///     "retain_bytes: 0 keeps nothing of 1 events; partitions: only 1; replication: only 1"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicConfig {
    /// Events kept for the topic itself, however busy others are. Default 0: only what the hub's ring keeps.
    pub retain_events: usize,
    /// Bytes of records kept for it. Default 1 MiB; counts against the hub's
    /// [`history_bytes`](super::HubBuilder::history_bytes) if anything is kept.
    pub retain_bytes: usize,
    /// How old a kept event may be by its own time, at least 1 ms. Default none.
    pub retain_age: Option<Duration>,
    /// Default [`Durability::None`], which is all that a memory hub can do.
    pub durability: Durability,
    /// Compression of what is kept. Default false, which is all that a memory hub can do.
    pub compression: bool,
    /// Partitions. Default 1, which is all that one ring has.
    pub partitions: u32,
    /// Copies on other nodes and here. Default 1, which is all that one process can do.
    pub replication: u32,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            retain_events: 0,
            retain_bytes: 1 << 20,
            retain_age: None,
            durability: Durability::None,
            compression: false,
            partitions: 1,
            replication: 1,
        }
    }
}

/// Everything that is wrong with settings: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicConfigErrors(Vec<(&'static str, String)>);

/// Says why a topic was not created, described or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TopicsError {
    /// The name is none.
    #[error("not a topic name: {0}")]
    Name(#[from] TopicError),
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] TopicConfigErrors),
    /// The topic was created before.
    #[error("the topic exists")]
    Exists,
    /// There is no such topic.
    #[error("no such topic")]
    Unknown,
    /// The hub knows as many topics as it may.
    #[error("more than {limit} topics")]
    TooMany {
        /// The hub's `topics_max`.
        limit: usize,
    },
    /// What all topics may keep together is spoken for.
    #[error("retain_bytes: {asked} is more than the {left} left of history_bytes")]
    HistoryBytes {
        /// Bytes asked for.
        asked: usize,
        /// Bytes left.
        left: usize,
    },
    /// The hub is closed, or has too many readers to keep a history.
    #[error("the hub takes no more readers")]
    Refused,
}

/// What a hub knows of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicInfo {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub config: TopicConfig,
    /// Events published on it since the topic was made.
    pub published: u64,
    /// The offset of its newest event, 0 before the first.
    pub last_offset: u64,
    /// Events kept for it beside the ring.
    pub retained: usize,
    /// Their bytes.
    pub retained_bytes: usize,
    /// Subscriptions whose topics include it.
    pub subscriptions: usize,
}

impl TopicConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`TopicConfigErrors`] lists everything that is wrong.
    pub fn validate(&self) -> Result<(), TopicConfigErrors> {
        let mut wrong = Vec::new();
        let mut check = |fine: bool, field, reason: &dyn Fn() -> String| {
            if !fine {
                wrong.push((field, reason()));
            }
        };
        check(
            self.retain_events <= RETAIN_EVENTS_MAX,
            "retain_events",
            &|| format!("more than {RETAIN_EVENTS_MAX}"),
        );
        check(
            self.retain_events == 0 || self.retain_bytes > 0,
            "retain_bytes",
            &|| format!("0 keeps nothing of {} events", self.retain_events),
        );
        check(
            self.retain_age
                .is_none_or(|age| age >= Duration::from_millis(1)),
            "retain_age",
            &|| "less than 1 ms".to_owned(),
        );
        check(self.durability == Durability::None, "durability", &|| {
            "a memory hub has no journal".to_owned()
        });
        check(!self.compression, "compression", &|| {
            "a memory hub does not compress".to_owned()
        });
        check(self.partitions == 1, "partitions", &|| "only 1".to_owned());
        check(self.replication == 1, "replication", &|| {
            "only 1".to_owned()
        });
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(TopicConfigErrors(wrong))
        }
    }

    /// Bytes that it takes of the hub's history.
    pub(super) fn reserved(&self) -> usize {
        if self.retain_events == 0 {
            0
        } else {
            self.retain_bytes
        }
    }
}

/// Most events that one topic may keep.
const RETAIN_EVENTS_MAX: usize = 1 << 24;

impl TopicConfigErrors {
    /// Returns each setting that is wrong, and why.
    pub fn faults(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0
            .iter()
            .map(|(field, reason)| (*field, reason.as_str()))
    }
}

impl fmt::Display for TopicConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (field, reason)) in self.0.iter().enumerate() {
            write!(f, "{}{field}: {reason}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for TopicConfigErrors {}

/// The topics of a hub, under the publisher's lock. Looking one up costs a table's entry, the last one a comparison.
pub(super) struct Topics {
    pub(super) mode: TopicMode,
    limit: usize,
    history_bytes: usize,
    by_hash: HashMap<u64, u32, ByHash>,
    entries: Vec<Option<Topic>>,
    free: Vec<u32>,
    last: (u64, u32),
    /// Events on topics beyond the limit.
    untracked: u64,
}

pub(super) struct Topic {
    pub(super) name: Box<str>,
    pub(super) config: TopicConfig,
    created: bool,
    pub(super) published: u64,
    pub(super) last_offset: u64,
}

/// A hash with a secret key is hash enough.
pub(super) type ByHash = BuildHasherDefault<Identity>;

#[derive(Default)]
pub(super) struct Identity(u64);

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

const NOBODY: (u64, u32) = (0, u32::MAX);

impl Topics {
    pub(super) fn new(mode: TopicMode, limit: usize, history_bytes: usize) -> Self {
        Self {
            mode,
            limit,
            history_bytes,
            by_hash: HashMap::default(),
            entries: Vec::new(),
            free: Vec::new(),
            last: NOBODY,
            untracked: 0,
        }
    }

    /// Whether an event may be published on its topic.
    #[inline]
    pub(super) fn admits(&self, event: EventRef<'_>) -> bool {
        self.mode == TopicMode::Lazy || self.by_hash.contains_key(&event.topic_hash())
    }

    /// Counts an event that was published.
    #[inline]
    pub(super) fn count(&mut self, event: EventRef<'_>, offset: u64) {
        let hash = event.topic_hash();
        if self.last.0 != hash || self.last.1 == u32::MAX {
            self.last = match self.by_hash.get(&hash) {
                Some(&index) => (hash, index),
                None => (hash, self.make_lazily(event, hash)),
            };
        }
        match self.entries.get_mut(self.last.1 as usize) {
            Some(Some(topic)) => {
                topic.published += 1;
                topic.last_offset = offset;
            }
            _ => self.untracked += 1,
        }
    }

    #[cold]
    fn make_lazily(&mut self, event: EventRef<'_>, hash: u64) -> u32 {
        if self.by_hash.len() >= self.limit {
            return u32::MAX;
        }
        self.make(event.topic(), hash, TopicConfig::default(), false)
    }

    fn make(&mut self, name: &str, hash: u64, config: TopicConfig, created: bool) -> u32 {
        let topic = Topic {
            name: name.into(),
            config,
            created,
            published: 0,
            last_offset: 0,
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() as u32 - 1
        });
        self.entries[index as usize] = Some(topic);
        self.by_hash.insert(hash, index);
        self.last = NOBODY;
        index
    }

    /// Creates a topic, or settles one that an event made. Nothing is changed on errors.
    pub(super) fn create(&mut self, name: &str, config: TopicConfig) -> Result<(), TopicsError> {
        let asked = config.reserved();
        let left = self.history_bytes
            - self
                .all()
                .map(|topic| topic.config.reserved())
                .sum::<usize>();
        if asked > left {
            return Err(TopicsError::HistoryBytes { asked, left });
        }
        let hash = topic::hash(name);
        if let Some(&index) = self.by_hash.get(&hash) {
            return match &mut self.entries[index as usize] {
                Some(topic) if !topic.created => {
                    (topic.config, topic.created) = (config, true);
                    Ok(())
                }
                _ => Err(TopicsError::Exists),
            };
        }
        if self.by_hash.len() >= self.limit {
            return Err(TopicsError::TooMany { limit: self.limit });
        }
        self.make(name, hash, config, true);
        Ok(())
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), TopicsError> {
        let index = self
            .by_hash
            .remove(&topic::hash(name))
            .ok_or(TopicsError::Unknown)?;
        self.entries[index as usize] = None;
        self.free.push(index);
        self.last = NOBODY;
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Topic> {
        let index = *self.by_hash.get(&topic::hash(name))?;
        self.entries[index as usize].as_ref()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Topic> {
        self.entries.iter().flatten()
    }

    /// Events on topics that are not listed, because there were too many.
    pub(super) fn untracked(&self) -> u64 {
        self.untracked
    }
}
