//! Writes events as JSON, member by member, following a shape's table.

use super::base64::write_base64;
use super::reader::ENVELOPE;
use super::shape::{Member, Shape, Slot};
use crate::event::attribute::{AttributeKind, AttributeValue};
use crate::event::record::layout::{DataKind, Field, Notes};
use crate::event::{EventRef, Position};
use crate::json::{Cursor, JsonError, write_string};

/// The member that says where an event stands.
const POSITION: &str = "position";

/// Appends one event in a shape; what is appended is one valid JSON object.
pub(in crate::event) fn write_shape(event: EventRef<'_>, shape: Shape, out: &mut Vec<u8>) {
    write_shape_at(event, shape, None, out);
}

/// The same, with the member `position` where it has one. An attribute of the event's own that is called so stands under
/// `x-position` then.
pub(in crate::event) fn write_shape_at(
    event: EventRef<'_>,
    shape: Shape,
    position: Option<Position>,
    out: &mut Vec<u8>,
) {
    let tagged = has_tagged_data(shape.members());
    // Asked once, and not for each kind and member: many events have none.
    let bare = event.attribute_bytes().1 == 0;
    let mut writer = Writer {
        event,
        shape,
        tagged,
        bare,
        position,
        out,
    };
    match shape {
        Shape::StreamEvent => writer.frame(),
        Shape::EventualiStream => writer.envelope(),
        _ => writer.event(shape.members()),
    }
}

struct Writer<'e, 'o> {
    event: EventRef<'e>,
    shape: Shape,
    /// The shape's data stands under a tag.
    tagged: bool,
    /// The event has no attributes in any kind.
    bare: bool,
    position: Option<Position>,
    out: &'o mut Vec<u8>,
}

impl Writer<'_, '_> {
    fn event(&mut self, table: &'static [Member]) {
        self.out.push(b'{');
        let common = self.shape.common();
        let mut written = 0u32;
        for (index, member) in table.iter().chain(common).enumerate() {
            if self.member(member) {
                written |= 1 << index;
            }
        }
        let position = self.position;
        let is_written = |key: &str| {
            let index = table
                .iter()
                .chain(common)
                .position(|member| member.key == key);
            let has_position = position.is_some() && key == POSITION;
            has_position || index.is_some_and(|index| written & 1 << index != 0)
        };
        if self.bare {
            return self.end_event();
        }
        // A kind for which the shape has no place is kept all the same, under a member of our own.
        for kind in [
            AttributeKind::Tag,
            AttributeKind::Header,
            AttributeKind::Metadata,
        ] {
            if !has_kind(table, kind) {
                self.attributes(kind.member(), kind);
            }
        }
        for (name, value) in self.event.attributes() {
            // These have a place of their own, in the shape or in its envelope.
            if has_attribute(self.shape.members(), name) || self.is_envelopes(name) {
                continue;
            }
            // A member of that name stands here already and means something else, or would be read as one.
            let taken = is_written(name)
                || table.iter().any(|own| own.takes(name, value, false))
                || common.iter().any(|own| own.takes(name, value, true));
            let mut prefix = String::new();
            let is_given = |prefix: &str| {
                let mut names = self.event.attributes().map(|(other, _)| other);
                names.any(|other| other.strip_prefix(prefix) == Some(name))
            };
            while taken && (prefix.is_empty() || is_given(&prefix)) {
                prefix.push_str("x-");
            }
            self.key_prefixed(&prefix, name);
            self.value(value);
        }
        self.end_event();
    }

    fn end_event(&mut self) {
        if let Some(position) = self.position {
            self.key(POSITION);
            self.out.push(b'"');
            position.write_to(self.out);
            self.out.push(b'"');
        }
        self.out.push(b'}');
    }

    fn envelope(&mut self) {
        self.out.push(b'{');
        for member in self.shape.members() {
            self.member(member);
        }
        for (name, value) in self.event.attributes() {
            if let Some(name) = name.strip_prefix(ENVELOPE) {
                self.key(name);
                self.value(value);
            }
        }
        self.out.push(b'}');
    }

