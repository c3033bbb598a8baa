//! Reads events from JSON, member by member, following a shape's table.

use std::borrow::Cow;

use super::check_spec_version;
use super::shape::{Member, Shape, Slot};
use super::spans::{Scratch, Span, Spans};
use crate::event::attribute::{Group, Value};
use crate::event::error::{ErrorKind, EventError};
use crate::event::layout::{DataKind, Field, Notes};
use crate::event::topic;
use crate::event::{EventBuilder, EventRef};

impl EventBuilder {
    /// Reads one event of structured CloudEvents JSON into a cleared builder. `topic` is for text that names none.
    ///
    /// `data` is kept byte for byte; unknown members are kept with their JSON type.
    ///
    /// # Errors
    ///
    /// [`EventError`] names the member and the byte; the builder then holds an unfinished event: clear it.
    pub fn read_cloudevents_json(
        &mut self,
        topic: Option<&str>,
        text: &[u8],
    ) -> Result<(), EventError> {
        self.read_json(Shape::CloudEvents, topic, text)
    }

    /// Reads one event in a JSON shape into a cleared builder. `topic` is for text that names none.
    ///
    /// # Errors
    ///
    /// As [`read_cloudevents_json`](Self::read_cloudevents_json).
    pub fn read_json(
        &mut self,
        shape: Shape,
        topic: Option<&str>,
        text: &[u8],
    ) -> Result<(), EventError> {
        self.with_text(text, |builder, scratch| {
            Reader::new(builder, shape, topic).event(&mut scratch.spans(text)?)
        })
    }

    /// Reads a JSON array of events and hands each one over.
    pub(in crate::event) fn read_each(
        &mut self,
        shape: Shape,
        topic: Option<&str>,
        text: &[u8],
        mut take: impl FnMut(EventRef<'_>),
    ) -> Result<(), EventError> {
        self.with_text(text, |builder, scratch| {
            let mut spans = scratch.spans(text)?;
            if spans.peek() != b'[' {
                let kind = ErrorKind::WrongType("an array of events");
                return Err(EventError::new(kind, "").or_at(spans.at()));
            }
            let mut index = 0;
            spans.elements(|spans| {
                let at = spans.at();
                builder.clear();
                let read = Reader::new(builder, shape, topic).event(spans);
                let built = read.and_then(|()| builder.build());
                take(built.map_err(|error| error.or_at(at).with_index(index))?);
                index += 1;
                Ok(())
            })
        })
    }

    fn with_text(
        &mut self,
        text: &[u8],
        read: impl FnOnce(&mut Self, &Scratch) -> Result<(), EventError>,
    ) -> Result<(), EventError> {
        let limit = self.limits.text_bytes;
        if text.len() > limit {
            return Err(EventError::new(
                ErrorKind::TooLarge {
                    limit,
                    actual: text.len(),
                },
                "",
            ));
        }
        let mut scratch = self.scratch.take().unwrap_or_default();
        let depth = self.limits.depth;
        let done = scratch
            .parse(text, depth)
            .and_then(|()| read(self, &scratch));
        self.scratch = Some(scratch);
        done
    }
}

/// Fills a builder from one event's members.
pub(super) struct Reader<'b, 't> {
    pub(super) builder: &'b mut EventBuilder,
    pub(super) shape: Shape,
    topic: Option<&'b str>,
    /// `data` waits for the content type, which may come after it.
    pub(super) data: Option<Span<'t>>,
    pub(super) base64: Option<Span<'t>>,
}

/// Where members go that a table does not know.
#[derive(Clone, Copy, PartialEq)]
enum Rest {
    Group(Group),
    /// Attributes, under names that tell them from the event's own.
    Envelope,
    /// Into the data, which is an object.
    Data,
    /// Nowhere: the object is kept whole.
    Whole,
}

/// The prefix of attributes that stood beside the event in its envelope.
pub(super) const ENVELOPE: &str = "envelope.";

impl<'b, 't> Reader<'b, 't> {
    fn new(builder: &'b mut EventBuilder, shape: Shape, topic: Option<&'b str>) -> Self {
        Self {
            builder,
            shape,
            topic,
            data: None,
            base64: None,
        }
    }

    fn event(&mut self, spans: &mut Spans<'t, '_>) -> Result<(), EventError> {
        let start = spans.at();
        let rest = match self.shape {
            Shape::StreamEvent => Rest::Data,
            Shape::EventualiStream => Rest::Envelope,
            _ => Rest::Group(Group::Attribute),
        };
        self.object(spans, self.shape.members(), rest)?;
        self.settle_data()?;
        self.settle_topic().map_err(|error| error.or_at(start))
    }

