//! Sets what a builder is given, after checking it against the limits.

use super::builder::EventBuilder;
use crate::event::attribute::{self, AttributeKind, AttributeValue, Attributes};
use crate::event::error::{ErrorKind, EventError};
use crate::event::record::layout::{DataKind, Field};
use crate::event::{json, time, topic};
use crate::json::without_mark;

impl EventBuilder {
    /// Remembers the first error.
    pub(in crate::event) fn keep(&mut self, done: Result<(), EventError>) -> &mut Self {
        if let Err(error) = done {
            self.error.get_or_insert(error);
        }
        self
    }

    pub(in crate::event) fn set_field(
        &mut self,
        field: Field,
        value: &str,
    ) -> Result<(), EventError> {
        self.check_text(field, value)?;
        let place = &mut self.fields[field as usize];
        place.clear();
        place.push_str(value);
        Ok(())
    }

    pub(in crate::event) fn set_topic(&mut self, name: &str) -> Result<(), EventError> {
        topic::validate(name).map_err(|error| EventError::new(error.into(), "topic"))?;
        self.set_field(Field::Topic, name)
    }

    /// The text is kept only where the nanoseconds would be written otherwise.
    pub(in crate::event) fn set_time(&mut self, text: &str, local: bool) -> Result<(), EventError> {
        let wrong = || EventError::new(ErrorKind::Invalid("not an RFC 3339 time"), "time");
        // No time is longer; what is would be parsed, and kept, to no end.
        if text.len() > 64 {
            return Err(wrong());
        }
        let nanos = time::parse(text, local).ok_or_else(wrong)?;
        self.time = Some(nanos);
        // The record's buffer is free until `build`, and this needs one for a moment.
        self.record.clear();
        time::write(nanos, &mut self.record);
        let place = &mut self.fields[Field::TimeText as usize];
        place.clear();
        if self.record != text.as_bytes() {
            place.push_str(text);
        }
        self.record.clear();
        Ok(())
    }

    pub(in crate::event) fn set_data(
        &mut self,
        content_type: &str,
        data: &[u8],
    ) -> Result<(), EventError> {
        self.check_payload(data.len())?;
        // Data without a type must not keep the type of what was set before.
        self.fields[Field::ContentType as usize].clear();
        if !content_type.is_empty() {
            self.set_field(Field::ContentType, content_type)?;
        }
        let is_json = json::is_json_type(content_type);
        // JSON goes out inside other JSON, where a byte-order mark must not stand.
        let kept = if is_json { without_mark(data) } else { data };
        self.kind = if is_json {
            check_json("data", kept).map_err(|mut error| {
                // The caller's data may have a mark in front, and the place counts from its start.
                error.at = error.at.map(|at| at + data.len() - kept.len());
                error
            })?;
            DataKind::Json
        } else if json::is_text_type(content_type) && str::from_utf8(data).is_ok() {
            DataKind::Text
        } else {
            DataKind::Binary
        };
        self.data.clear();
        self.data.extend_from_slice(kept);
        Ok(())
    }

    pub(in crate::event) fn set_attribute(
        &mut self,
        name: &str,
        value: &str,
    ) -> Result<(), EventError> {
        match (Field::from_name(name), name) {
            (Some(Field::Topic), _) => self.set_topic(value),
            (Some(Field::TimeText), _) => self.set_time(value, false),
            (Some(field), _) => self.set_field(field, value),
            // Checked and not kept: a shape that has one writes its own.
            (None, "specversion") => json::check_spec_version(value),
            (None, "data" | "data_base64") => Err(EventError::new(
                ErrorKind::Invalid("is not an attribute"),
                name.to_owned(),
            )),
            (None, _) => self.add(AttributeKind::Extension, name, AttributeValue::Text(value)),
        }
    }

    /// Adds an attribute of a kind, within the limits and once.
    pub(in crate::event) fn add(
        &mut self,
        kind: AttributeKind,
        name: &str,
        value: AttributeValue<'_>,
    ) -> Result<(), EventError> {
        let wrong = |kind| Err(EventError::new(kind, shortened(name)));
        let limits = &self.limits;
        if name.is_empty() || has_control(name) {
            return wrong(ErrorKind::Invalid("not a printable name"));
        }
        if name.len() > limits.attribute_name_bytes {
            return wrong(ErrorKind::TooLarge {
                limit: limits.attribute_name_bytes,
                actual: name.len(),
            });
        }
        let bytes = value.as_str().len();
        if bytes > limits.attribute_value_bytes {
            return wrong(ErrorKind::TooLarge {
                limit: limits.attribute_value_bytes,
                actual: bytes,
            });
        }
        if self.attribute_count >= limits.attributes {
            return wrong(ErrorKind::TooMany {
                limit: limits.attributes,
            });
        }
        // Two of one name would be two members of one name in JSON.
        if self.attributes_of(kind).any(|(given, _)| given == name) {
            return wrong(ErrorKind::Duplicate);
        }
        attribute::write(&mut self.attributes, kind, name, value);
        self.attribute_count += 1;
        Ok(())
    }

    pub(in crate::event) fn attributes_of(&self, kind: AttributeKind) -> Attributes<'_> {
        Attributes::new(&self.attributes, self.attribute_count, kind)
    }

    pub(in crate::event) fn check_payload(&self, bytes: usize) -> Result<(), EventError> {
        let limit = self.limits.payload_bytes;
        if bytes <= limit {
            return Ok(());
        }
        Err(EventError::new(
            ErrorKind::TooLarge {
                limit,
                actual: bytes,
            },
            "data",
        ))
    }

    /// CloudEvents 1.0, 3.1: strings hold no control characters, and an attribute that is there is not empty.
    pub(in crate::event) fn check_text(&self, field: Field, value: &str) -> Result<(), EventError> {
        let limit = self.limits.attribute_value_bytes;
        let kind = if value.is_empty() {
            ErrorKind::Invalid("must not be empty")
        } else if value.len() > limit {
            ErrorKind::TooLarge {
                limit,
                actual: value.len(),
            }
        } else if has_control(value) {
            ErrorKind::Invalid("holds a control character")
        } else {
            return Ok(());
        };
        Err(EventError::new(kind, field.name()))
    }
}

/// Checks that a field is one JSON value.
pub(in crate::event) fn check_json(field: &str, text: &[u8]) -> Result<(), EventError> {
    crate::json::check(text).map_err(|error| EventError {
        field: field.to_owned().into(),
        ..error.into()
    })
}

/// One pass over the bytes for printable ASCII, which nearly all text here is; characters are looked at otherwise.
pub(in crate::event) fn has_control(text: &str) -> bool {
    // A fold and not `all`: without a way out, the compiler can judge many bytes at once.
    let printable = text
        .bytes()
        .fold(true, |all, byte| all & (b' '..=b'~').contains(&byte));
    !printable && text.chars().any(char::is_control)
}

/// Names in errors are cut, so that an error stays small.
pub(in crate::event) fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