    fn is_envelopes(&self, name: &str) -> bool {
        self.shape == Shape::EventualiStream && name.starts_with(ENVELOPE)
    }

    /// A vergnetp frame: the data's members beside `type`, or the data as a member where that would hide one.
    fn frame(&mut self) {
        self.out.push(b'{');
        self.key("type");
        write_string(self.out, self.event.ty());
        match flat(self.event) {
            Some("") => {}
            Some(members) => {
                self.out.push(b',');
                self.out.extend_from_slice(members.as_bytes());
            }
            None => {
                self.data("data");
                self.base64("data_base64");
            }
        }
        self.attributes("_context", AttributeKind::Metadata);
        if let Some(value) = self.event.attribute("_context") {
            self.key("_context");
            self.value(value);
        }
        self.out.push(b'}');
    }

    /// Writes a member where the event has it; returns whether it did.
    fn member(&mut self, member: &Member) -> bool {
        let before = self.out.len();
        let key = member.key;
        match member.slot {
            Slot::SpecVersion => self.string(key, "1.0"),
            Slot::Id { .. } if self.is_under_other_id() => {}
            Slot::Id { .. } => self.string(key, self.event.id()),
            Slot::OtherId if self.is_under_other_id() => self.string(key, self.event.id()),
            Slot::OtherId => {}
            Slot::Field(field) => self.field(key, field),
            Slot::Time { local } => {
                self.key(key);
                self.out.push(b'"');
                match local {
                    true => self.event.write_time_as_given(self.out),
                    false => self.event.write_time(self.out),
                }
                self.out.push(b'"');
            }
            Slot::Data => self.data(key),
            // Tagged data has its bytes under the tag.
            Slot::DataBase64 if self.tagged => {}
            Slot::DataBase64 => self.base64(key),
            Slot::TaggedData => self.tagged(key),
            Slot::Attribute(name) => {
                let value = if self.bare {
                    None
                } else {
                    self.event.attribute(name)
                };
                if let Some(value) = value {
                    self.key(key);
                    self.value(value);
                }
            }
            Slot::Attributes(kind) => self.attributes(key, kind),
            Slot::Object(table, kind) => self.object(key, table, kind),
            Slot::Event(table) => {
                self.key(key);
                self.event(table);
            }
        }
        self.out.len() > before
    }

    fn field(&mut self, key: &str, field: Field) {
        let notes = self.event.notes();
        let filled_in = match field {
            Field::Topic => notes.has(Notes::TOPIC_GIVEN),
            Field::Source => notes.has(Notes::SOURCE_MADE),
            // Tagged data says what it is.
            Field::ContentType => self.tagged,
            _ => false,
        };
        // What was filled in was not in the text: CloudEvents wants it, other shapes come back as they came.
        if filled_in && !self.shape.is_cloud_events() {
            return;
        }
        match self.event.optional(field) {
            Some(text) => self.string(key, text),
            // Without a type, a string would be read as JSON.
            None if field == Field::ContentType && self.event.data_kind() == DataKind::Text => {
                self.string(key, "text/plain");
            }
            None => {}
        }
    }

    fn data(&mut self, key: &str) {
        match self.event.data_kind() {
            DataKind::None | DataKind::Binary => {}
            DataKind::Json => {
                self.key(key);
                self.out.extend_from_slice(self.event.data());
            }
            DataKind::Text => {
                self.key(key);
                self.data_string();
            }
        }
    }

    fn data_string(&mut self) {
        // Text was checked when the record was made.
        write_string(
            self.out,
            str::from_utf8(self.event.data()).unwrap_or_default(),
        );
    }

    fn base64(&mut self, key: &str) {
        if self.event.data_kind() == DataKind::Binary {
            self.key(key);
            self.out.push(b'"');
            write_base64(self.event.data(), self.out);
            self.out.push(b'"');
        }
    }

