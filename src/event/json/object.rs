//! The members of a JSON object, as the spans they stand in.

use std::borrow::Cow;

use super::spans::{Scratch, Span, Spans};
use crate::event::error::{ErrorKind, EventError};

/// A value of a JSON object as it stands in the text.
#[derive(Clone, Copy, Debug)]
pub struct JsonValue<'t>(Span<'t>);

impl<'t> JsonValue<'t> {
    /// Returns the text of the value.
    pub fn raw(&self) -> &'t str {
        self.0.raw
    }

    /// Returns the byte of the object at which it starts.
    pub fn at(&self) -> usize {
        self.0.at
    }

    /// Returns what it stands for if it is a string.
    pub fn string(&self) -> Option<Cow<'t, str>> {
        self.0.is_string().then(|| self.0.string().ok()).flatten()
    }

    /// Returns the strings if it is a string or an array of strings.
    pub fn strings(&self) -> Option<Vec<Cow<'t, str>>> {
        if let Some(one) = self.string() {
            return Some(vec![one]);
        }
        let mut scratch = Scratch::default();
        let text = self.raw().as_bytes();
        scratch.parse(text, 1).ok()?;
        let mut spans = scratch.spans(text).ok()?;
        let mut all = Vec::new();
        if spans.peek() != b'[' {
            return None;
        }
        spans
            .elements(|spans| {
                let value = spans.value();
                if !value.is_string() {
                    return Err(EventError::new(ErrorKind::WrongType("a string"), ""));
                }
                all.push(value.string()?);
                Ok(())
            })
            .ok()?;
        Some(all)
    }
}

/// Reads JSON objects member by member, reusing its buffers.
///
/// # Examples
///
/// ```
/// use eventring::event::JsonMembers;
///
/// let mut reader = JsonMembers::default();
/// let members = reader.read(br#"{"topic": "a", "data": {"n": 1.0}}"#, 32)?;
/// assert_eq!(members[0].1.string().as_deref(), Some("a"));
/// assert_eq!((members[1].0.as_ref(), members[1].1.raw()), ("data", r#"{"n": 1.0}"#));
/// # Ok::<(), eventring::event::EventError>(())
/// ```
#[derive(Debug, Default)]
pub struct JsonMembers(Scratch);

impl JsonMembers {
    /// Reads one object that is nested no deeper than `depth`.
    ///
    /// # Errors
    ///
    /// What is wrong and at which byte; a member that appears twice is named.
    pub fn read<'t>(
        &mut self,
        text: &'t [u8],
        depth: usize,
    ) -> Result<Vec<(Cow<'t, str>, JsonValue<'t>)>, EventError> {
        self.0.parse(text, depth)?;
        let mut spans: Spans<'t, '_> = self.0.spans(text)?;
        if spans.peek() != b'{' {
            let error = EventError::new(ErrorKind::WrongType("an object"), "");
            return Err(error.or_at(spans.at()));
        }
        let mut members: Vec<(Cow<'t, str>, JsonValue<'t>)> = Vec::new();
        spans.members(|spans, name| {
            let key = name.string()?;
            if members.iter().any(|(earlier, _)| *earlier == key) {
                let error = EventError::new(ErrorKind::Duplicate, key.into_owned());
                return Err(error.or_at(name.at));
            }
            members.push((key, JsonValue(spans.value())));
            Ok(())
        })?;
        Ok(members)
    }
}
