//! Something that takes events, and one event to many of them.

use crate::event::{AsEvent, EventRef, Position};
use crate::hub::{Hub, HubPublishError};

use super::backpressure::BackpressureStream;
use super::batching::BatchingStream;
use super::handler::{Failure, guarded};
use super::memory::InMemoryStream;
use super::{BackpressureError, HandlerError};

/// Takes events.
pub trait EventSink: Send + Sync {
    /// Takes one.
    ///
    /// # Errors
    ///
    /// Why it did not.
    fn accept(&self, event: EventRef<'_>) -> Result<(), HandlerError>;
}

impl EventSink for Hub {
    fn accept(&self, event: EventRef<'_>) -> Result<(), HandlerError> {
        published(self.publish(event))
    }
}

impl EventSink for InMemoryStream {
    fn accept(&self, event: EventRef<'_>) -> Result<(), HandlerError> {
        published(self.publish(event))
    }
}

impl EventSink for BackpressureStream {
    fn accept(&self, event: EventRef<'_>) -> Result<(), HandlerError> {
        let done: Result<Position, BackpressureError> = self.publish_or(event);
        done.map(|_| ())
            .map_err(|error| HandlerError(error.to_string()))
    }
}

impl EventSink for BatchingStream {
    fn accept(&self, event: EventRef<'_>) -> Result<(), HandlerError> {
        self.add(event)
            .map_err(|error| HandlerError(error.to_string()))
    }
}

impl<S: EventSink + ?Sized> EventSink for std::sync::Arc<S> {
    fn accept(&self, event: EventRef<'_>) -> Result<(), HandlerError> {
        (**self).accept(event)
    }
}

/// Gives one event to many, and says of each what came of it. One that fails or panics does not keep it from the rest.
///
/// # Examples
///
/// ```
/// use eventring::pipeline::{InMemoryStream, broadcast};
/// use eventring::{Event, Hub};
///
/// let (hub, stream) = (Hub::new(), InMemoryStream::new());
/// hub.close();
/// let done = broadcast(&[&hub, &stream], &Event::builder("t", "t").build().unwrap());
/// assert_eq!(done[0].as_ref().unwrap_err().to_string(), "the hub is closed");
/// assert!(done[1].is_ok());
/// ```
pub fn broadcast(sinks: &[&dyn EventSink], event: impl AsEvent) -> Vec<Result<(), Failure>> {
    let event = event.as_event();
    // One guard each: a sink that panics must not keep the event from the others.
    sinks
        .iter()
        .map(|sink| guarded(|| sink.accept(event)))
        .collect()
}

fn published(done: Result<Position, HubPublishError>) -> Result<(), HandlerError> {
    done.map(|_| ())
        .map_err(|error| HandlerError(error.to_string()))
}
