//! An event of one's own: the record itself, in a buffer.

use std::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use super::attribute::AttributeValue;
#[cfg(feature = "serde")]
use super::data::DataError;
use super::error::EventError;
use super::event_builder::EventBuilder;
use super::event_ref::{EventRef, StreamName};
use super::json::Shape;
use super::position::Position;
use super::record::layout::DataKind;

/// An event that a program owns: its record, in a buffer of its own.
///
/// # Examples
///
/// ```
/// use eventring::Event;
///
/// let event = Event::builder("orders.created", "order").json("{\"id\":7}").build()?;
/// assert_eq!((event.topic(), event.data()), ("orders.created", &b"{\"id\":7}"[..]));
/// # Ok::<(), eventring::event::EventError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    record: Box<[u8]>,
    topic_hash: u64,
}

impl Event {
    /// Starts an event with a topic and a type.
    pub fn builder(topic: &str, ty: &str) -> EventBuilder {
        let mut builder = EventBuilder::new();
        builder.topic(topic).ty(ty);
        builder
    }

    /// Makes an event of a topic, a type and a value as its data, in JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::Event;
    ///
    /// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    /// struct Order {
    ///     id: u64,
    /// }
    ///
    /// let event = Event::json("orders.created", "order", &Order { id: 7 })?;
    /// assert_eq!(event.data_as::<Order>(), Ok(Order { id: 7 }));
    /// # Ok::<(), eventring::event::EventError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`EventBuilder::json_of`]; a topic that is no topic name, a type that is empty.
    #[cfg(feature = "serde")]
    pub fn json<T: Serialize + ?Sized>(
        topic: &str,
        ty: &str,
        value: &T,
    ) -> Result<Self, EventError> {
        Self::builder(topic, ty).json_of(value).build()
    }

    /// Takes a record that came from elsewhere, after checking all of it.
    ///
    /// # Errors
    ///
    /// As [`EventRef::parse`].
    pub fn from_record(record: Vec<u8>) -> Result<Self, EventError> {
        let topic_hash = EventRef::parse(&record)?.topic_hash();
        Ok(Self {
            record: record.into(),
            topic_hash,
        })
    }

    /// Views it, for what takes an [`EventRef`].
    #[inline]
    #[allow(
        clippy::should_implement_trait,
        reason = "AsRef cannot return a view by value"
    )]
    pub fn as_ref(&self) -> EventRef<'_> {
        EventRef::trusted(&self.record, self.topic_hash)
    }

    /// Reads the data, which must be JSON, as a value; see [`EventRef::data_as`].
    ///
    /// # Errors
    ///
    /// As [`EventRef::data_as`].
    #[cfg(feature = "serde")]
    pub fn data_as<'d, T: Deserialize<'d>>(&'d self) -> Result<T, DataError> {
        self.as_ref().data_as()
    }

    pub(super) fn from_trusted(event: EventRef<'_>) -> Self {
        Self {
            record: event.record().into(),
            topic_hash: event.topic_hash(),
        }
    }
}

/// Gives `Event` the accessors of its view.
macro_rules! accessors {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $ty:ty),*) $(-> $out:ty)?;)*) => {
        impl Event {
            $(
                $(#[$doc])*
                #[inline]
                pub fn $name(&self $(, $argument: $ty)*) $(-> $out)? {
                    self.as_ref().$name($($argument),*)
                }
            )*
        }
    };
}

accessors! {
    /// Returns the record's bytes.
    fn record() -> &[u8];
    /// Returns the topic.
    fn topic() -> &str;
    /// Returns whether the topic is [reserved](super::topic::is_reserved).
    fn is_reserved() -> bool;
    /// Returns the topic's hash: the same for equal topics within this process, another in the next.
    fn topic_hash() -> u64;
    /// Returns the id.
    fn id() -> &str;
    /// Returns the type.
    fn ty() -> &str;
    /// Returns the source.
    fn source() -> &str;
    /// Returns the subject.
    fn subject() -> Option<&str>;
    /// Returns the data's content type, where it is stated.
    fn content_type() -> Option<&str>;
    /// Returns the URI of the data's schema.
    fn data_schema() -> Option<&str>;
    /// Returns the time, nanoseconds since 1970 (UTC); what is outside 1677 to 2262 is held at the nearest end.
    fn time() -> i64;
    /// Appends the time as RFC 3339 text: as it was written, where it was written so.
    fn write_time(out: &mut Vec<u8>);
    /// Returns the data, empty when there is none.
    fn data() -> &[u8];
    /// Appends the data as base 64 (RFC 4648, section 4).
    fn write_data_base64(out: &mut Vec<u8>);
    /// Returns what the data is.
    fn data_kind() -> DataKind;
    /// Iterates over the event's own attributes beside the standard ones.
    fn attributes() -> impl Iterator<Item = (&str, AttributeValue<'_>)> + Clone;
    /// Iterates over the headers.
    fn headers() -> impl Iterator<Item = (&str, AttributeValue<'_>)> + Clone;
    /// Iterates over the tags.
    fn tags() -> impl Iterator<Item = (&str, AttributeValue<'_>)> + Clone;
    /// Returns the value of one of the event's own attributes.
    fn attribute(name: &str) -> Option<AttributeValue<'_>>;
    /// Returns the correlation id (`correlationid`).
    fn correlation_id() -> Option<&str>;
    /// Returns the causation id (`causationid`).
    fn causation_id() -> Option<&str>;
    /// Returns the user id (`userid`).
    fn user_id() -> Option<&str>;
    /// Returns who acted: the kind (`actortype`) and the id (`actorid`).
    fn actor() -> Option<(&str, &str)>;
    /// Returns the schema version (`schemaversion`), a string or a number.
    fn schema_version() -> Option<AttributeValue<'_>>;
    /// Returns the stream (`streamtype`, `streamid`, `streamversion`).
    fn stream() -> Option<StreamName<'_>>;
    /// Appends the event as structured CloudEvents JSON; see [`EventRef::write_cloudevents_json`].
    fn write_cloudevents_json(out: &mut Vec<u8>);
    /// Appends the event as structured CloudEvents JSON, with its position as the extension `position`.
    fn write_cloudevents_json_at(position: Position, out: &mut Vec<u8>);
    /// Appends the event in the JSON shape of another system. What was read in that shape is written without loss.
    fn write_json(shape: Shape, out: &mut Vec<u8>);
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl<'a> From<&'a Event> for EventRef<'a> {
    fn from(event: &'a Event) -> Self {
        event.as_ref()
    }
}

impl From<EventRef<'_>> for Event {
    fn from(event: EventRef<'_>) -> Self {
        event.to_event()
    }
}
