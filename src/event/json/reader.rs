//! Reads events from JSON, member by member, following a shape's table.

mod data;

use std::borrow::Cow;

use super::check_spec_version;
use super::shape::{Member, Shape, Slot};
use crate::event::EventBuilder;
use crate::event::attribute::{self, AttributeKind};
use crate::event::error::{ErrorKind, EventError};
use crate::event::record::layout::{DataKind, Field, Notes};
use crate::event::topic;
use crate::json::{Cursor, Value};

/// Fills a builder from one event's members.
pub(in crate::event) struct Reader<'b, 't> {
    builder: &'b mut EventBuilder,
    shape: Shape,
    topic: Option<&'b str>,
    /// `data` waits for the content type, which may come after it.
    data: Option<Value<'t>>,
    base64: Option<Value<'t>>,
}

/// The place for members that a table does not know.
#[derive(Clone, Copy, PartialEq)]
enum Rest {
    Attributes(AttributeKind),
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
    pub(in crate::event) fn new(
        builder: &'b mut EventBuilder,
        shape: Shape,
        topic: Option<&'b str>,
    ) -> Self {
        Self {
            builder,
            shape,
            topic,
            data: None,
            base64: None,
        }
    }

    pub(in crate::event) fn event(&mut self, cursor: &mut Cursor<'t>) -> Result<(), EventError> {
        let start = cursor.at();
        let rest = match self.shape {
            // A frame's data stands beside its type, so what the table does not know is data.
            Shape::StreamEvent => Rest::Data,
            Shape::EventualiStream => Rest::Envelope,
            _ => Rest::Attributes(AttributeKind::Extension),
        };
        self.object(cursor, self.shape.members(), rest)?;
        // After all members: the content type, which says what the data is, may have come behind it.
        self.settle_data()?;
        self.settle_topic().map_err(|error| error.or_at(start))
    }

    /// Reads an object by a table. `false` says that a member has no place and [`Rest::Whole`] was asked for.
    fn object(
        &mut self,
        cursor: &mut Cursor<'t>,
        table: &'static [Member],
        rest: Rest,
    ) -> Result<bool, EventError> {
        let start = cursor.at();
        // Only beside the event's own members: inside an object the same names mean something else.
        let common = if rest == Rest::Attributes(AttributeKind::Extension) {
            self.shape.common()
        } else {
            &[]
        };
        // Bits are enough: no table has 32 members, with the common ones.
        let (mut seen, mut taken, mut placed) = (0u32, 0u32, true);
        cursor.members(|cursor, name| {
            let key = name.text()?;
            let index = table
                .iter()
                .chain(common)
                .position(|member| member.key == key);
            if let Some(index) = index {
                // Which of two would count differs from parser to parser: somebody before us may have judged the other one.
                if seen & 1 << index != 0 {
                    return Err(
                        EventError::new(ErrorKind::Duplicate, key.into_owned()).or_at(name.at())
                    );
                }
                seen |= 1 << index;
            }
            let member = index.and_then(|index| table.iter().chain(common).nth(index));
            let at = cursor.at();
            let done = match member {
                Some(member) => self.member(cursor, member, rest),
                // It is passed all the same: what follows has to be checked, too.
                None if rest == Rest::Whole => {
                    placed = false;
                    cursor.value().map(|_| false).map_err(EventError::from)
                }
                None => cursor
                    .value()
                    .map_err(EventError::from)
                    .and_then(|value| self.unknown(name, &key, value, rest))
                    .map(|()| false),
            };
            let known = done.map_err(|error| named(error, &key, at))?;
            // Not all that was seen: to CloudEvents, a required member that is null is missing.
            if let (true, Some(index)) = (known, index) {
                taken |= 1 << index;
            }
            Ok::<_, EventError>(())
        })?;
        // Members come in any order, so this can be told only now; no common one is required.
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
        cursor: &mut Cursor<'t>,
        member: &Member,
        rest: Rest,
    ) -> Result<bool, EventError> {
        match member.slot {
            Slot::Object(table, kind) if cursor.has_members() => {
                self.nested(cursor, member, table, kind, rest)
            }
            Slot::Attributes(kind) if cursor.has_members() => {
                self.object(cursor, &[], Rest::Attributes(kind))
            }
            Slot::Event(table) => {
                self.object(cursor, table, Rest::Attributes(AttributeKind::Extension))
            }
            // Without members there is nothing that could become attributes: kept as a value, or it would be lost.
            Slot::Object(..) | Slot::Attributes(_) => {
                let value = cursor.value()?;
                self.keep(member.key, value, rest).map(|()| true)
            }
            Slot::TaggedData => self.tagged(cursor).map(|()| true),
            _ => self.scalar(cursor.value()?, member, rest),
        }
    }