    /// Reads an object by a table. `false` says that a member has no place and [`Rest::Whole`] was asked for.
    fn object(
        &mut self,
        spans: &mut Spans<'t, '_>,
        table: &'static [Member],
        rest: Rest,
    ) -> Result<bool, EventError> {
        let start = spans.at();
        if spans.peek() != b'{' {
            return Err(EventError::new(ErrorKind::WrongType("an object"), "").or_at(start));
        }
        let common = if rest == Rest::Group(Group::Attribute) {
            self.shape.common()
        } else {
            &[]
        };
        let (mut seen, mut taken, mut placed) = (0u32, 0u32, true);
        spans.members(|spans, name| {
            let key = name.string()?;
            let index = table
                .iter()
                .chain(common)
                .position(|member| member.key == key);
            if let Some(index) = index {
                if seen & 1 << index != 0 {
                    return Err(
                        EventError::new(ErrorKind::Duplicate, key.into_owned()).or_at(name.at)
                    );
                }
                seen |= 1 << index;
            }
            let member = index.and_then(|index| table.iter().chain(common).nth(index));
            let at = spans.at();
            let done = match member {
                Some(member) => self.member(spans, member, rest),
                None if rest == Rest::Whole => {
                    spans.value();
                    placed = false;
                    Ok(false)
                }
                None => self
                    .unknown(name, &key, spans.value(), rest)
                    .map(|()| false),
            };
            let known = done.map_err(|error| named(error, &key, at))?;
            if let (true, Some(index)) = (known, index) {
                taken |= 1 << index;
            }
            Ok(())
        })?;
        for (index, member) in table.iter().enumerate() {
            if self.shape.requires(member) && taken & 1 << index == 0 {
                return Err(EventError::new(ErrorKind::Missing, member.key).or_at(start));
            }
        }
        Ok(placed)
    }

    /// Reads the value of a known member; returns whether it was there in the sense of the shape.
    fn member(
        &mut self,
        spans: &mut Spans<'t, '_>,
        member: &Member,
        rest: Rest,
    ) -> Result<bool, EventError> {
        match member.slot {
            Slot::Object(table, group) if spans.look().is_object_with_members() => {
                self.nested(spans, member, table, group, rest)
            }
            Slot::Group(group) if spans.look().is_object_with_members() => {
                self.object(spans, &[], Rest::Group(group))
            }
            Slot::Event(table) => self.object(spans, table, Rest::Group(Group::Attribute)),
            Slot::Object(..) | Slot::Group(_) => {
                let value = spans.value();
                self.keep(member.key, value, rest).map(|()| true)
            }
            Slot::TaggedData => self.tagged(spans).map(|()| true),
            _ => self.scalar(spans.value(), member, rest),
        }
    }

    fn scalar(&mut self, value: Span<'t>, member: &Member, rest: Rest) -> Result<bool, EventError> {
        let optional = self
            .shape
            .common()
            .iter()
            .any(|common| std::ptr::eq(common, member));
        if !value.is_string() && optional {
            return self.keep(member.key, value, rest).map(|()| true);
        }
        if value.is_null() && self.shape.is_cloud_events() && !matches!(member.slot, Slot::Data) {
            return Ok(false); // CloudEvents JSON, 2.2: null is as good as absent
        }
        match member.slot {
            Slot::SpecVersion => check_spec_version(&text(value)?)?,
            Slot::Field(Field::Topic) => self.builder.set_topic(&text(value)?)?,
            Slot::Field(field) => self.builder.set_field(field, &text(value)?)?,
            Slot::Id { uuid } => self.id(&text(value)?, uuid)?,
            Slot::OtherId if value.is_string() => self.other_id(&text(value)?, member.key)?,
            Slot::Time { local } if value.is_string() => {
                self.builder.set_time(&text(value)?, local)?
            }
            Slot::Time { .. } | Slot::OtherId if value.is_null() => {
                self.keep(member.key, value, rest)?
            }
            Slot::Time { .. } | Slot::OtherId => return Err(wrong_type("a string")),
            Slot::Data => self.data = Some(value),
            Slot::DataBase64 => self.base64 = Some(value),
            Slot::Attribute(_) if member.required && !value.is_string() => {
                return Err(wrong_type("a string"));
            }
            Slot::Attribute(name) => self.add(Group::Attribute, name, value)?,
            // These are objects: see `member`.
            Slot::TaggedData | Slot::Group(_) | Slot::Object(..) | Slot::Event(_) => {}
        }
        Ok(true)
    }

