//! Fills a builder from JSON: one event, or each of an array.

use super::builder::EventBuilder;
use crate::event::EventRef;
use crate::event::error::{ErrorKind, EventError};
use crate::event::json::{Reader, Shape};
use crate::json::Cursor;

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
        self.check_text_bytes(text)?;
        let mut cursor = Cursor::new(text)?;
        Reader::new(self, shape, topic).event(&mut cursor)?;
        Ok(cursor.end()?)
    }

    /// Reads a JSON array of events and hands each one over, up to the first that is none.
    pub(in crate::event) fn read_each(
        &mut self,
        shape: Shape,
        topic: Option<&str>,
        text: &[u8],
        mut take: impl FnMut(EventRef<'_>) -> Result<(), EventError>,
    ) -> Result<(), EventError> {
        self.check_text_bytes(text)?;
        let mut cursor = Cursor::of_envelope(text)?;
        if cursor.peek() != b'[' {
            return Err(cursor.wrong_type("an array of events").into());
        }
        let mut index = 0;
        cursor.elements(|cursor| {
            let at = cursor.at();
            self.clear();
            let read = Reader::new(self, shape, topic).event(cursor);
            let taken = read.and_then(|()| self.build_ref()).and_then(&mut take);
            // What `build_ref` or `take` refuses has no place in the text: the start of the event is given.
            taken.map_err(|error| error.or_at(at).with_index(index))?;
            index += 1;
            Ok::<_, EventError>(())
        })?;
        Ok(cursor.end()?)
    }

    fn check_text_bytes(&self, text: &[u8]) -> Result<(), EventError> {
        let (limit, actual) = (self.limits.text_bytes, text.len());
        if actual <= limit {
            return Ok(());
        }
        Err(EventError::new(ErrorKind::TooLarge { limit, actual }, ""))
    }
}