    fn tagged(&mut self, key: &str) {
        if self.event.notes().has(Notes::UNTAGGED) {
            return self.data(key);
        }
        match self.event.data_kind() {
            DataKind::None => return,
            // There is no tag for text, which goes as a JSON string.
            DataKind::Json | DataKind::Text => {
                self.key(key);
                self.out.push(b'{');
                self.data("Json");
            }
            DataKind::Binary => {
                self.key(key);
                self.out.extend_from_slice(b"{\"Protobuf\":[");
                for (index, byte) in self.event.data().iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    self.out.extend_from_slice(comma.as_bytes());
                    self.out.extend_from_slice(byte.to_string().as_bytes());
                }
                self.out.push(b']');
            }
        }
        self.out.push(b'}');
    }

    fn attributes(&mut self, key: &str, kind: AttributeKind) {
        if self.bare || self.event.attributes_of(kind).next().is_none() {
            return;
        }
        self.key(key);
        self.out.push(b'{');
        self.entries(kind);
        self.out.push(b'}');
    }

    fn entries(&mut self, kind: AttributeKind) {
        for (name, value) in self.event.attributes_of(kind) {
            self.key(name);
            self.value(value);
        }
    }

    fn object(&mut self, key: &str, table: &'static [Member], kind: Option<AttributeKind>) {
        let before = self.out.len();
        self.key(key);
        self.out.push(b'{');
        let empty = self.out.len();
        for member in table {
            self.member(member);
        }
        if let Some(kind) = kind {
            self.entries(kind);
        }
        // An empty object would come back as an attribute that the event never had.
        if self.out.len() == empty {
            self.out.truncate(before);
        } else {
            self.out.push(b'}');
        }
    }

    fn is_under_other_id(&self) -> bool {
        self.event.notes().has(Notes::OTHER_ID) && self.shape.other_id().is_some()
    }

    fn string(&mut self, key: &str, text: &str) {
        self.key(key);
        write_string(self.out, text);
    }

    fn value(&mut self, value: AttributeValue<'_>) {
        match value {
            AttributeValue::Text(text) => write_string(self.out, text),
            AttributeValue::Json(text) => self.out.extend_from_slice(text.as_bytes()),
        }
    }

    fn key(&mut self, key: &str) {
        self.key_prefixed("", key);
    }

    /// No value ends in `{`, so that byte says that this is the first member.
    fn key_prefixed(&mut self, prefix: &str, key: &str) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        match prefix {
            "" => write_string(self.out, key),
            _ => write_string(self.out, &format!("{prefix}{key}")),
        }
        self.out.push(b':');
    }
}

/// Returns the members of data that is an object, where none of them is a frame's own.
fn flat(event: EventRef<'_>) -> Option<&str> {
    let data = match event.data_kind() {
        DataKind::None => return Some(""),
        DataKind::Json => event.data(),
        DataKind::Text | DataKind::Binary => return None,
    };
    // Data is kept with the white space around it, and the braces have to be found.
    let text = str::from_utf8(data)
        .ok()?
        .trim_matches([' ', '\t', '\r', '\n']);
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut hides = false;
    let mut cursor = Cursor::inside(data).ok()?;
    let walked = cursor.members(|cursor, name| {
        // Without escapes: `\u0074ype` would hide the frame's `type` as well.
        hides |= matches!(&*name.text()?, "type" | "_context");
        cursor.value()?;
        Ok::<_, JsonError>(())
    });
    (walked.is_ok() && !hides).then(|| inner.trim_matches([' ', '\t', '\r', '\n']))
}

fn has_attribute(table: &[Member], name: &str) -> bool {
    table.iter().any(|member| match member.slot {
        Slot::Attribute(own) => own == name,
        Slot::Object(table, _) | Slot::Event(table) => has_attribute(table, name),
        _ => false,
    })
}

fn has_kind(table: &[Member], wanted: AttributeKind) -> bool {
    table.iter().any(|member| match member.slot {
        Slot::Attributes(kind) => kind == wanted,
        Slot::Object(table, kind) => kind == Some(wanted) || has_kind(table, wanted),
        Slot::Event(table) => has_kind(table, wanted),
        _ => false,
    })
}

fn has_tagged_data(table: &[Member]) -> bool {
    table.iter().any(|member| match member.slot {
        Slot::TaggedData => true,
        Slot::Event(table) => has_tagged_data(table),
        _ => false,
    })
}