    /// Reads an object that has a table of its own. Where a member has no place, everything it added is taken back and
    /// the object is kept whole.
    fn nested(
        &mut self,
        spans: &mut Spans<'t, '_>,
        member: &Member,
        table: &'static [Member],
        group: Option<Group>,
        rest: Rest,
    ) -> Result<bool, EventError> {
        let (bytes, count) = (self.builder.attributes.len(), self.builder.attribute_count);
        let whole = spans.look();
        if !self.object(spans, table, group.map_or(Rest::Whole, Rest::Group))? {
            self.builder.attributes.truncate(bytes);
            self.builder.attribute_count = count;
            self.keep(member.key, whole, rest)?;
        }
        Ok(true)
    }

    fn id(&mut self, id: &str, uuid: bool) -> Result<(), EventError> {
        if uuid {
            check_uuid(id)?;
        }
        if self.builder.notes.has(Notes::OTHER_ID) {
            self.builder.notes.unset(Notes::OTHER_ID);
            let other = std::mem::take(&mut self.builder.fields[Field::Id as usize]);
            let key = self.shape.other_id().unwrap_or_default();
            self.builder
                .add(Group::Attribute, key, Value::Text(&other))?;
        }
        self.builder.set_field(Field::Id, id)
    }

    fn other_id(&mut self, id: &str, key: &str) -> Result<(), EventError> {
        check_uuid(id)?;
        if !self.builder.fields[Field::Id as usize].is_empty() {
            return self.builder.add(Group::Attribute, key, Value::Text(id));
        }
        self.builder.notes.set(Notes::OTHER_ID);
        self.builder.set_field(Field::Id, id)
    }

    /// Keeps a value that is not what the table expects, where a member that the table does not know would go.
    fn keep(&mut self, key: &str, value: Span<'t>, rest: Rest) -> Result<(), EventError> {
        match rest {
            Rest::Group(group) => self.add(group, key, value),
            Rest::Envelope => self.add(Group::Attribute, &format!("{ENVELOPE}{key}"), value),
            Rest::Data | Rest::Whole => self.add(Group::Attribute, key, value),
        }
    }

    fn unknown(
        &mut self,
        name: Span<'t>,
        key: &str,
        value: Span<'t>,
        rest: Rest,
    ) -> Result<(), EventError> {
        if rest != Rest::Data {
            return self.keep(key, value, rest);
        }
        let data = &mut self.builder.data;
        data.push(if data.is_empty() { b'{' } else { b',' });
        data.extend_from_slice(name.raw.as_bytes());
        data.push(b':');
        data.extend_from_slice(value.raw.as_bytes());
        self.builder.kind = DataKind::Json;
        self.builder.check_payload(self.builder.data.len() + 1)
    }

    fn add(&mut self, group: Group, name: &str, value: Span<'t>) -> Result<(), EventError> {
        if value.is_string() {
            return self.builder.add(group, name, Value::Text(&value.string()?));
        }
        self.builder.add(group, name, Value::Json(value.raw))
    }

    /// The topic: the text's own, else the one given.
    fn settle_topic(&mut self) -> Result<(), EventError> {
        if !self.builder.fields[Field::Topic as usize].is_empty() {
            return Ok(());
        }
        self.builder.notes.set(Notes::TOPIC_GIVEN);
        let key = match self.shape {
            Shape::Codomyrmex => "topic",
            Shape::StreamEvent => "channel_id",
            _ => "",
        };
        let own = self
            .builder
            .group(Group::Metadata)
            .find(|(name, _)| *name == key);
        let own = own
            .and_then(|(_, value)| value.text())
            .filter(|name| topic::validate(name).is_ok());
        match own.map(str::to_owned).as_deref().or(self.topic) {
            Some(topic) => self.builder.set_topic(topic),
            None => Err(EventError::new(ErrorKind::Missing, "topic")),
        }
    }
}

/// Errors name the member as the text spells it; those from inside an object did so already.
fn named(mut error: EventError, key: &str, at: usize) -> EventError {
    if error.at.is_none() || error.field.is_empty() {
        error.field = key.to_owned().into();
    }
    error.or_at(at)
}

fn text(value: Span<'_>) -> Result<Cow<'_, str>, EventError> {
    if value.is_string() {
        value.string()
    } else {
        Err(wrong_type("a string"))
    }
}

pub(super) fn wrong_type(expected: &'static str) -> EventError {
    EventError::new(ErrorKind::WrongType(expected), "")
}

fn check_uuid(id: &str) -> Result<(), EventError> {
    match uuid::Uuid::try_parse(id) {
        Ok(_) => Ok(()),
        Err(_) => Err(EventError::new(ErrorKind::Invalid("not a UUID"), "")),
    }
}
