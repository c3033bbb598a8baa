//! Reads the members of a filter from JSON: the one reader for queries, messages and bodies.

use super::builder::EventFilterBuilder;
use crate::json::{JsonError, Value};

impl EventFilterBuilder {
    /// Takes a member of a filter's JSON form; `false`: a filter has none of that name. Values that are wrong become
    /// faults, so that all of them are told at once.
    ///
    /// # Errors
    ///
    /// A string that has no UTF-8 form: what it stands for is not known.
    pub(crate) fn read_member(&mut self, name: &str, value: Value<'_>) -> Result<bool, JsonError> {
        match name {
            "type" => self.read_texts(name, value, |builder, text| _ = builder.ty(text))?,
            "typePattern" => {
                self.read_texts(name, value, |builder, text| _ = builder.ty_pattern(text))?;
            }
            "topic" => self.read_topics(name, value)?,
            "streamType" => {
                self.read_texts(name, value, |builder, text| _ = builder.stream_type(text))?;
            }
            "streamId" => {
                self.read_texts(name, value, |builder, text| _ = builder.stream_id(text))?
            }
            "where" => self.read_texts(name, value, |builder, text| _ = builder.matching(text))?,
            "tags" => self.read_tags(name, value)?,
            "dateRange" => self.read_range(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes patterns of topics, one or an array of them, from a member that is called `name` where it comes from.
    ///
    /// # Errors
    ///
    /// As [`read_member`](Self::read_member).
    pub(crate) fn read_topics(&mut self, name: &str, value: Value<'_>) -> Result<(), JsonError> {
        self.read_texts(name, value, |builder, text| builder.pattern(name, text))
    }

    /// Notes that a member is not what it should be; `at` is the byte of the text at which its value starts.
    pub(in crate::event) fn expected(&mut self, name: &str, what: &str, at: usize) {
        // Columns count from 1, bytes from 0.
        self.fault(name, None, &format!("expected {what}"), Some(at + 1));
    }

    /// Takes a string, or an array of strings.
    fn read_texts(
        &mut self,
        name: &str,
        value: Value<'_>,
        mut take: impl FnMut(&mut Self, &str),
    ) -> Result<(), JsonError> {
        let mut one = |builder: &mut Self, value: Value<'_>| {
            if value.is_string() {
                take(builder, &value.text()?);
            } else {
                builder.expected(name, "a string", value.at());
            }
            Ok(())
        };
        if !value.is_array() {
            return one(self, value);
        }
        let mut is_empty = true;
        value.elements(|element| {
            is_empty = false;
            one(self, element)
        })?;
        // An empty list would take nothing, or everything: nobody means either.
        if is_empty {
            self.expected(name, "at least one", value.at());
        }
        Ok(())
    }

    fn read_tags(&mut self, name: &str, value: Value<'_>) -> Result<(), JsonError> {
        if !value.is_object() {
            self.expected(name, "an object", value.at());
            return Ok(());
        }
        value.members(|key, value| {
            match value {
                _ if value.is_string() => _ = self.tag(&key.text()?, &value.text()?),
                _ if value.is_object() || value.is_array() => {
                    self.expected(name, "a string", value.at());
                }
                // A tag of an event is compared as text, whatever it was written as.
                _ => _ = self.tag(&key.text()?, value.raw()),
            }
            Ok(())
        })
    }

    fn read_range(&mut self, name: &str, value: Value<'_>) -> Result<(), JsonError> {
        if !value.is_object() {
            self.expected(name, "an object", value.at());
            return Ok(());
        }
        value.members(|key, value| {
            let text = key.text()?;
            match (&*text, value.is_string()) {
                ("start", true) => _ = self.since(&value.text()?),
                ("end", true) => _ = self.until(&value.text()?),
                ("start" | "end", false) => self.expected(name, "a time", value.at()),
                _ => {
                    let field = format!("{name}.{text}");
                    self.fault(&field, None, "unknown member", Some(key.at() + 1));
                }
            }
            Ok(())
        })
    }
}
