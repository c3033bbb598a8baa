//! Builds events: setters over reused buffers, then one record.

use uuid::fmt::Hyphenated;

use super::ids::Ids;
use super::validate::check_json;
use crate::event::as_event::AsEvent;
use crate::event::attribute::{AttributeKind, AttributeValue};
use crate::event::error::{ErrorKind, EventError};
use crate::event::event::Event;
use crate::event::event_ref::EventRef;
use crate::event::limits::EventLimits;
use crate::event::record::layout::{DataKind, FIELDS, Field, Head, Notes};
use crate::event::{time, topic};

/// Capacity that a cleared builder keeps for data and record, bytes each; what is beyond it is given back.
const KEPT_BYTES: usize = 64 << 10;

/// Builds events. Reused after [`clear`](Self::clear), it allocates nothing for events of the size it has seen.
///
/// Setters record the first error and [`build`](Self::build) returns it. What is not set is filled in at `build`: a
/// UUIDv7 as id, the present as time, `/` and the topic as source.
///
/// [`build`](Self::build) makes an event that the program owns; [`build_ref`](Self::build_ref) shows the record in the
/// builder's own buffer, for whoever makes many and keeps none.
///
/// # Examples
///
/// ```
/// use eventring::event::{Event, EventBuilder};
///
/// let event = Event::builder("orders.created", "order").tag("region", "eu").json("{\"n\": 1.0}").build()?;
/// assert_eq!(event.data(), b"{\"n\": 1.0}");
///
/// let mut builder = EventBuilder::new();
/// for n in ["1", "2", "3"] {
///     let event = builder.clear().topic("orders.created").ty("order").json(n).build_ref()?;
///     assert_eq!(event.data(), n.as_bytes());
/// }
/// # Ok::<(), eventring::event::EventError>(())
/// ```
#[derive(Debug)]
pub struct EventBuilder {
    pub(in crate::event) limits: EventLimits,
    pub(in crate::event) fields: [String; FIELDS],
    pub(in crate::event) attributes: Vec<u8>,
    pub(in crate::event) attribute_count: usize,
    pub(in crate::event) data: Vec<u8>,
    pub(in crate::event) kind: DataKind,
    pub(in crate::event) notes: Notes,
    pub(in crate::event) time: Option<i64>,
    pub(in crate::event) error: Option<EventError>,
    source_default: String,
    pub(in crate::event) record: Vec<u8>,
    ids: Ids,
}

impl Default for EventBuilder {
    fn default() -> Self {
        Self::with_limits(EventLimits::default())
    }
}

impl EventBuilder {
    /// Creates a builder with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a builder with limits.
    pub fn with_limits(limits: EventLimits) -> Self {
        Self {
            limits: limits.honoured(),
            fields: Default::default(),
            attributes: Vec::new(),
            attribute_count: 0,
            data: Vec::new(),
            kind: DataKind::None,
            notes: Notes::default(),
            time: None,
            error: None,
            source_default: String::new(),
            record: Vec::new(),
            ids: Ids::default(),
        }
    }

    /// Forgets the event and any error; limits, the default source and buffers stay.
    pub fn clear(&mut self) -> &mut Self {
        self.fields.iter_mut().for_each(String::clear);
        self.attributes.clear();
        self.attribute_count = 0;
        self.data.clear();
        // One large event must not hold its size for as long as the builder lives.
        self.data.shrink_to(KEPT_BYTES);
        self.record.clear();
        self.record.shrink_to(KEPT_BYTES);
        self.kind = DataKind::None;
        self.notes = Notes::default();
        self.time = None;
        self.error = None;
        self
    }

    /// Returns the limits it keeps to.
    pub fn limits(&self) -> &EventLimits {
        &self.limits
    }

    /// Sets the source of events that name none; [`clear`](Self::clear) keeps it.
    pub fn source_default(&mut self, source: &str) -> &mut Self {
        let checked = self.check_text(Field::Source, source);
        self.keep(checked);
        self.source_default.clear();
        self.source_default.push_str(source);
        self
    }

