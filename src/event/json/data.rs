//! Reads an event's data, in the three ways that JSON shapes write it.

use super::escape::read_base64;
use super::is_json_type;
use super::read::{Reader, wrong_type};
use super::shape::Shape;
use super::spans::{Span, Spans};
use crate::event::error::{ErrorKind, EventError};
use crate::event::layout::{DataKind, Field, Notes};

impl<'t> Reader<'_, 't> {
    /// eventuali's data: `{"Json": value}`, `{"Protobuf": [bytes]}`, or a plain value.
    pub(super) fn tagged(&mut self, spans: &mut Spans<'t, '_>) -> Result<(), EventError> {
        let whole = spans.look();
        let mut inner = None;
        let mut count = 0;
        if whole.is_object_with_members() {
            let mut look = *spans;
            look.members(|look, name| {
                count += 1;
                inner = Some((name.raw, *look));
                look.value();
                Ok(())
            })?;
        }
        spans.value();
        match inner.filter(|_| count == 1) {
            Some(("\"Json\"", mut at)) => self.data = Some(at.value()),
            Some(("\"Protobuf\"", mut at)) if at.peek() == b'[' => return self.bytes(&mut at),
            _ => {
                self.builder.notes.set(Notes::UNTAGGED);
                self.data = Some(whole);
            }
        }
        Ok(())
    }

    fn bytes(&mut self, spans: &mut Spans<'t, '_>) -> Result<(), EventError> {
        let data = &mut self.builder.data;
        spans.elements(|spans| {
            let byte = spans.value();
            let number = byte
                .raw
                .parse()
                .map_err(|_| wrong_type("a number from 0 to 255").or_at(byte.at))?;
            data.push(number);
            Ok(())
        })?;
        self.builder.kind = DataKind::Binary;
        self.builder
            .set_field(Field::ContentType, "application/protobuf")?;
        self.builder.check_payload(self.builder.data.len())
    }

    pub(super) fn settle_data(&mut self) -> Result<(), EventError> {
        match (self.data, self.base64) {
            (Some(_), Some(base64)) => {
                let kind = ErrorKind::Invalid("cannot stand beside \"data\"");
                Err(EventError::new(kind, "data_base64").or_at(base64.at))
            }
            (Some(data), None) => self.take_data(data).map_err(|error| error.or_at(data.at)),
            (None, Some(base64)) => self
                .take_base64(base64)
                .map_err(|error| error.or_at(base64.at)),
            (None, None) => {
                if self.shape == Shape::StreamEvent && !self.builder.data.is_empty() {
                    self.builder.data.push(b'}');
                }
                Ok(())
            }
        }
    }

    /// CloudEvents JSON, 3.1.1: a string under a content type that is not JSON is the data itself.
    fn take_data(&mut self, data: Span<'t>) -> Result<(), EventError> {
        let content_type = &self.builder.fields[Field::ContentType as usize];
        let is_json = content_type.is_empty() || is_json_type(content_type) || !data.is_string();
        let decoded = if is_json { None } else { Some(data.string()?) };
        let bytes = decoded.as_deref().unwrap_or(data.raw);
        self.builder.check_payload(bytes.len())?;
        self.builder.kind = if is_json {
            DataKind::Json
        } else {
            DataKind::Text
        };
        self.builder.data.extend_from_slice(bytes.as_bytes());
        Ok(())
    }

    fn take_base64(&mut self, base64: Span<'t>) -> Result<(), EventError> {
        let named = |kind| EventError::new(kind, "data_base64");
        if !base64.is_string() {
            return Err(named(ErrorKind::WrongType("a string")));
        }
        let encoded = base64.string()?;
        self.builder.check_payload(encoded.len() / 4 * 3)?;
        read_base64(&encoded, &mut self.builder.data)
            .map_err(|at| named(ErrorKind::Invalid("not base 64")).or_at(base64.at + 1 + at))?;
        self.builder.kind = DataKind::Binary;
        Ok(())
    }
}
