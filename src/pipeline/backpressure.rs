//! A bounded stream whose publishers wait for its slowest reader.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use thiserror::Error;

use crate::event::{AsEvent, EventRef, Position};
use crate::hub::{
    Controls, Hub, HubError, HubPublishError, Item, Receiver, Subscription, SubscriptionError,
};
use crate::settings::setters;

/// Settings of a [`BackpressureStream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackpressureConfig {
    /// Events that wait beside those in the readers' buffers. Default 1,000; at least 1.
    pub buffer: usize,
    /// Events that a reader may be behind before they count as waiting. Default 100.
    pub reader_buffer: usize,
    /// Bytes of events that some reader has not passed yet. Default 64 MiB; an event must fit in. Beside
    /// them the stream keeps events that everybody has passed until they are overwritten: as many bytes, and at most
    /// 128 of the largest events.
    pub buffer_bytes: usize,
    /// Longest wait of a publish for room. Default 5 s.
    pub publish_timeout: Duration,
    /// A reader to whom nothing came for so long gets a heartbeat. Default 30 s; `None` for none.
    pub heartbeat: Option<Duration>,
}

impl Default for BackpressureConfig {
    fn default() -> Self {
        Self {
            buffer: 1_000,
            reader_buffer: 100,
            buffer_bytes: 64 << 20,
            publish_timeout: Duration::from_secs(5),
            heartbeat: Some(Duration::from_secs(30)),
        }
    }
}

setters! {
    BackpressureConfig {
        buffer: usize,
        reader_buffer: usize,
        buffer_bytes: usize,
        publish_timeout: Duration,
        heartbeat: Option<Duration>,
    }
}

/// Says why nothing was published, or why the stream was not started.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BackpressureError {
    /// The stream was not started.
    #[error("the stream was not started")]
    NotStarted,
    /// The stream was started before.
    #[error("the stream was started before")]
    AlreadyStarted,
    /// The stream was stopped.
    #[error("the stream was stopped")]
    Stopped,
    /// The event is larger than everything that may wait.
    #[error("{bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// Bytes of its record.
        bytes: usize,
        /// The stream's `buffer_bytes`.
        limit: usize,
    },
    /// A reader is too far behind, and stayed so.
    #[error("no room in time")]
    TimedOut,
    /// The event is none.
    #[error(transparent)]
    Publish(#[from] HubPublishError),
}

/// The events that a stop left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Events that readers had not taken at the deadline, over all readers; those can still be taken.
    pub left: u64,
}

/// Never loses an event for a reader: when one is too far behind, publishers wait, and then are refused.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use eventring::hub::Item;
/// use eventring::pipeline::{BackpressureConfig, BackpressureStream};
/// use eventring::Event;
///
/// let config = BackpressureConfig::default().buffer(2).reader_buffer(0).publish_timeout(Duration::ZERO);
/// let stream = BackpressureStream::new(config).unwrap();
/// let event = Event::builder("t", "t").build().unwrap();
/// assert!(!stream.publish(&event), "not started");
/// stream.start().unwrap();
/// let mut reader = stream.subscribe("*").unwrap();
/// assert!(stream.publish(&event) && stream.publish(&event));
/// assert!(!stream.publish(&event), "full, and nobody reads");
/// assert!(matches!(reader.next(), Some(Item::Event(_))));
/// assert!(stream.publish(&event));
/// assert_eq!(stream.stop(Duration::ZERO).left, 2);
/// ```
pub struct BackpressureStream {
    shared: Arc<Shared>,
    config: BackpressureConfig,
}

struct Shared {
    hub: Hub,
    state: Mutex<State>,
    /// A reader went on, came or left, or the stream stops.
    changed: Condvar,
}

struct State {
    phase: Phase,
    /// The offset that each reader has passed.
    passed: HashMap<u64, u64>,
    /// At most what the slowest reader has passed.
    slowest: u64,
    /// Bytes of each event after that one, and their sum.
    sizes: VecDeque<usize>,
    bytes: usize,
    made: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Running,
    Stopped,
}

