//! A view of a record: what readers of the ring see.

use std::fmt;

#[cfg(feature = "serde")]
use serde::Deserialize;

use super::attribute::{AttributeKind, AttributeValue, Attributes};
#[cfg(feature = "serde")]
use super::data::{self, DataError};
use super::error::EventError;
use super::event::Event;
use super::record::layout::{self, DataKind, Field, Notes};
use super::record::verify;
use super::{Position, Shape, json, time, topic};

/// Views one event's record. Copying it copies a pointer; no accessor allocates.
///
/// # Examples
///
/// ```
/// use eventring::event::{EventBuilder, EventRef};
///
/// let mut builder = EventBuilder::new();
/// let event = builder.topic("orders").ty("created").json("{\"n\":1}").build().unwrap();
/// let bytes = event.record().to_vec(); // to a journal, another process, …
/// let again = EventRef::parse(&bytes).unwrap();
/// assert_eq!((again.topic(), again.ty(), again.data()), ("orders", "created", &b"{\"n\":1}"[..]));
/// ```
#[derive(Clone, Copy)]
pub struct EventRef<'a> {
    record: &'a [u8],
    /// 0: it is taken when it is asked for.
    topic_hash: u64,
}

/// The stream (entity, aggregate) that an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamName<'a> {
    /// The kind of entity.
    pub ty: &'a str,
    /// The id of the entity.
    pub id: &'a str,
    /// The entity's version after this event, where it is stated.
    pub version: Option<u64>,
}

impl<'a> EventRef<'a> {
    /// Views a record that came from elsewhere, after checking all of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Record`](super::ErrorKind::Record) and others say what is wrong and at which byte: what a builder
    /// refuses is refused here too, by the most that the format holds.
    pub fn parse(record: &'a [u8]) -> Result<Self, EventError> {
        verify::check(record)?;
        Ok(Self {
            record,
            topic_hash: topic::hash(layout::text(layout::field(record, Field::Topic))),
        })
    }

    /// Views a record whose checksum says that it is as it was when an event was written: only the lengths in its head
    /// are looked at, a small part of what [`parse`](Self::parse) does. `None`: they do not add up.
    #[cfg(any(feature = "sqlite", all(feature = "journal", any(test, fuzzing))))]
    pub(crate) fn stored(record: &'a [u8]) -> Option<Self> {
        verify::check_frame(record).ok()?;
        Some(Self::trusted(record, 0))
    }

    /// Views a record that was built or checked here.
    pub(super) fn trusted(record: &'a [u8], topic_hash: u64) -> Self {
        Self { record, topic_hash }
    }

