//! Data from a value of the program's own type, by serde.

use std::io;

use serde::Serialize;

use super::builder::EventBuilder;
use super::validate::check_json;
use crate::event::error::{ErrorKind, EventError};
use crate::event::record::layout::{DataKind, Field};

impl EventBuilder {
    /// Sets the data to a value, as JSON; the content type is `application/json`.
    ///
    /// JSON has no number for a float that is infinite or none at all: it becomes `null`.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::Event;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Order {
    ///     id: u64,
    /// }
    ///
    /// let event = Event::builder("orders", "created").tag("region", "eu").json_of(&Order { id: 7 }).build()?;
    /// assert_eq!(event.data(), br#"{"id":7}"#);
    /// # Ok::<(), eventring::event::EventError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`build`](Self::build) returns [`ErrorKind::Unserializable`] where the value has no JSON, as a map whose keys are
    /// no text; else what [`json`](Self::json) returns.
    pub fn json_of<T: Serialize + ?Sized>(&mut self, value: &T) -> &mut Self {
        let done = self.set_json_of(value);
        self.keep(done)
    }

    fn set_json_of<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EventError> {
        // Into the builder's own buffer: a text in between would be one allocation more an event. Taken out meanwhile,
        // so that a value that panics leaves an event without data, and not one whose JSON is half there.
        let mut payload = std::mem::take(&mut self.data);
        payload.clear();
        self.kind = DataKind::None;
        self.fields[Field::ContentType as usize].clear();
        let mut writer = PayloadWriter {
            payload: &mut payload,
            limit: self.limits.payload_bytes,
            actual: 0,
        };
        let written = serde_json::to_writer(&mut writer, value);
        let actual = writer.actual;
        self.data = payload;
        written.map_err(|error| {
            EventError::new(ErrorKind::Unserializable(error.to_string()), "data")
        })?;
        self.check_payload(actual)?;
        // Values can bring text of their own, and nest deeper than what readers take.
        check_json("data", &self.data)?;
        self.set_field(Field::ContentType, "application/json")?;
        self.kind = DataKind::Json;
        Ok(())
    }
}

/// Keeps no more of a payload than the limit allows, and counts all of it.
struct PayloadWriter<'b> {
    payload: &'b mut Vec<u8>,
    limit: usize,
    actual: usize,
}

impl io::Write for PayloadWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.actual += bytes.len();
        if self.actual <= self.limit {
            self.payload.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
