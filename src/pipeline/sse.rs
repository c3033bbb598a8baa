//! A stream whose subscribers pull: as events, or as the frames of an SSE body.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;

use crate::event::{AsEvent, DataKind, Position};
use crate::hub::{
    Delivery, Gap, GapReason, Hub, HubPublishError, ReceiveTimeoutError, Receiver, Subscription,
    SubscriptionError,
};
use crate::wire::sse::{self, Frame, FrameError};

/// Silence after which a subscriber gets a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// The type of an event that SSE clients assume where none is given.
const DEFAULT_TYPE: &str = "message";

/// Events for subscribers that pull them, with a heartbeat after 30 seconds of silence.
///
/// A web framework that streams bodies hands [`frames`](Self::frames) to its client as they come. Who
/// serves many connections wants the gateway's server instead, which needs no thread for each.
///
/// # Examples
///
/// ```
/// use eventring::pipeline::{SseStreamItem, SseStream};
/// use eventring::{Event, Hub};
///
/// let stream = SseStream::new(Hub::new());
/// let id = stream.subscribe("orders.*")?;
/// stream.publish(Event::builder("orders.created", "order").text("7").build()?)?;
/// let mut events = stream.events(&id)?;
/// let Some(SseStreamItem::Event(delivery)) = events.next() else { panic!("an event is there") };
/// assert_eq!(delivery.event.data(), b"7");
///
/// assert!(stream.frames("nobody").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SseStream {
    hub: Hub,
    heartbeat: Duration,
    /// Those whose events nobody has taken yet.
    waiting: Mutex<HashMap<String, Receiver>>,
}

/// Why there are no events for an id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SseStreamError {
    /// Nobody subscribed with this id, or the subscription has ended.
    #[error("there is no subscription {id:?}")]
    Unknown {
        /// The id.
        id: String,
    },
    /// Somebody else reads them already.
    #[error("the events of subscription {id:?} are read already")]
    Taken {
        /// The id.
        id: String,
    },
}

/// The next thing that a subscriber gets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SseStreamItem {
    /// An event.
    Event(Delivery),
    /// Events that went before they were read.
    Gap(Gap),
    /// A heartbeat: no event came for its interval.
    Heartbeat,
}

impl SseStream {
    /// Creates a stream on a hub, with a heartbeat of 30 seconds.
    pub fn new(hub: Hub) -> Self {
        Self::with_heartbeat(hub, HEARTBEAT)
    }

    /// Creates a stream with another heartbeat; what is below a millisecond counts as one.
    pub fn with_heartbeat(hub: Hub, heartbeat: Duration) -> Self {
        Self {
            hub,
            // With zero it would never wait, and give nothing but heartbeats.
            heartbeat: heartbeat.max(Duration::from_millis(1)),
            waiting: Mutex::default(),
        }
    }

    /// Publishes an event.
    ///
    /// # Errors
    ///
    /// [`HubPublishError`].
    pub fn publish(&self, event: impl AsEvent) -> Result<Position, HubPublishError> {
        self.hub.publish(event)
    }

    /// Subscribes; what is published from now on waits for whoever asks for the events of the id.
    ///
    /// # Errors
    ///
    /// [`SubscriptionError`].
    pub fn subscribe(
        &self,
        subscription: impl Into<Subscription>,
    ) -> Result<String, SubscriptionError> {
        let receiver = self.hub.subscribe(subscription)?;
        let id = receiver.id().to_owned();
        // One that has ended and was never read: it goes, and with it its condition, when the lock is released.
        let old = self.waiting.lock().insert(id.clone(), receiver);
        drop(old);
        Ok(id)
    }

    /// Ends a subscription, and the iterator that reads its events; `false`: there is none.
    pub fn unsubscribe(&self, id: &str) -> bool {
        // Both are asked: one that is being read has left `waiting`, and one that has ended has left the hub.
        let known = self.hub.unsubscribe(id);
        let waited = self.waiting.lock().remove(id);
        known || waited.is_some()
    }

    /// The events of a subscription. The iterator waits for them; it ends when the subscription does,
    /// and the subscription when it is dropped.
    ///
    /// # Errors
    ///
    /// [`SseStreamError`], and never an empty iterator, for an id that is unknown or taken.
    pub fn events(&self, id: &str) -> Result<SseEvents, SseStreamError> {
        let receiver = self.waiting.lock().remove(id);
        let receiver = receiver.ok_or_else(|| {
            let id = id.to_owned();
            match self.hub.subscription(&id) {
                Some(_) => SseStreamError::Taken { id },
                None => SseStreamError::Unknown { id },
            }
        })?;
        Ok(SseEvents {
            receiver,
            heartbeat: self.heartbeat,
        })
    }

