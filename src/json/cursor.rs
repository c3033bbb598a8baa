//! Walks a JSON text value by value, and checks it on the way.

use super::encoding::{is_utf16, without_mark};
use super::error::{JsonError, JsonErrorKind};
use super::members::Value;
use super::{DEPTH_MAX, TEXT_BYTES_MAX, scan};

/// A place in a JSON text. What lies before it is JSON; what lies behind it is not looked at yet.
///
/// A copy looks ahead: it goes its own way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'t> {
    text: &'t str,
    at: usize,
    /// Levels that may yet be opened here.
    room: usize,
}

impl<'t> Cursor<'t> {
    /// Starts at the value of a text; a byte-order mark in front of it is skipped.
    ///
    /// # Errors
    ///
    /// The text is not UTF-8, or longer than [`TEXT_BYTES_MAX`].
    pub(crate) fn new(text: &'t [u8]) -> Result<Self, JsonError> {
        Self::start(text, text.len() - without_mark(text).len(), DEPTH_MAX)
    }

    /// The same for a text whose outermost level is an envelope: it is not counted.
    pub(crate) fn of_envelope(text: &'t [u8]) -> Result<Self, JsonError> {
        Self::start(text, text.len() - without_mark(text).len(), DEPTH_MAX + 1)
    }

    /// The same for a text that may stand inside another one: it has no mark.
    pub(crate) fn inside(text: &'t [u8]) -> Result<Self, JsonError> {
        Self::start(text, 0, DEPTH_MAX)
    }

    fn start(text: &'t [u8], at: usize, room: usize) -> Result<Self, JsonError> {
        // Length first: it costs nothing, where the look for UTF-8 reads all of the text.
        if text.len() > TEXT_BYTES_MAX {
            let (limit, actual) = (TEXT_BYTES_MAX, text.len());
            return Err(JsonError::new(
                JsonErrorKind::TooLarge { limit, actual },
                TEXT_BYTES_MAX,
            ));
        }
        // Before UTF-8: ASCII in UTF-16 without a mark is valid UTF-8, and would be called a mistake of syntax.
        if is_utf16(text) {
            return Err(JsonError::new(JsonErrorKind::Utf16, 0));
        }
        let text = str::from_utf8(text)
            .map_err(|error| JsonError::new(JsonErrorKind::NotUtf8, error.valid_up_to()))?;
        let at = scan::space(text.as_bytes(), at);
        Ok(Self { text, at, room })
    }

    /// The first byte of the value that follows; 0 at the end of the text.
    pub(crate) fn peek(&self) -> u8 {
        // No token of JSON is 0, so the end needs no case of its own.
        self.bytes().get(self.at).copied().unwrap_or_default()
    }

    /// Returns the byte at which the value that follows starts.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Returns whether an object follows that has members, as far as one can see from its start.
    pub(crate) fn has_members(&self) -> bool {
        self.peek() == b'{' && {
            let inside = scan::space(self.bytes(), self.at + 1);
            self.bytes().get(inside) != Some(&b'}')
        }
    }

    /// Takes one value, with everything inside it.
    ///
    /// # Errors
    ///
    /// What was expected at which byte, or that it is nested too deep.
    pub(crate) fn value(&mut self) -> Result<Value<'t>, JsonError> {
        let end = scan::value(self.bytes(), self.at, self.room)?;
        Ok(self.take(self.at, end))
    }

    /// Returns what was taken since the cursor was at `start`, where a value started.
    pub(crate) fn since(&self, start: usize) -> Value<'t> {
        // Whoever takes a value also passes the white space behind it, which is no part of it.
        Value::new(self.text[start..self.at].trim_end_matches(SPACE), start)
    }

    /// Walks an object: `member` gets each name, and the cursor to take the value with.
    ///
    /// # Errors
    ///
    /// The first one, of the text or of `member`.
    pub(crate) fn members<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Value<'t>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.peek() != b'{' {
            return Err(self.wrong_type("an object").into());
        }
        self.each(true, |cursor| {
            let end = scan::name(cursor.bytes(), cursor.at)?;
            let name = Value::new(&cursor.text[cursor.at..end], cursor.at);
            cursor.at = scan::colon(cursor.bytes(), end)?;
            member(cursor, name)
        })
    }

    /// Walks an array: `element` takes each value.
    ///
    /// # Errors
    ///
    /// The first one, of the text or of `element`.
    pub(crate) fn elements<E: From<JsonError>>(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.peek() != b'[' {
            return Err(self.wrong_type("an array").into());
        }
        self.each(false, element)
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// Something follows that is not white space.
    pub(crate) fn end(self) -> Result<(), JsonError> {
        match self.bytes().get(self.at) {
            None => Ok(()),
            Some(_) => scan::expected("the end of the text", self.at),
        }
    }

    /// Says that what follows is not what it should be; text that is no JSON at all says so instead.
    pub(crate) fn wrong_type(self, what: &'static str) -> JsonError {
        match (self.peek(), scan::scalar(self.bytes(), self.at)) {
            // `scalar` refuses brackets, but an array or an object is JSON, if of another type.
            (b'{' | b'[', _) | (_, Ok(_)) => {
                JsonError::new(JsonErrorKind::WrongType(what), self.at)
            }
            (_, Err(error)) => error,
        }
    }

    fn each<E: From<JsonError>>(
        &mut self,
        is_object: bool,
        mut entry: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        // As `scan::value` does: an empty one takes a level, too, so that a walk refuses what a check refuses.
        let Some(room) = self.room.checked_sub(1) else {
            return Err(scan::too_deep(self.at).into());
        };
        let close = scan::closing(is_object);
        self.at = scan::space(self.bytes(), self.at + 1);
        self.room = room;
        let mut more = self.peek() != close;
        while more {
            entry(self)?;
            more = match self.bytes().get(self.at) {
                Some(b',') => true,
                Some(byte) if *byte == close => false,
                _ => return Err(self.expected(scan::after_value(is_object)).into()),
            };
            // JSON has no trailing comma: an entry must follow, and whoever takes it refuses a bracket.
            if more {
                self.at = scan::space(self.bytes(), self.at + 1);
            }
        }
        // Only where all went well: after an error nobody reads on.
        self.room += 1;
        self.at = scan::space(self.bytes(), self.at + 1);
        Ok(())
    }

    fn expected(&self, what: &'static str) -> JsonError {
        JsonError::new(JsonErrorKind::Syntax(what), self.at)
    }

    /// Goes behind a value and the white space after it.
    fn take(&mut self, start: usize, end: usize) -> Value<'t> {
        self.at = scan::space(self.bytes(), end);
        Value::new(&self.text[start..end], start)
    }

    fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];