    /// Returns the record's bytes.
    pub fn record(self) -> &'a [u8] {
        self.record
    }

    /// Returns the topic.
    pub fn topic(self) -> &'a str {
        self.field(Field::Topic)
    }

    /// Returns whether the topic is [reserved](topic::is_reserved). It looks at one byte: whoever takes every other topic
    /// asks this of each event.
    #[inline]
    pub fn is_reserved(self) -> bool {
        // The topic is the record's first field, and it is never empty.
        self.record.get(layout::HEAD) == Some(&topic::RESERVED)
    }

    /// Returns the topic's hash: the same for equal topics within this process, another in the next.
    pub fn topic_hash(self) -> u64 {
        match self.topic_hash {
            0 => topic::hash(self.topic()),
            hash => hash,
        }
    }

    /// Returns the id.
    pub fn id(self) -> &'a str {
        self.field(Field::Id)
    }

    /// Returns the type.
    pub fn ty(self) -> &'a str {
        self.field(Field::Type)
    }

    /// Returns the source.
    pub fn source(self) -> &'a str {
        self.field(Field::Source)
    }

    /// Returns the subject.
    pub fn subject(self) -> Option<&'a str> {
        self.optional(Field::Subject)
    }

    /// Returns the data's content type, where it is stated.
    pub fn content_type(self) -> Option<&'a str> {
        self.optional(Field::ContentType)
    }

    /// Returns the URI of the data's schema.
    pub fn data_schema(self) -> Option<&'a str> {
        self.optional(Field::DataSchema)
    }

    /// Returns the time, nanoseconds since 1970 (UTC); what is outside 1677 to 2262 is held at the nearest end.
    pub fn time(self) -> i64 {
        layout::time(self.record)
    }

    /// Appends the time as RFC 3339 text: as it was written, where it was written so.
    pub fn write_time(self, out: &mut Vec<u8>) {
        // Other shapes have times without an offset; RFC 3339, and so CloudEvents, wants one.
        match self
            .optional(Field::TimeText)
            .filter(|text| time::is_rfc3339(text))
        {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => time::write(self.time(), out),
        }
    }

    /// Appends the time as it was written, with or without an offset.
    pub(super) fn write_time_as_given(self, out: &mut Vec<u8>) {
        match self.optional(Field::TimeText) {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => time::write(self.time(), out),
        }
    }

    /// Returns the data, empty when there is none.
    pub fn data(self) -> &'a [u8] {
        &self.record[layout::data_at(self.record)..]
    }

    /// Reads the data, which must be JSON, as a value. Text in it is borrowed where the type wants that and nothing in it
    /// is escaped.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::Event;
    ///
    /// let event = Event::builder("orders", "created").json("[7, 8]").build()?;
    /// assert_eq!(event.data_as::<Vec<u64>>(), Ok(vec![7, 8]));
    /// let error = event.data_as::<[bool; 2]>().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the data does not fit: invalid type: integer `7`, expected a boolean at line 1 column 2"
    /// );
    /// # Ok::<(), eventring::event::EventError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DataError`]: there is none, it is no JSON, or it does not fit.
    #[cfg(feature = "serde")]
    pub fn data_as<T: Deserialize<'a>>(self) -> Result<T, DataError> {
        data::read(self)
    }

    /// Appends the data as base 64 (RFC 4648, section 4).
    pub fn write_data_base64(self, out: &mut Vec<u8>) {
        json::write_base64(self.data(), out);
    }

    /// Returns what the data is.
    pub fn data_kind(self) -> DataKind {
        layout::kind(self.record)
    }

    /// Iterates over the event's own attributes beside the standard ones.
    pub fn attributes(self) -> impl Iterator<Item = (&'a str, AttributeValue<'a>)> + Clone {
        self.attributes_of(AttributeKind::Extension)
    }

    /// Iterates over the headers.
    pub fn headers(self) -> impl Iterator<Item = (&'a str, AttributeValue<'a>)> + Clone {
        self.attributes_of(AttributeKind::Header)
    }

    /// Iterates over the tags.
    pub fn tags(self) -> impl Iterator<Item = (&'a str, AttributeValue<'a>)> + Clone {
        self.attributes_of(AttributeKind::Tag)
    }

    /// Iterates over the attributes of a kind.
    pub(in crate::event) fn attributes_of(self, kind: AttributeKind) -> Attributes<'a> {
        let (bytes, count) = self.attribute_bytes();
        Attributes::new(bytes, count, kind)
    }

    /// Returns the value of one of the event's own attributes.
    pub fn attribute(self, name: &str) -> Option<AttributeValue<'a>> {
        self.attributes()
            .find(|(given, _)| *given == name)
            .map(|(_, value)| value)
    }

    /// Returns the correlation id (`correlationid`).
    pub fn correlation_id(self) -> Option<&'a str> {
        self.attribute("correlationid")?.text()
    }

    /// Returns the causation id (`causationid`).
    pub fn causation_id(self) -> Option<&'a str> {
        self.attribute("causationid")?.text()
    }

    /// Returns the user id (`userid`).
    pub fn user_id(self) -> Option<&'a str> {
        self.attribute("userid")?.text()
    }

    /// Returns who acted: the kind (`actortype`) and the id (`actorid`).
    pub fn actor(self) -> Option<(&'a str, &'a str)> {
        Some((
            self.attribute("actortype")?.text()?,
            self.attribute("actorid")?.text()?,
        ))
    }

    /// Returns the schema version (`schemaversion`), a string or a number.
    pub fn schema_version(self) -> Option<AttributeValue<'a>> {
        self.attribute("schemaversion")
    }

    /// Returns the stream (`streamtype`, `streamid`, `streamversion`).
    #[inline]
    pub fn stream(self) -> Option<StreamName<'a>> {
        // Most events have no attributes at all: that is one look, where it is asked of each event that is published.
        match layout::attribute_count(self.record) {
            0 => None,
            _ => self.stream_of_attributes(),
        }
    }

    fn stream_of_attributes(self) -> Option<StreamName<'a>> {
        let ty = self.attribute("streamtype")?.text()?;
        let id = self.attribute("streamid")?.text()?;
        // Shapes write it as a number or as text: both count.
        let version = self
            .attribute("streamversion")
            .and_then(|value| value.as_str().parse().ok());
        Some(StreamName { ty, id, version })
    }

    /// Copies it into an owned event.
    pub fn to_event(self) -> Event {
        Event::from_trusted(self)
    }

    /// Appends the event as structured CloudEvents JSON, always valid: strings escaped, data verbatim where it is
    /// JSON, as a string where it is text, as `data_base64` otherwise. `topic`, `tags`, `headers` and `metadata` stand
    /// beside the standard attributes.
    pub fn write_cloudevents_json(self, out: &mut Vec<u8>) {
        json::write_shape(self, Shape::CloudEvents, out);
    }

    /// Appends the event as [`write_cloudevents_json`](Self::write_cloudevents_json) does, with its position as the
    /// extension `position`.
    pub fn write_cloudevents_json_at(self, position: Position, out: &mut Vec<u8>) {
        json::write_shape_at(self, Shape::CloudEvents, Some(position), out);
    }

    /// Appends the event in the JSON shape of another system. What was read in that shape is written without loss.
    pub fn write_json(self, shape: Shape, out: &mut Vec<u8>) {
        json::write_shape(self, shape, out);
    }

    /// Returns the bytes of the attributes of all kinds, and how many there are.
    pub(super) fn attribute_bytes(self) -> (&'a [u8], usize) {
        let bytes = &self.record[layout::attributes_at(self.record)..layout::data_at(self.record)];
        (bytes, layout::attribute_count(self.record))
    }

    pub(super) fn notes(self) -> Notes {
        layout::notes(self.record)
    }

    fn field(self, field: Field) -> &'a str {
        layout::text(layout::field(self.record, field))
    }

    pub(super) fn optional(self, field: Field) -> Option<&'a str> {
        // CloudEvents 1.0, 3.1: an attribute that is there is not empty, so empty can stand for absent.
        Some(self.field(field)).filter(|text| !text.is_empty())
    }
}

impl PartialEq for EventRef<'_> {
    /// Compares the records.
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
    }
}

impl Eq for EventRef<'_> {}

impl fmt::Debug for EventRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("topic", &self.topic())
            .field("type", &self.ty())
            .field("id", &self.id())
            .field(
                "data",
                &String::from_utf8_lossy(&self.data()[..self.data().len().min(200)]),
            )
            .finish_non_exhaustive()
    }
}