    /// The same as the frames of an SSE body, each whole: an event with its position as `id:`, a `gap`
    /// with the number that is missing, a comment as heartbeat.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events).
    pub fn frames(&self, id: &str) -> Result<SseFrames, SseStreamError> {
        let epoch = self.hub.epoch();
        let events = self.events(id)?;
        Ok(SseFrames { events, epoch })
    }
}

/// The events of a subscription; see [`SseStream::events`].
#[derive(Debug)]
pub struct SseEvents {
    receiver: Receiver,
    heartbeat: Duration,
}

impl Iterator for SseEvents {
    type Item = SseStreamItem;

    fn next(&mut self) -> Option<SseStreamItem> {
        match self.receiver.recv_timeout(self.heartbeat) {
            Ok(delivery) => Some(SseStreamItem::Event(delivery)),
            Err(ReceiveTimeoutError::TimedOut) => Some(SseStreamItem::Heartbeat),
            Err(ReceiveTimeoutError::Gap(gap)) => Some(SseStreamItem::Gap(gap)),
            Err(
                ReceiveTimeoutError::Closed
                | ReceiveTimeoutError::Unsubscribed
                | ReceiveTimeoutError::TopicDeleted,
            ) => None,
        }
    }
}

/// The frames of a subscription; see [`SseStream::frames`].
#[derive(Debug)]
pub struct SseFrames {
    events: SseEvents,
    epoch: crate::event::Epoch,
}

impl Iterator for SseFrames {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        Some(match self.events.next()? {
            SseStreamItem::Event(delivery) => {
                event_frame(&delivery).unwrap_or_else(|_| self.malformed(&delivery))
            }
            SseStreamItem::Gap(gap) => self.gap_frame(word(gap.reason), gap),
            SseStreamItem::Heartbeat => ":\n\n".to_owned(),
        })
    }
}

impl SseFrames {
    /// Tells of an event that cannot be written as a frame.
    fn malformed(&self, delivery: &Delivery) -> String {
        let gap = Gap {
            missed: 1,
            resume_at: delivery.position.offset + 1,
            exact: true,
            reason: GapReason::Damaged,
        };
        self.gap_frame("malformed", gap)
    }

    fn gap_frame(&self, reason: &str, gap: Gap) -> String {
        let Gap {
            missed,
            resume_at,
            exact,
            ..
        } = gap;
        let earliest = Position {
            epoch: self.epoch,
            offset: resume_at,
        };
        // The id of the last event that is missing: a client that comes back with it goes on behind the gap.
        let before = Position {
            offset: resume_at - 1,
            ..earliest
        };
        let data = format!(
            r#"{{"reason":"{reason}","earliest":"{earliest}","missing":{missed},"exact":{exact}}}"#
        );
        // An id and a name of our own hold no line end.
        frame(&before.to_string(), "gap", data.as_bytes()).unwrap_or_default()
    }
}

/// The word for a reason on the wire, where whatever is kept no longer is gone by retention.
fn word(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Overrun => GapReason::Retention.name(),
        reason => reason.name(),
    }
}

fn event_frame(delivery: &Delivery) -> Result<String, FrameError> {
    let event = delivery.event.as_ref();
    let mut encoded = Vec::new();
    let data = match event.data_kind() {
        DataKind::Binary => {
            event.write_data_base64(&mut encoded);
            &encoded
        }
        _ => event.data(),
    };
    // HTML, server-sent events: an event without a name is dispatched as `message`.
    let name = match event.ty() {
        DEFAULT_TYPE => "",
        ty => ty,
    };
    frame(&delivery.position.to_string(), name, data)
}

/// A frame as text. What is not UTF-8 comes as U+FFFD, which is what every client would make of it.
fn frame(id: &str, name: &str, data: &[u8]) -> Result<String, FrameError> {
    let mut bytes = Vec::with_capacity(data.len() + 64);
    let frame = Frame {
        id: id.as_bytes(),
        event: name,
        data,
        retry: None,
    };
    sse::encode(&mut bytes, frame)?;
    // Always UTF-8, since binary data is base 64 by now: the second way only saves a panic.
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}
