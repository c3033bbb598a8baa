//! Values as they stand in their text, and the members of an object.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::error::{JsonError, JsonErrorKind};
use super::string::read_string;

/// Members that an object may have that is read member by member.
pub const MEMBERS_MAX: usize = 64;

/// A JSON value as it stands in its text.
#[derive(Clone, Copy, Debug)]
pub struct Value<'t> {
    raw: &'t str,
    at: usize,
}

impl<'t> Value<'t> {
    /// `raw` is one JSON value.
    pub(super) fn new(raw: &'t str, at: usize) -> Self {
        Self { raw, at }
    }

    /// Returns the text of the value, without white space around it.
    pub fn raw(&self) -> &'t str {
        self.raw
    }

    /// Returns the byte of the text at which it starts.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Returns whether it is a string.
    pub fn is_string(&self) -> bool {
        self.raw.starts_with('"')
    }

    /// Returns whether it is an array.
    pub fn is_array(&self) -> bool {
        self.raw.starts_with('[')
    }

    /// Returns whether it is an object.
    pub fn is_object(&self) -> bool {
        self.raw.starts_with('{')
    }

    /// Returns whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.raw == "null"
    }

    /// Returns what it stands for if it is a string that has a UTF-8 form; allocates only where it holds escapes.
    pub fn string(&self) -> Option<Cow<'t, str>> {
        self.is_string().then(|| self.text().ok()).flatten()
    }

    /// Returns the number if it is a whole one from 0 to 2^64 - 1, written without fraction and exponent.
    pub fn whole(&self) -> Option<u64> {
        // The value is checked JSON: a plus sign or leading zeros, which `parse` would take, cannot stand here.
        self.raw.parse().ok()
    }

    /// Returns the number if it is one, as near as 64-bit floating point comes.
    pub fn number(&self) -> Option<f64> {
        // The words that `parse` takes for infinity and NaN are no JSON, so they cannot stand here.
        self.raw.parse().ok()
    }

    /// Returns the strings if it is an array of strings.
    pub fn strings(&self) -> Option<Vec<Cow<'t, str>>> {
        let mut all = Vec::new();
        // The value was checked: its depth is in bounds, whatever it is.
        let mut cursor = Cursor::inside(self.raw.as_bytes()).ok()?;
        let walked = cursor.elements(|cursor| {
            let value = cursor.value()?;
            let wrong = || JsonError::new(JsonErrorKind::WrongType("a string"), value.at);
            all.push(value.string().ok_or_else(wrong)?);
            Ok::<_, JsonError>(())
        });
        walked.ok().map(|()| all)
    }

    /// Returns the elements, as they stand in the text, if it is an array.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::json::Members;
    ///
    /// let page = Members::read(br#"{"events": [{"n": 1.0}, "two"]}"#)?;
    /// let events = page.get("events").and_then(|events| events.array()).unwrap();
    /// assert_eq!(events[0].raw(), r#"{"n": 1.0}"#);
    /// # Ok::<(), eventring::json::JsonError>(())
    /// ```
    pub fn array(&self) -> Option<Vec<Self>> {
        let mut all = Vec::new();
        let walked = self.elements(|element| {
            all.push(element);
            Ok(())
        });
        walked.ok().filter(|()| self.is_array()).map(|()| all)
    }

    /// Shows the elements of an array, each with its place in the text; of what is none it shows nothing.
    pub(crate) fn elements(
        &self,
        mut take: impl FnMut(Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        // The value was checked: its depth is in bounds, whatever it is.
        let mut cursor = Cursor::inside(self.raw.as_bytes())?;
        if !self.is_array() {
            return Ok(());
        }
        cursor.elements(|cursor| {
            let element = cursor.value()?;
            take(self.inner(element))
        })
    }

    /// Shows the names and values of an object, each with its place in the text; of what is none it shows nothing.
    pub(crate) fn members(
        &self,
        mut take: impl FnMut(Self, Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        let mut cursor = Cursor::inside(self.raw.as_bytes())?;
        if !self.is_object() {
            return Ok(());
        }
        cursor.members(|cursor, name| {
            let value = cursor.value()?;
            take(self.inner(name), self.inner(value))
        })
    }

    /// A part of this value, whose place counts from where the value starts, as a part of the text.
    fn inner(&self, part: Self) -> Self {
        Self::new(part.raw, self.at + part.at)
    }

    /// Returns the text that a string stands for.
    ///
    /// # Errors
    ///
    /// A surrogate without its other half has no UTF-8 form.
    pub(crate) fn text(&self) -> Result<Cow<'t, str>, JsonError> {
        read_string(self.raw)
            .map_err(|at| JsonError::new(JsonErrorKind::HalfSurrogate, self.at + at))
    }
}

/// The members of a JSON object, each as it stands, in their order.
#[derive(Clone, Debug, Default)]
pub struct Members<'t>(Vec<(Cow<'t, str>, Value<'t>)>);

impl<'t> Members<'t> {
    /// Reads one object, whose members may each be nested as deep as a text of its own.
    ///
    /// # Errors
    ///
    /// What was expected at which byte, a member that appears twice, or which bound was passed.
    pub fn read(text: &'t [u8]) -> Result<Self, JsonError> {
        let mut cursor = Cursor::of_envelope(text)?;
        let mut members: Vec<(Cow<'t, str>, Value<'t>)> = Vec::new();
        cursor.members(|cursor, name| {
            let key = name.text()?;
            if members.iter().any(|(earlier, _)| *earlier == key) {
                let kind = JsonErrorKind::Duplicate(key.into_owned());
                return Err(JsonError::new(kind, name.at));
            }
            // Every name is compared with those before it: without a bound, a text could cost its square.
            if members.len() == MEMBERS_MAX {
                let kind = JsonErrorKind::TooMany { limit: MEMBERS_MAX };
                return Err(JsonError::new(kind, name.at));
            }
            members.push((key, cursor.value()?));
            Ok(())
        })?;
        cursor.end()?;
        Ok(Self(members))
    }

    /// Returns the value of a member.
    pub fn get(&self, name: &str) -> Option<Value<'t>> {
        let found = self.0.iter().find(|(member, _)| member == name);
        found.map(|(_, value)| *value)
    }

    /// Iterates over names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'t>)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }
}