impl BackpressureStream {
    /// Creates a stream that is not started.
    ///
    /// # Errors
    ///
    /// [`HubError`] for a buffer of 0 and for what memory cannot hold.
    pub fn new(config: BackpressureConfig) -> Result<Self, HubError> {
        // 0 stays 0, for the hub to refuse: buffers of readers alone are nothing to publish into.
        let capacity = match config.buffer {
            0 => 0,
            buffer => buffer.saturating_add(config.reader_buffer),
        };
        let hub = Hub::builder()
            .capacity(capacity)
            .ring_bytes(ring_bytes(config.buffer_bytes))
            .build()?;
        let state = State {
            phase: Phase::New,
            passed: HashMap::new(),
            slowest: 0,
            sizes: VecDeque::new(),
            bytes: 0,
            made: 0,
        };
        Ok(Self {
            shared: Arc::new(Shared {
                hub,
                state: Mutex::new(state),
                changed: Condvar::new(),
            }),
            config,
        })
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// [`AlreadyStarted`](BackpressureError::AlreadyStarted), [`Stopped`](BackpressureError::Stopped).
    pub fn start(&self) -> Result<(), BackpressureError> {
        let mut state = self.shared.state.lock();
        match state.phase {
            Phase::New => state.phase = Phase::Running,
            Phase::Running => return Err(BackpressureError::AlreadyStarted),
            Phase::Stopped => return Err(BackpressureError::Stopped),
        }
        Ok(())
    }

    /// Publishes an event; `false` if it was not, for whatever reason.
    pub fn publish(&self, event: impl AsEvent) -> bool {
        self.publish_or(event).is_ok()
    }

    /// Publishes an event, and waits for room as long as the settings say.
    ///
    /// # Errors
    ///
    /// [`BackpressureError`] says why it was not.
    pub fn publish_or(&self, event: impl AsEvent) -> Result<Position, BackpressureError> {
        // A timeout that ends beyond what the clock can say is none: the publish waits for ever.
        self.publish_until(
            event.as_event(),
            Instant::now().checked_add(self.config.publish_timeout),
        )
    }

    /// Publishes an event if there is room.
    ///
    /// # Errors
    ///
    /// As [`publish_or`](Self::publish_or), at once.
    pub fn try_publish(&self, event: impl AsEvent) -> Result<Position, BackpressureError> {
        self.publish_until(event.as_event(), Some(Instant::now()))
    }

    fn publish_until(
        &self,
        event: EventRef<'_>,
        deadline: Option<Instant>,
    ) -> Result<Position, BackpressureError> {
        let (bytes, limit) = (size(event), self.config.buffer_bytes);
        // Before any wait: no reader can make room for it.
        if bytes > limit {
            return Err(BackpressureError::TooLarge { bytes, limit });
        }
        let hub = &self.shared.hub;
        // One lock over the look for room and the publish: two publishers must not take the same room.
        let mut state = self.shared.state.lock();
        loop {
            match state.phase {
                Phase::New => return Err(BackpressureError::NotStarted),
                Phase::Stopped => return Err(BackpressureError::Stopped),
                Phase::Running => {}
            }
            if state.has_room(hub.head(), hub.capacity(), limit - bytes) {
                let position = hub.publish(event)?;
                // After the publish: an event that the hub refuses takes no room.
                state.sizes.push_back(bytes);
                state.bytes += bytes;
                return Ok(position);
            }
            let timed_out = match deadline {
                Some(deadline) => self
                    .shared
                    .changed
                    .wait_until(&mut state, deadline)
                    .timed_out(),
                None => {
                    self.shared.changed.wait(&mut state);
                    false
                }
            };
            // Once more at the end: what made room and the deadline may have come together.
            if timed_out && !state.has_room(hub.head(), hub.capacity(), limit - bytes) {
                return Err(BackpressureError::TimedOut);
            }
        }
    }

    /// Makes a reader of a topic or pattern (`*` is every topic), from now on.
    ///
    /// # Errors
    ///
    /// [`SubscriptionError`] for what is no pattern.
    pub fn subscribe(&self, topic: &str) -> Result<Consumer, SubscriptionError> {
        let controls = Controls {
            heartbeat: self.config.heartbeat,
            ..Controls::none()
        };
        let pattern = if topic == "*" { ">" } else { topic };
        // Under the lock: nothing is published between where it begins and when it counts.
        let mut state = self.shared.state.lock();
        let receiver = self
            .shared
            .hub
            .subscribe(Subscription::topic(pattern).controls(controls))?;
        let key = state.made;
        state.made += 1;
        state.passed.insert(key, receiver.position().offset);
        Ok(Consumer {
            receiver,
            shared: self.shared.clone(),
            key,
        })
    }

    /// Stops it: nothing more is published, and readers get what is there and then end. Waits until they have, so long
    /// at most.
    pub fn stop(&self, timeout: Duration) -> Drained {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.shared.state.lock();
        state.phase = Phase::Stopped;
        // Publishers that wait for room are to fail now, and readers to end behind what is there.
        self.shared.changed.notify_all();
        self.shared.hub.close();
        // After the close, so that nothing comes behind it.
        let head = self.shared.hub.head();
        while state.left(head) > 0 {
            match deadline {
                Some(deadline) => {
                    if self
                        .shared
                        .changed
                        .wait_until(&mut state, deadline)
                        .timed_out()
                    {
                        break;
                    }
                }
                None => self.shared.changed.wait(&mut state),
            }
        }
        Drained {
            left: state.left(head),
        }
    }
}

impl State {
    /// Returns whether one more event may wait, with so many bytes of others.
    fn has_room(&mut self, head: u64, events: usize, bytes: usize) -> bool {
        let fits = |this: &Self| this.sizes.len() < events && this.bytes <= bytes;
        // The slowest reader is looked for only when its last known place is too far back: not for each event.
        if !fits(self) {
            // Where nobody reads, nobody is behind.
            let slowest = self.passed.values().copied().min().unwrap_or(head);
            while self.slowest < slowest {
                self.slowest += 1;
                self.bytes -= self.sizes.pop_front().unwrap_or_default();
            }
        }
        fits(self)
    }

