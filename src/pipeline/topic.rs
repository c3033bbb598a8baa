//! Callbacks by topic.

use parking_lot::Mutex;

use crate::event::{AsEvent, Event, EventBuilder, EventRef, Position};
use crate::hub::{HubError, HubPublishError, Subscription, SubscriptionError};

use super::handler::HandlerError;
use super::memory::InMemoryStream;

/// Publishes under topics and shows events to the handlers of a topic or pattern. `*` really is every topic, those that
/// are made later too, and an event that is published is never changed.
///
/// # Examples
///
/// ```
/// use eventring::pipeline::TopicStream;
/// use eventring::Event;
///
/// let stream = TopicStream::new();
/// stream.subscribe("*", |event| { println!("{}", event.topic()); Ok(()) }).unwrap();
/// let event = Event::builder("any", "t").build().unwrap();
/// stream.publish("a", &event).unwrap();
/// stream.publish("b.c", &event).unwrap();
/// assert_eq!(stream.topics(), ["a", "b.c"]);
/// assert_eq!(event.topic(), "any");
/// ```
#[derive(Debug, Default)]
pub struct TopicStream {
    stream: InMemoryStream,
    builder: Mutex<EventBuilder>,
}

impl TopicStream {
    /// Creates one that keeps 1,000 events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates one that keeps so many events, over all topics.
    ///
    /// # Errors
    ///
    /// As [`InMemoryStream::with_capacity`].
    pub fn with_capacity(events: usize) -> Result<Self, HubError> {
        Ok(Self {
            stream: InMemoryStream::with_capacity(events)?,
            builder: Mutex::default(),
        })
    }

    /// Publishes a copy of an event under a topic.
    ///
    /// # Errors
    ///
    /// [`HubPublishError::Invalid`] for what is no topic name; else as [`InMemoryStream::publish`].
    pub fn publish(&self, topic: &str, event: impl AsEvent) -> Result<Position, HubPublishError> {
        let event = event.as_event();
        // The usual case needs no copy.
        if event.topic() == topic {
            return self.stream.publish(event);
        }
        let moved: Event = self.builder.lock().copy_from(event).topic(topic).build()?;
        // The builder's lock is released by now: handlers run in there, and may publish here again.
        self.stream.publish(&moved)
    }

    /// Shows events of a topic or pattern to a handler; `*` is every topic.
    ///
    /// # Errors
    ///
    /// As [`InMemoryStream::subscribe`].
    pub fn subscribe(
        &self,
        topic: &str,
        handle: impl Fn(EventRef<'_>) -> Result<(), HandlerError> + Send + Sync + 'static,
    ) -> Result<String, SubscriptionError> {
        self.stream.subscribe(topic, handle)
    }

    /// Ends a subscription; `false` where there is none.
    pub fn unsubscribe(&self, id: &str) -> bool {
        self.stream.unsubscribe(id)
    }

    /// Returns the topics that something was published on, sorted.
    pub fn topics(&self) -> Vec<String> {
        self.stream.hub().topics()
    }

    /// Returns the last so many events of a topic or pattern, oldest first; none for what is no pattern.
    pub fn recent(&self, topic: &str, count: usize) -> Vec<Event> {
        let pattern = if topic == "*" { ">" } else { topic };
        self.stream.recent_of(Subscription::topic(pattern), count)
    }

    /// Returns the stream beneath.
    pub fn stream(&self) -> &InMemoryStream {
        &self.stream
    }
}