    /// Sets the topic: a name as [`topic::validate`] wants it.
    pub fn topic(&mut self, name: &str) -> &mut Self {
        let done = self.set_topic(name);
        self.keep(done)
    }

    /// Sets the type.
    pub fn ty(&mut self, ty: &str) -> &mut Self {
        self.field(Field::Type, ty)
    }

    /// Sets the id.
    pub fn id(&mut self, id: &str) -> &mut Self {
        self.field(Field::Id, id)
    }

    /// Sets the source.
    pub fn source(&mut self, source: &str) -> &mut Self {
        self.field(Field::Source, source)
    }

    /// Sets the subject.
    pub fn subject(&mut self, subject: &str) -> &mut Self {
        self.field(Field::Subject, subject)
    }

    /// Sets the URI of the data's schema.
    pub fn data_schema(&mut self, uri: &str) -> &mut Self {
        self.field(Field::DataSchema, uri)
    }

    /// Sets the time from RFC 3339 text, which is kept as it is written.
    pub fn time(&mut self, text: &str) -> &mut Self {
        let done = self.set_time(text, false);
        self.keep(done)
    }

    /// Sets the time, nanoseconds since 1970 (UTC).
    pub fn time_nanos(&mut self, nanos: i64) -> &mut Self {
        // A text set before would say another time.
        self.fields[Field::TimeText as usize].clear();
        self.time = Some(nanos);
        self
    }

    /// Sets the data and its content type (empty for none).
    ///
    /// Data of a JSON type must be JSON. Data of a textual type, or of none, is text where it is UTF-8; everything
    /// else is binary.
    pub fn data(&mut self, content_type: &str, data: &[u8]) -> &mut Self {
        let done = self.set_data(content_type, data);
        self.keep(done)
    }

    /// Sets the data to a JSON text, kept byte for byte; the content type is `application/json`.
    pub fn json(&mut self, text: &str) -> &mut Self {
        self.data("application/json", text.as_bytes())
    }

