//! Publishing as a task.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{PublishOptions, submit};
use crate::event::{AsEvent, Event, Position};
use crate::hub::{Hub, HubPublishError};

/// Waits for room, publishes, and waits for the outcome; see
/// [`HubPublisher::publish_async`](crate::hub::HubPublisher::publish_async).
#[must_use = "a future does nothing unless it is polled"]
pub(super) struct PublishFuture {
    hub: Hub,
    event: Event,
    options: PublishOptions,
}

impl PublishFuture {
    pub(super) fn new(hub: Hub, event: Event, options: PublishOptions) -> Self {
        Self {
            hub,
            event,
            options,
        }
    }
}

impl Future for PublishFuture {
    type Output = Result<Position, HubPublishError>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = &self.hub.shared;
        let event = |_| self.event.as_event();
        let offsets = submit::submit_all(shared, 1, event, &self.options, None, None);
        Poll::Ready(offsets.map(|offsets| shared.position(offsets.start)))
    }
}

impl fmt::Debug for PublishFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishFuture").finish_non_exhaustive()
    }
}
