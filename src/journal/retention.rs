//! How much a journal keeps, in all and of a topic.

use std::time::Duration;

use thiserror::Error;

use crate::event::{Predicate, PredicateError};
use crate::settings::setters;

/// Bounds on what is kept, of a journal in all or of one topic. The oldest events go first, and whoever resumes before what is left is
/// [told](super::HoleReason::Retention).
///
/// What goes is what was recorded in rows of about 18 KB, so that a bound may be exceeded by one of them, and by a tenth of
/// what is there for as long as a pass takes.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use eventring::journal::Retention;
///
/// let week = Retention::default().age(Some(Duration::from_secs(7 * 24 * 3600)));
/// assert!(week.validate().is_ok());
/// let nothing = Retention::default().bytes(Some(0));
/// assert_eq!(nothing.validate().unwrap_err().to_string(), "bytes: 0 keeps nothing; leave it out to keep everything");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// The time since an event was taken, at most. `None`: any. Default: any.
    pub age: Option<Duration>,
    /// Bytes at most: in all, those of the journal's directory in use; of a topic, those of its records. `None`: any number.
    /// Default: any number.
    pub bytes: Option<u64>,
    /// Events at most. `None`: any number. Default: any number.
    pub events: Option<u64>,
    /// Events with a stream may go, too. A stream without its first events is worse than a full disk: they stay, and count
    /// for no bound but that of bytes in all. Default: they stay.
    pub streams: bool,
}

setters! {
    Retention {
        age: Option<Duration>,
        bytes: Option<u64>,
        events: Option<u64>,
        streams: bool,
    }
}

impl Retention {
    /// Checks that every bound keeps something.
    ///
    /// # Errors
    ///
    /// A bound of 0.
    pub fn validate(&self) -> Result<(), RetentionError> {
        let age = self
            .age
            .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        for (field, bound) in [("age", age), ("bytes", self.bytes), ("events", self.events)] {
            if bound == Some(0) {
                return Err(RetentionError { field });
            }
        }
        Ok(())
    }

    /// Returns whether there is any bound.
    pub fn is_bounded(&self) -> bool {
        self.age.is_some() || self.bytes.is_some() || self.events.is_some()
    }
}

/// A bound that keeps nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{field}: 0 keeps nothing; leave it out to keep everything")]
#[non_exhaustive]
pub struct RetentionError {
    /// The bound's name.
    pub field: &'static str,
}

/// Keeps the newest event of each key of a topic: what is older goes some time later, and nobody is told.
///
/// A key is text, a number, true or false: `7` and `"7"` are different ones, and so are `7` and `7.0`. An event without data, or
/// with `null`, says that its key is gone; it can have one only where that is not in the data. Events without a key stay, and so
/// do those with a stream, unless [`streams`](Retention::streams), and what a [hold](super::holds) needs.
///
/// A journal does so in passes, once it has as many new events with a key as it has older ones, 1,000 at least, and of rows
/// are merged. Of 1,024 topics at most; further ones keep everything. In the long run passes read eight rows for each that is
/// written, and wait for that. Of a topic with many times as many keys as are kept in memory (262,144 of all topics) most passes
/// go over what is new alone: an older event of a key may stay in what is older, and events without data stay for good. What is
/// damaged stays, and from then on so do the topic's events without data: something older of their keys may come back
/// otherwise.
///
/// # Examples
///
/// ```
/// use eventring::journal::{Compact, TopicPolicy};
///
/// let policy = TopicPolicy::default().compact(Some(Compact::new("/subject")));
/// assert!(policy.retention.age.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compact {
    /// The place of an event's key: a JSON pointer into its CloudEvents form, `/subject` or `/data/id`, say. An event without one
    /// stays.
    pub key: String,
    /// The time for which an event without data, which says that its key is gone, stays after it was taken. Default: a day.
    pub tombstone_age: Duration,
}

impl Compact {
    /// Compacts by a key.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            tombstone_age: Duration::from_secs(24 * 3600),
        }
    }

    /// Checks that the key is a pointer into an event.
    ///
    /// # Errors
    ///
    /// The column, and what is expected there.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::journal::Compact;
    ///
    /// assert!(Compact::new("/data/id").validate().is_ok());
    /// let error = Compact::new("data.id").validate().unwrap_err();
    /// assert_eq!(error.to_string(), "a pointer starts with \"/\" at column 1");
    /// ```
    pub fn validate(&self) -> Result<(), PredicateError> {
        Predicate::pointer(&self.key).map(|_| ())
    }
}

setters! {
    Compact {
        key: String,
        tombstone_age: Duration,
    }
}

/// The settings of a topic that a journal has to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicPolicy {
    /// Bounds of its own, beside those of the journal in all. Default: none.
    pub retention: Retention,
    /// Keeps the newest event of each key. Default: every event is kept.
    pub compact: Option<Compact>,
}

setters! {
    TopicPolicy {
        retention: Retention,
        compact: Option<Compact>,
    }
}