    /// Sets the data to plain text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.data("text/plain; charset=utf-8", text.as_bytes())
    }

    /// Sets an attribute by its CloudEvents name, a standard one or an extension. Setting an extension twice is an
    /// error.
    pub fn attribute(&mut self, name: &str, value: &str) -> &mut Self {
        let done = self.set_attribute(name, value);
        self.keep(done)
    }

    /// Sets an extension attribute to a JSON value that is not a string, as `3`, `true` or `{"a":[]}`.
    pub fn json_attribute(&mut self, name: &str, value: &str) -> &mut Self {
        let done = check_json(name, value.as_bytes())
            .and_then(|()| self.add(AttributeKind::Extension, name, AttributeValue::Json(value)));
        self.keep(done)
    }

    /// Adds a header.
    pub fn header(&mut self, name: &str, value: &str) -> &mut Self {
        let done = self.add(AttributeKind::Header, name, AttributeValue::Text(value));
        self.keep(done)
    }

    /// Adds a tag.
    pub fn tag(&mut self, key: &str, value: &str) -> &mut Self {
        let done = self.add(AttributeKind::Tag, key, AttributeValue::Text(value));
        self.keep(done)
    }

    /// Sets the stream (entity, aggregate) that the event belongs to, and its version after this event.
    pub fn stream(&mut self, ty: &str, id: &str, version: impl Into<Option<u64>>) -> &mut Self {
        self.attribute("streamtype", ty).attribute("streamid", id);
        match version.into() {
            Some(version) => self.json_attribute("streamversion", &version.to_string()),
            None => self,
        }
    }

    /// Sets the version of the data's schema.
    pub fn schema_version(&mut self, version: &str) -> &mut Self {
        self.attribute("schemaversion", version)
    }

    /// Sets who acted: the kind (`user`, `system`, …) and the id.
    pub fn actor(&mut self, ty: &str, id: &str) -> &mut Self {
        self.attribute("actortype", ty).attribute("actorid", id)
    }

    /// Sets the correlation id.
    pub fn correlation_id(&mut self, id: &str) -> &mut Self {
        self.attribute("correlationid", id)
    }

    /// Sets the causation id.
    pub fn causation_id(&mut self, id: &str) -> &mut Self {
        self.attribute("causationid", id)
    }

    /// Sets the user id.
    pub fn user_id(&mut self, id: &str) -> &mut Self {
        self.attribute("userid", id)
    }

    /// Copies everything from an event, to change some of it.
    pub fn copy_from(&mut self, event: impl AsEvent) -> &mut Self {
        let event = event.as_event();
        self.clear();
        for field in [
            Field::Topic,
            Field::Id,
            Field::Type,
            Field::Source,
            Field::Subject,
        ] {
            self.fields[field as usize].push_str(event.optional(field).unwrap_or_default());
        }
        for field in [Field::ContentType, Field::DataSchema, Field::TimeText] {
            self.fields[field as usize].push_str(event.optional(field).unwrap_or_default());
        }
        // As they are, unchecked: they were checked when that event was made.
        let (attributes, count) = event.attribute_bytes();
        self.attributes.extend_from_slice(attributes);
        self.attribute_count = count;
        self.data.extend_from_slice(event.data());
        self.kind = event.data_kind();
        self.notes = event.notes();
        self.time = Some(event.time());
        self
    }

    /// Finishes the event. Building again without [`clear`](Self::clear) makes the same event with a new id and time
    /// where those were not set.
    ///
    /// # Errors
    ///
    /// The first error of any setter, or what is missing.
    pub fn build(&mut self) -> Result<Event, EventError> {
        Ok(self.build_ref()?.to_event())
    }

    /// Finishes the event in the builder's buffer and views it there: nothing is allocated once the buffer has grown.
    /// The view ends with the next change of the builder.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_ref(&mut self) -> Result<EventRef<'_>, EventError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        for field in [Field::Topic, Field::Type] {
            if self.fields[field as usize].is_empty() {
                return Err(EventError::new(ErrorKind::Missing, field.name()));
            }
        }
        self.assemble();
        // Hashed once here, so that nobody who routes, counts or judges hashes the name again.
        let topic_hash = topic::hash(&self.fields[Field::Topic as usize]);
        Ok(EventRef::trusted(&self.record, topic_hash))
    }

    fn assemble(&mut self) {
        let mut notes = self.notes;
        let time = self.time.unwrap_or_else(time::now);
        let mut id = [0; Hyphenated::LENGTH];
        let id = match self.fields[Field::Id as usize].as_str() {
            "" => self.ids.next(time, &mut id),
            id => id,
        };
        let topic = self.fields[Field::Topic as usize].as_str();
        // In two parts rather than joined: that would allocate.
        let source = match (
            self.fields[Field::Source as usize].as_str(),
            self.source_default.as_str(),
        ) {
            ("", "") => ["/", topic],
            ("", source) | (source, _) => [source, ""],
        };
        // So that other shapes than CloudEvents do not write a source which their text never had.
        if self.fields[Field::Source as usize].is_empty() {
            notes.set(Notes::SOURCE_MADE);
        }
        let mut parts: [[&str; 2]; FIELDS] = std::array::from_fn(|i| [self.fields[i].as_str(), ""]);
        parts[Field::Id as usize] = [id, ""];
        parts[Field::Source as usize] = source;
        let head = Head {
            kind: self.kind,
            notes,
            time,
            // At most 1,024: `EventLimits::honoured`.
            attributes: self.attribute_count as u16,
            // No field is longer than 65,535 bytes: `check_text`.
            lengths: parts.map(|[a, b]| (a.len() + b.len()) as u16),
            attribute_bytes: self.attributes.len(),
            data_bytes: self.data.len(),
        };
        self.record.clear();
        // The length is known: the buffer grows once and not from part to part.
        self.record.reserve(head.record_bytes());
        self.record.extend_from_slice(&head.to_bytes());
        parts
            .iter()
            .flatten()
            .for_each(|part| self.record.extend_from_slice(part.as_bytes()));
        self.record.extend_from_slice(&self.attributes);
        self.record.extend_from_slice(&self.data);
    }

    fn field(&mut self, field: Field, value: &str) -> &mut Self {
        let done = self.set_field(field, value);
        self.keep(done)
    }
}