    fn scalar(
        &mut self,
        value: Value<'t>,
        member: &Member,
        rest: Rest,
    ) -> Result<bool, EventError> {
        // By address: members of a shape's own table are called the same, and must be what the table says.
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
            // Kept, to be written back: beyond CloudEvents, null is not the same as absent.
            Slot::Time { .. } | Slot::OtherId if value.is_null() => {
                self.keep(member.key, value, rest)?
            }
            Slot::Time { .. } | Slot::OtherId => return Err(wrong_type("a string")),
            Slot::Data => self.data = Some(value),
            Slot::DataBase64 => self.base64 = Some(value),
            // What is required names the stream, and `EventRef::stream` takes text only.
            Slot::Attribute(_) if member.required && !value.is_string() => {
                return Err(wrong_type("a string"));
            }
            Slot::Attribute(name) => self.add(AttributeKind::Extension, name, value)?,
            // These are objects: see `member`.
            Slot::TaggedData | Slot::Attributes(_) | Slot::Object(..) | Slot::Event(_) => {}
        }
        Ok(true)
    }

    /// Reads an object that has a table of its own. Where a member has no place, everything it added is taken back and
    /// the object is kept whole.
    fn nested(
        &mut self,
        cursor: &mut Cursor<'t>,
        member: &Member,
        table: &'static [Member],
        kind: Option<AttributeKind>,
        rest: Rest,
    ) -> Result<bool, EventError> {
        let (bytes, count) = (self.builder.attributes.len(), self.builder.attribute_count);
        let start = cursor.at();
        // A member without a place would be lost where the object is put together again from its parts.
        if !self.object(cursor, table, kind.map_or(Rest::Whole, Rest::Attributes))? {
            self.builder.attributes.truncate(bytes);
            self.builder.attribute_count = count;
            self.keep(member.key, cursor.since(start), rest)?;
        }
        Ok(true)
    }

    fn id(&mut self, id: &str, uuid: bool) -> Result<(), EventError> {
        if uuid {
            check_uuid(id)?;
        }
        // The other name came first and was taken for the id: now it becomes an attribute.
        if self.builder.notes.has(Notes::OTHER_ID) {
            self.builder.notes.unset(Notes::OTHER_ID);
            let other = std::mem::take(&mut self.builder.fields[Field::Id as usize]);
            let key = self.shape.other_id().unwrap_or_default();
            self.builder.add(
                AttributeKind::Extension,
                key,
                attribute::AttributeValue::Text(&other),
            )?;
        }
        self.builder.set_field(Field::Id, id)
    }

    fn other_id(&mut self, id: &str, key: &str) -> Result<(), EventError> {
        check_uuid(id)?;
        // The id has its place: this one is kept beside it, and written back from there.
        if !self.builder.fields[Field::Id as usize].is_empty() {
            return self.builder.add(
                AttributeKind::Extension,
                key,
                attribute::AttributeValue::Text(id),
            );
        }
        self.builder.notes.set(Notes::OTHER_ID);
        self.builder.set_field(Field::Id, id)
    }

    /// Keeps a value that is not what the table expects, where a member that the table does not know would go.
    fn keep(&mut self, key: &str, value: Value<'t>, rest: Rest) -> Result<(), EventError> {
        match rest {
            Rest::Attributes(kind) => self.add(kind, key, value),
            Rest::Envelope => {
                self.add(AttributeKind::Extension, &format!("{ENVELOPE}{key}"), value)
            }
            Rest::Data | Rest::Whole => self.add(AttributeKind::Extension, key, value),
        }
    }

    fn unknown(
        &mut self,
        name: Value<'t>,
        key: &str,
        value: Value<'t>,
        rest: Rest,
    ) -> Result<(), EventError> {
        if rest != Rest::Data {
            return self.keep(key, value, rest);
        }
        // Put together from spans of the text, so that names and numbers stay byte for byte.
        let data = &mut self.builder.data;
        data.push(if data.is_empty() { b'{' } else { b',' });
        data.extend_from_slice(name.raw().as_bytes());
        data.push(b':');
        data.extend_from_slice(value.raw().as_bytes());
        self.builder.kind = DataKind::Json;
        // With the brace that `settle_data` adds at the end.
        self.builder.check_payload(self.builder.data.len() + 1)
    }

    fn add(&mut self, kind: AttributeKind, name: &str, value: Value<'t>) -> Result<(), EventError> {
        if value.is_string() {
            let text = value.text()?;
            return self
                .builder
                .add(kind, name, attribute::AttributeValue::Text(&text));
        }
        self.builder
            .add(kind, name, attribute::AttributeValue::Json(value.raw()))
    }

    /// The topic: the text's own, else the one given.
    fn settle_topic(&mut self) -> Result<(), EventError> {
        if !self.builder.fields[Field::Topic as usize].is_empty() {
            return Ok(());
        }
        // So that a text which named no topic is written back without one.
        self.builder.notes.set(Notes::TOPIC_GIVEN);
        let key = match self.shape {
            Shape::Codomyrmex => "topic",
            Shape::StreamEvent => "channel_id",
            _ => "",
        };
        let own = self
            .builder
            .attributes_of(AttributeKind::Metadata)
            .find(|(name, _)| *name == key);
        // What stands there is another program's: where it is no topic name, the one given counts and nothing is refused.
        let own = own
            .and_then(|(_, value)| value.text())
            .filter(|name| topic::validate(name).is_ok());
        match own.map(str::to_owned).as_deref().or(self.topic) {
            Some(topic) => self.builder.set_topic(topic),
            None => Err(EventError::new(ErrorKind::Missing, "topic")),
        }
    }
}

/// Errors name the member as the text spells it; those from inside an object did so already, and those of JSON as such
/// have their byte.
fn named(mut error: EventError, key: &str, at: usize) -> EventError {
    let is_of_text = matches!(error.kind, ErrorKind::Syntax(_) | ErrorKind::TooDeep { .. });
    if error.at.is_none() || error.field.is_empty() && !is_of_text {
        error.field = key.to_owned().into();
    }
    error.or_at(at)
}

fn text(value: Value<'_>) -> Result<Cow<'_, str>, EventError> {
    if value.is_string() {
        Ok(value.text()?)
    } else {
        Err(wrong_type("a string"))
    }
}

fn wrong_type(expected: &'static str) -> EventError {
    EventError::new(ErrorKind::WrongType(expected), "")
}

fn check_uuid(id: &str) -> Result<(), EventError> {
    match uuid::Uuid::try_parse(id) {
        Ok(_) => Ok(()),
        Err(_) => Err(EventError::new(ErrorKind::Invalid("not a UUID"), "")),
    }
}
