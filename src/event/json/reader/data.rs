//! Reads an event's data, in the three ways that JSON shapes write it.

use super::{Reader, wrong_type};
use crate::event::error::{ErrorKind, EventError};
use crate::event::json::base64::read_base64;
use crate::event::json::is_json_type;
use crate::event::json::shape::Shape;
use crate::event::record::layout::{DataKind, Field, Notes};
use crate::json::{Cursor, Value};

impl<'t> Reader<'_, 't> {
    /// eventuali's data: `{"Json": value}`, `{"Protobuf": [bytes]}`, or a plain value.
    pub(super) fn tagged(&mut self, cursor: &mut Cursor<'t>) -> Result<(), EventError> {
        // A copy looks inside, so that the value can be kept whole where it has no tag.
        let mut look = *cursor;
        let whole = cursor.value()?;
        let mut inner = None;
        let mut count = 0;
        if look.has_members() {
            look.members(|look, name| {
                count += 1;
                inner = Some((name.raw(), *look));
                look.value().map(|_| ())
            })?;
        }
        // With other members beside it, a member of that name is plain data and no tag.
        match inner.filter(|_| count == 1) {
            Some(("\"Json\"", mut at)) => self.data = Some(at.value()?),
            Some(("\"Protobuf\"", mut at)) if at.peek() == b'[' => return self.bytes(&mut at),
            _ => {
                self.builder.notes.set(Notes::UNTAGGED);
                self.data = Some(whole);
            }
        }
        Ok(())
    }

    fn bytes(&mut self, cursor: &mut Cursor<'t>) -> Result<(), EventError> {
        let data = &mut self.builder.data;
        cursor.elements(|cursor| {
            let byte = cursor.value()?;
            let number = byte
                .raw()
                .parse()
                .map_err(|_| wrong_type("a number from 0 to 255").or_at(byte.at()))?;
            data.push(number);
            Ok::<_, EventError>(())
        })?;
        self.builder.kind = DataKind::Binary;
        // Only the tag says so, and other shapes have no tags.
        self.builder
            .set_field(Field::ContentType, "application/protobuf")?;
        // At the end is early enough: these are fewer bytes than the text, which is bounded.
        self.builder.check_payload(self.builder.data.len())
    }

    pub(super) fn settle_data(&mut self) -> Result<(), EventError> {
        match (self.data, self.base64) {
            (Some(_), Some(base64)) => {
                let kind = ErrorKind::Invalid("cannot stand beside \"data\"");
                Err(EventError::new(kind, "data_base64").or_at(base64.at()))
            }
            (Some(data), None) => self.take_data(data).map_err(|error| error.or_at(data.at())),
            (None, Some(base64)) => self
                .take_base64(base64)
                .map_err(|error| error.or_at(base64.at())),
            (None, None) => {
                // `Reader::unknown` opened the object, and only the end of the event ends it.
                if self.shape == Shape::StreamEvent && !self.builder.data.is_empty() {
                    self.builder.data.push(b'}');
                }
                Ok(())
            }
        }
    }

    /// CloudEvents JSON, 3.1.1: a string under a content type that is not JSON is the data itself.
    fn take_data(&mut self, data: Value<'t>) -> Result<(), EventError> {
        let content_type = &self.builder.fields[Field::ContentType as usize];
        let is_json = content_type.is_empty() || is_json_type(content_type) || !data.is_string();
        let decoded = if is_json { None } else { Some(data.text()?) };
        let bytes = decoded.as_deref().unwrap_or(data.raw());
        self.builder.check_payload(bytes.len())?;
        self.builder.kind = if is_json {
            DataKind::Json
        } else {
            DataKind::Text
        };
        self.builder.data.extend_from_slice(bytes.as_bytes());
        Ok(())
    }

    fn take_base64(&mut self, base64: Value<'t>) -> Result<(), EventError> {
        let named = |kind| EventError::new(kind, "data_base64");
        if !base64.is_string() {
            return Err(named(ErrorKind::WrongType("a string")));
        }
        let encoded = base64.text()?;
        // Before it is decoded, so that what is over the limit is never made.
        let padding = encoded
            .bytes()
            .rev()
            .take(2)
            .filter(|&byte| byte == b'=')
            .count();
        self.builder
            .check_payload((encoded.len() / 4 * 3).saturating_sub(padding))?;
        // The place counts from behind the quote; base 64 needs no escapes that would move it.
        read_base64(&encoded, &mut self.builder.data)
            .map_err(|at| named(ErrorKind::Invalid("not base 64")).or_at(base64.at() + 1 + at))?;
        self.builder.kind = DataKind::Binary;
        Ok(())
    }
}
