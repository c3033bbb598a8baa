//! Topics as a program sees them: what a hub knows of each, and the settings of one.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::event::TopicError;
use crate::hub::journal::TransactError;
use crate::journal::{Compact, Durability, Retention, TopicPolicy};
use crate::settings::setters;

/// The way in which topics come about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicMode {
    /// The first event makes the topic, with the default settings.
    #[default]
    Lazy,
    /// Publishing on a topic that was not created is refused.
    Explicit,
}

/// Settings of a topic.
///
/// A setting that a memory hub cannot honour is refused rather than ignored.
///
/// # Examples
///
/// ```
/// use eventring::hub::TopicConfig;
/// use eventring::Hub;
///
/// let hub = Hub::new();
/// hub.create_topic("alarms", TopicConfig::default().retain_events(100)).unwrap();
/// let wrong = TopicConfig::default().partitions(3).replication(2).retain_events(1).retain_bytes(0);
/// assert_eq!(
///     hub.create_topic("other", wrong).unwrap_err().to_string(),
///     "retain_bytes: 0 keeps nothing of 1 events; partitions: only 1; replication: only 1"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicConfig {
    /// Events kept for the topic itself, however busy others are. Default 0: only what the hub's ring keeps.
    pub retain_events: usize,
    /// Bytes of records kept for it. Default 1 MiB; counts against the hub's
    /// [`history_bytes`](crate::hub::HubBuilder::history_bytes) if anything is kept.
    pub retain_bytes: usize,
    /// The greatest age of a kept event since the hub took it, whatever time it names, at least 1 ms. Default none.
    pub retain_age: Option<Duration>,
    /// The least safety of its events. Default `None`: the hub's own default. A memory hub refuses more than
    /// [`Durability::None`].
    pub durability: Option<Durability>,
    /// Bounds on what the hub's journal keeps of the topic, beside its own in all. A memory hub refuses any bound. Default: no
    /// bound of its own.
    pub journal: Retention,
    /// The journal keeps the newest event of each key. A memory hub refuses it. Default: it keeps every event.
    pub compact: Option<Compact>,
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
            durability: None,
            journal: Retention::default(),
            compact: None,
            compression: false,
            partitions: 1,
            replication: 1,
        }
    }
}

setters! {
    TopicConfig {
        retain_events: usize,
        retain_bytes: usize,
        retain_age: Option<Duration>,
        journal: Retention,
        compact: Option<Compact>,
        compression: bool,
        partitions: u32,
        replication: u32,
    }
}

impl TopicConfig {
    /// Sets [`durability`](field@Self::durability).
    #[must_use]
    pub fn durability(mut self, durability: impl Into<Option<Durability>>) -> Self {
        self.durability = durability.into();
        self
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
    /// The bytes that all topics may retain together are spoken for.
    #[error("retain_bytes: {asked} is more than the {left} left of history_bytes")]
    HistoryBytes {
        /// Bytes asked for.
        asked: usize,
        /// Bytes left.
        left: usize,
    },
    /// The journal does not keep to such settings, and nothing is changed: it bounds and compacts a number of topics.
    #[error("the journal takes no such settings: {0}")]
    NotTaken(String),
    /// The hub is closed, or has too many readers to keep a history.
    #[error("the hub takes no more readers")]
    Refused,
    /// The settings are in force and will not be there after a restart: the journal did not take them.
    #[error("not kept: {0}")]
    NotKept(TransactError),
}

/// The settings and figures of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicInfo {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub config: TopicConfig,
    /// The least safety of its events: by its settings, or the hub's.
    pub durability: Durability,
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
    /// Checks the settings, but for what depends on the hub: its journal and its bounds.
    ///
    /// # Errors
    ///
    /// [`TopicConfigErrors`] lists everything that is wrong.
    pub fn validate(&self) -> Result<(), TopicConfigErrors> {
        self.validate_for(true)
    }

    /// Checks the settings for a hub that has a journal or not.
    pub(in crate::hub) fn validate_for(&self, has_journal: bool) -> Result<(), TopicConfigErrors> {
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
        check(
            has_journal || self.durability <= Some(Durability::None),
            "durability",
            &|| "a memory hub has no journal".to_owned(),
        );
        let Retention {
            age, bytes, events, ..
        } = self.journal;
        let in_memory = || "a memory hub has no journal".to_owned();
        for (field, is_set) in [
            ("journal.events", events.is_some()),
            ("journal.bytes", bytes.is_some()),
            ("journal.age", age.is_some()),
            ("journal.streams", self.journal.streams),
            ("compact", self.compact.is_some()),
        ] {
            check(has_journal || !is_set, field, &in_memory);
        }
        let nothing = || "0 keeps nothing; leave it out to keep everything".to_owned();
        check(events != Some(0), "journal.events", &nothing);
        check(bytes != Some(0), "journal.bytes", &nothing);
        check(
            age.is_none_or(|age| age >= Duration::from_millis(1)),
            "journal.age",
            &|| "less than 1 ms keeps nothing; leave it out to keep everything".to_owned(),
        );
        let key = self.compact.as_ref().map_or("", |compact| &compact.key);
        let pointer = self.compact.as_ref().map_or(Ok(()), Compact::validate);
        check(pointer.is_ok(), "compact", &|| {
            let reason = pointer.as_ref().map_err(ToString::to_string);
            let reason = reason.err().unwrap_or_default();
            format!("{key:?} is no JSON pointer, as /data/id or /subject: {reason}")
        });
        check(key.len() <= COMPACT_BYTES_MAX, "compact", &|| {
            format!("more than {COMPACT_BYTES_MAX} bytes")
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

    /// Returns what a journal has to know of them.
    pub(in crate::hub) fn policy(&self) -> TopicPolicy {
        TopicPolicy::default()
            .retention(self.journal)
            .compact(self.compact.clone())
    }

    /// Returns the bytes that it takes of the hub's `history_bytes`. The whole of them at once: a bound that is only
    /// reached later would be refused to whoever comes last.
    pub(in crate::hub) fn reserved(&self) -> usize {
        if self.retain_events == 0 {
            0
        } else {
            self.retain_bytes
        }
    }
}

/// Longest pointer to a key, bytes.
const COMPACT_BYTES_MAX: usize = 1_024;
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
