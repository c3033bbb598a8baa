//! An event of one's own: the record itself, in a buffer.

use std::fmt;

use super::error::EventError;
use super::event_builder::EventBuilder;
use super::event_ref::EventRef;

/// Owns one event's record.
///
/// # Examples
///
/// ```
/// use eventring::event::Event;
///
/// let event = Event::new("orders.created", "order").json("{\"id\":7}").to_event().unwrap();
/// assert_eq!(event.as_ref().topic(), "orders.created");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    record: Box<[u8]>,
    topic_hash: u64,
}

impl Event {
    /// Starts an event with a topic and a type.
    #[allow(
        clippy::new_ret_no_self,
        reason = "an event is complete only when it is built"
    )]
    pub fn new(topic: &str, ty: &str) -> EventBuilder {
        let mut builder = EventBuilder::new();
        builder.topic(topic).ty(ty);
        builder
    }

    /// Takes a record that came from elsewhere, after checking all of it.
    ///
    /// # Errors
    ///
    /// As [`EventRef::parse`].
    pub fn from_record(record: Vec<u8>) -> Result<Self, EventError> {
        let topic_hash = EventRef::parse(&record)?.topic_hash();
        Ok(Self {
            record: record.into(),
            topic_hash,
        })
    }

    /// Views it.
    #[allow(
        clippy::should_implement_trait,
        reason = "AsRef cannot return a view by value"
    )]
    pub fn as_ref(&self) -> EventRef<'_> {
        EventRef::trusted(&self.record, self.topic_hash)
    }

    pub(super) fn from_trusted(event: EventRef<'_>) -> Self {
        Self {
            record: event.record().into(),
            topic_hash: event.topic_hash(),
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl<'a> From<&'a Event> for EventRef<'a> {
    fn from(event: &'a Event) -> Self {
        event.as_ref()
    }
}

impl From<EventRef<'_>> for Event {
    fn from(event: EventRef<'_>) -> Self {
        event.to_event()
    }
}
