//! The hub itself: one ring, one lock to publish, cursors to read.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::event::{Epoch, Limits, Position, Record};
use crate::ring::Ring;

use crate::hub::builder::HubBuilder;
use crate::hub::class::Classes;
use crate::hub::publish::Publisher;
use crate::hub::shared::Shared;
use crate::hub::subscribe::Registry;
use crate::hub::topics::TimeIndex;
use crate::hub::wait::WakeRouter;

/// Events in one total order: publish on any thread, receive on any other.
///
/// Cloning it gives another handle to the same hub. When the last handle goes, the hub is closed.
///
/// Everything is in memory: the epoch is new at each start, and offsets count from 1.
///
/// # Examples
///
/// ```
/// use eventring::event::Event;
/// use eventring::hub::{Hub, Start, Subscription};
///
/// let hub = Hub::new();
/// let publisher = hub.clone();
/// std::thread::spawn(move || publisher.publish(Event::new("a", "t").build().unwrap())).join().unwrap()?;
/// let mut late = hub.subscribe(Subscription::all().start(Start::Beginning)).unwrap();
/// assert_eq!(late.try_recv().unwrap().position, hub.position());
/// # Ok::<(), eventring::hub::PublishError>(())
/// ```
#[derive(Clone)]
pub struct Hub {
    pub(in crate::hub) shared: Arc<Shared>,
    /// Goes with the last handle.
    _open: Arc<Open>,
}

/// Closes the hub when the last handle goes; receivers may outlive it.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What a hub holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events published, which is the newest offset.
    pub published: u64,
    /// The oldest offset that is kept.
    pub earliest: u64,
    /// Events that went before their time because of `ring_bytes`.
    pub trimmed: u64,
    /// Events on topics that are not listed, because there were `topics_max` of them.
    pub untracked: u64,
    /// Topics of which something is known: those that are listed, and those of which the ring has, or had lately, an
    /// event.
    pub topics_known: usize,
    /// Bytes of events on the heap, beside the ring's slots.
    pub heap_bytes: usize,
    /// Receivers and readers.
    pub readers: usize,
    /// Different filters in use.
    pub classes: usize,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Hub {
    /// Creates a hub with the default settings.
    pub fn new() -> Self {
        // The defaults are in range: a test builds them.
        Self::builder()
            .build()
            .expect("the default settings are in range")
    }

    /// Starts with settings.
    pub fn builder() -> HubBuilder {
        HubBuilder::default()
    }

    pub(in crate::hub) fn from_parts(
        publisher: Publisher,
        ring: Ring<Record>,
        times: Arc<Mutex<TimeIndex>>,
        (ring_bytes, limits): (usize, Limits),
    ) -> Self {
        let shared = Shared {
            ring,
            publisher: Mutex::new(publisher),
            times,
            classes: Classes::default(),
            registry: Registry::default(),
            wake_router: WakeRouter::default(),
            epoch: Epoch::random(),
            limits: limits.honoured(),
            ring_bytes,
        };
        let shared = Arc::new(shared);
        Self {
            _open: Arc::new(Open(shared.clone())),
            shared,
        }
    }

    /// Returns the identity of this hub's log.
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// Returns the newest offset, 0 before the first.
    pub fn head(&self) -> u64 {
        self.shared.ring.head()
    }

    /// Returns the newest offset that readers may see: in a memory hub, [`head`](Self::head).
    pub fn visible(&self) -> u64 {
        self.head()
    }

    /// Returns the oldest offset that is kept; the next one to be published where none is.
    pub fn earliest(&self) -> u64 {
        self.shared.ring.oldest() + 1
    }

    /// Returns the position of the newest event.
    pub fn position(&self) -> Position {
        self.at(self.head())
    }

    /// Returns how many events are kept at most.
    pub fn capacity(&self) -> usize {
        self.shared.ring.capacity()
    }

    /// Returns the limits of each event.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Returns how many events one batch may hold: half the capacity.
    pub fn batch_events_max(&self) -> usize {
        (self.capacity() / 2).max(1)
    }

    /// Returns how many bytes of records one batch may hold: half of `ring_bytes`.
    pub fn batch_bytes_max(&self) -> usize {
        self.shared.ring_bytes / 2
    }

    /// Closes the hub: nothing more is published; who reads gets what is kept and then learns that it is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::event::Event;
    /// use eventring::hub::{Hub, PublishError, RecvError, Subscription};
    ///
    /// let hub = Hub::new();
    /// let mut receiver = hub.subscribe(Subscription::all()).unwrap();
    /// let event = Event::new("a", "t").to_event().unwrap();
    /// hub.publish(&event).unwrap();
    /// hub.close();
    /// assert_eq!(hub.publish(&event), Err(PublishError::Closed));
    /// assert_eq!(receiver.recv().unwrap().position.offset, 1);
    /// assert_eq!(receiver.recv(), Err(RecvError::Closed));
    /// ```
    pub fn close(&self) {
        self.shared.close();
    }

    /// Returns whether the hub is closed.
    pub fn is_closed(&self) -> bool {
        self.shared.ring.is_closed()
    }

    /// Returns what the hub holds now.
    pub fn stats(&self) -> Stats {
        let (heap_bytes, trimmed, untracked, topics_known) = {
            let publisher = self.shared.publisher.lock();
            (
                publisher.heap_bytes(),
                publisher.trimmed(),
                publisher.topics.untracked(),
                publisher.topics.known(),
            )
        };
        Stats {
            published: self.head(),
            earliest: self.earliest(),
            trimmed,
            untracked,
            topics_known,
            heap_bytes,
            readers: self.shared.ring.subscriber_count(),
            classes: self.shared.classes.len(),
        }
    }

    /// For who looks back without a receiver.
    #[cfg(feature = "gateway")]
    pub(crate) fn look_back(&self) -> &Shared {
        &self.shared
    }

    pub(in crate::hub) fn at(&self, offset: u64) -> Position {
        Position {
            epoch: self.shared.epoch,
            offset,
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("position", &self.position())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