    fn left(&self, head: u64) -> u64 {
        self.passed.values().map(|passed| head - passed).sum()
    }
}

/// Returns the bytes that an event takes of those that may wait, as the hub counts.
fn size(event: EventRef<'_>) -> usize {
    event.record().len().next_multiple_of(64)
}

/// The hub lets go of the oldest 64 events at once where it has too many bytes. With so many more than may wait, at
/// least those 64 were passed by everybody.
fn ring_bytes(buffer_bytes: usize) -> usize {
    let largest = buffer_bytes.min(RECORD_BYTES_MAX);
    let spare = largest.saturating_mul(2 * 64);
    buffer_bytes
        .saturating_add(spare)
        .clamp(64 << 10, usize::MAX / 2)
}

/// No record is larger: the payload, and 64 attributes and a few more of 16 KiB.
const RECORD_BYTES_MAX: usize = 4 << 20;

/// Reads a [`BackpressureStream`]. As an iterator it waits, and ends once the stream is stopped and everything was read.
/// Dropping it unsubscribes.
pub struct Consumer {
    receiver: Receiver,
    shared: Arc<Shared>,
    key: u64,
}

impl Consumer {
    /// Takes the next event or heartbeat, and waits so long at most; `None` where nothing came, or nothing will.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Item> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let left = deadline.map_or(Duration::MAX, |at| {
                at.saturating_duration_since(Instant::now())
            });
            let item = self.receiver.next_item_timeout(left);
            // Whatever came: a reader also passes events that it does not want.
            self.pass();
            match item {
                Ok(Some(Item::CaughtUp(_))) => {}
                Ok(item) => return item,
                Err(_) => return None,
            }
        }
    }

    /// Returns its id.
    pub fn id(&self) -> &str {
        self.receiver.id()
    }

    /// Tells publishers how far it is.
    fn pass(&self) {
        let mut state = self.shared.state.lock();
        state
            .passed
            .insert(self.key, self.receiver.position().offset);
        self.shared.changed.notify_all();
    }
}

impl Iterator for Consumer {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            let item = self.receiver.next_item();
            self.pass();
            match item {
                Ok(Item::CaughtUp(_)) => {}
                Ok(item) => return Some(item),
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        // A reader that is gone holds nobody back.
        state.passed.remove(&self.key);
        self.shared.changed.notify_all();
    }
}

impl fmt::Debug for BackpressureStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackpressureStream")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Consumer").field(&self.receiver).finish()
    }
}
