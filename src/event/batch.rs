//! Many events in one reused buffer.

use super::error::{ErrorKind, EventError};
use super::event_ref::EventRef;
use super::limits::EventLimits;
use super::{AsEvent, EventBuilder, Shape};

/// Capacity that a cleared batch keeps, bytes and events; what is beyond it is given back.
const KEPT_BYTES: usize = 1 << 20;
const KEPT_EVENTS: usize = 4096;

/// Holds events one after the other, for publishing them together.
///
/// # Examples
///
/// ```
/// use eventring::event::EventBatch;
///
/// let mut batch = EventBatch::new();
/// let text = br#"[{"specversion":"1.0","id":"1","source":"/s","type":"t"},
///                 {"specversion":"1.0","id":"2","source":"/s","type":"t","data":[1.0]}]"#;
/// batch.read_cloudevents_batch(Some("orders"), text).unwrap();
/// assert_eq!(batch.len(), 2);
/// assert_eq!(batch.iter().last().unwrap().data(), b"[1.0]");
/// ```
#[derive(Debug, Default)]
pub struct EventBatch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    builder: EventBuilder,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    end: usize,
    topic_hash: u64,
}

impl EventBatch {
    /// Creates an empty batch with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty batch whose readers keep to `limits`.
    pub fn with_limits(limits: EventLimits) -> Self {
        Self {
            builder: EventBuilder::with_limits(limits),
            ..Self::default()
        }
    }

    /// Removes all events; buffers of up to 1 MiB stay.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.entries.clear();
        self.entries.shrink_to(KEPT_EVENTS);
        self.builder.clear();
    }

    /// Returns how many events it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the bytes of all records.
    pub fn record_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a copy of an event.
    pub fn push(&mut self, event: impl AsEvent) {
        append(&mut self.bytes, &mut self.entries, event.as_event());
    }

    /// Returns an event, counted from 0.
    pub fn get(&self, index: usize) -> Option<EventRef<'_>> {
        (index < self.len()).then(|| self.at(index))
    }

    /// Iterates over the events.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = EventRef<'_>> + Clone {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Shortens it to the first `len` events.
    pub fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
        self.bytes
            .truncate(self.entries.last().map_or(0, |entry| entry.end));
    }

    /// Reads one event in a JSON shape and adds it. After an error the batch is as it was.
    ///
    /// # Errors
    ///
    /// [`EventError`] names the field and the byte.
    pub fn push_json(
        &mut self,
        shape: Shape,
        topic: Option<&str>,
        text: &[u8],
    ) -> Result<(), EventError> {
        self.builder.clear();
        self.builder.read_json(shape, topic, text)?;
        // Nothing is added before the event is whole: after an error the batch is as it was.
        let event = self.builder.build_ref()?;
        append(&mut self.bytes, &mut self.entries, event);
        Ok(())
    }

    /// Reads a JSON array of structured CloudEvents and adds them. After an error the batch is as it was.
    ///
    /// # Errors
    ///
    /// [`EventError`] names the event, the field and the byte in `text`.
    pub fn read_cloudevents_batch(
        &mut self,
        topic: Option<&str>,
        text: &[u8],
    ) -> Result<(), EventError> {
        self.read_batch(Shape::CloudEvents, topic, text)
    }

    /// Reads a JSON array of events in a shape and adds them, up to the first that is wrong or too many. After an error
    /// the batch is as it was.
    ///
    /// # Errors
    ///
    /// As [`read_cloudevents_batch`](Self::read_cloudevents_batch).
    pub fn read_batch(
        &mut self,
        shape: Shape,
        topic: Option<&str>,
        text: &[u8],
    ) -> Result<(), EventError> {
        let before = self.len();
        // Apart, so that events can be added while the builder is reading.
        let Self {
            bytes,
            entries,
            builder,
        } = self;
        let limit = builder.limits().batch_events;
        let result = builder.read_each(shape, topic, text, |event| {
            // Before it is added: however long the text, no more than the limit is ever held.
            if entries.len() >= limit {
                return Err(EventError::new(ErrorKind::TooMany { limit }, "events"));
            }
            append(bytes, entries, event);
            Ok(())
        });
        // A batch is all or nothing: what was read before the fault goes too.
        if result.is_err() {
            self.truncate(before);
        }
        result
    }

    /// Returns the event at an index below `len`.
    pub(crate) fn at(&self, index: usize) -> EventRef<'_> {
        let start = if index == 0 {
            0
        } else {
            self.entries[index - 1].end
        };
        let entry = self.entries[index];
        EventRef::trusted(&self.bytes[start..entry.end], entry.topic_hash)
    }
}

fn append(bytes: &mut Vec<u8>, entries: &mut Vec<Entry>, event: EventRef<'_>) {
    bytes.extend_from_slice(event.record());
    entries.push(Entry {
        end: bytes.len(),
        topic_hash: event.topic_hash(),
    });
}
