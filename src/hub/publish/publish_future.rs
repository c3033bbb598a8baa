//! Publishing as a task.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::submit::{Publish, outcome, settled};
use super::{PublishOptions, RoomTicket};
use crate::event::{AsEvent, Event, Position};
use crate::hub::journal_read::StreamLookUp;
use crate::hub::{Hub, HubPublishError};
use crate::ring::{Notify, TaskWaker};

/// Waits for room, publishes, and waits for the outcome; see
/// [`HubPublisher::publish_async`](crate::hub::HubPublisher::publish_async).
#[must_use = "a future does nothing unless it is polled"]
pub(super) struct PublishFuture {
    hub: Hub,
    event: Event,
    options: PublishOptions,
    waker: Arc<TaskWaker>,
    ticket: Option<RoomTicket>,
    /// The look-up of its stream: a task waits for no disk.
    look_up: Option<StreamLookUp>,
    are_streams_known: bool,
    offsets: Option<Range<u64>>,
}

impl PublishFuture {
    pub(super) fn new(hub: Hub, event: Event, options: PublishOptions) -> Self {
        Self {
            hub,
            event,
            options,
            waker: TaskWaker::new(),
            ticket: None,
            look_up: None,
            are_streams_known: false,
            offsets: None,
        }
    }

    /// Returns whether the hub knows the stream of the event, as far as the journal does. If not, it is looked up.
    fn knows_stream(&mut self) -> Result<bool, HubPublishError> {
        let event = self.event.as_event();
        if let Some(look_up) = &self.look_up {
            let Some(result) = look_up.result() else {
                return Ok(false);
            };
            self.look_up = None;
            result?;
        } else if !self.are_streams_known && event.stream().is_some() {
            let notify = || -> Arc<dyn Notify> { self.waker.clone() };
            let events = [event].into_iter();
            self.look_up = StreamLookUp::begin(&self.hub.shared, events, notify)?;
            if self.look_up.is_some() {
                return Ok(false);
            }
        }
        self.are_streams_known = true;
        Ok(true)
    }

    /// Publishes, as soon as there is room and its stream is known; `None`: not yet.
    fn publish(&mut self) -> Result<Option<Range<u64>>, HubPublishError> {
        if !self.knows_stream()? {
            return Ok(None);
        }
        loop {
            let event = |_| self.event.as_event();
            let mut publish = Publish::new(1, event, &self.options);
            publish.are_streams_known = true;
            match publish.submit(&self.hub.shared, self.ticket.as_ref()) {
                // Once more with a place in line: there may have come room before it had one.
                Err(HubPublishError::Full) if self.ticket.is_none() => {
                    let notify = self.waker.clone();
                    self.ticket = Some(RoomTicket::join(&self.hub.shared, notify));
                }
                Err(HubPublishError::Full) => return Ok(None),
                offsets => {
                    self.ticket = None;
                    return offsets.map(Some);
                }
            }
        }
    }

    fn forget(&self) {
        if let Some(journal) = &self.hub.shared.journal {
            let notify: Arc<dyn Notify> = self.waker.clone();
            journal.completions().remove(&notify);
        }
    }
}

impl Future for PublishFuture {
    type Output = Result<Position, HubPublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Before it looks: whoever wakes it from here on finds the waker.
        self.waker.register(cx.waker());
        let offsets = match self.offsets.clone() {
            Some(offsets) => offsets,
            None => match self.publish()? {
                Some(offsets) => self.offsets.insert(offsets).clone(),
                None => return Poll::Pending,
            },
        };
        let shared = &self.hub.shared;
        let position = shared.position(offsets.start);
        let Some(journal) = &shared.journal else {
            return Poll::Ready(Ok(position));
        };
        if outcome(shared, &offsets).is_none() {
            self.forget();
            let notify = self.waker.clone();
            // An offset is one more than its sequence.
            journal.completions().add(offsets.end - 1, notify);
        }
        match outcome(shared, &offsets) {
            None => Poll::Pending,
            Some(outcome) => {
                let event = Some(self.event.as_event());
                let settled = settled(shared, journal, outcome, &offsets, event);
                Poll::Ready(settled.map(|()| position))
            }
        }
    }
}

impl Drop for PublishFuture {
    fn drop(&mut self) {
        self.forget();
    }
}

impl fmt::Debug for PublishFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishFuture").finish_non_exhaustive()
    }
}
