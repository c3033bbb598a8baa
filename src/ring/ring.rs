//! The handle of a ring for everybody but its publisher.

use super::builder::Start;
use super::core::Core;
use super::error::{SubscribeError, UpstreamError};
use super::read::{Reader, ReaderGroup, Subscriber};
use super::stage::{Side, Upstream};
use super::wait::{Awaited, FencePair, Notify, Waiter};
use std::fmt;
#[cfg(any(feature = "hub", feature = "_loom"))]
use std::ops::Range;
use std::sync::Arc;

/// A handle to look at a ring and to subscribe to it. Clones are handles of the same ring.
pub struct Ring<T> {
    core: Arc<Core<T>>,
}

impl<T> Ring<T> {
    pub(super) fn new(core: Arc<Core<T>>) -> Self {
        Self { core }
    }

    /// Returns the next sequence to be published, which is also how many have been.
    pub fn head(&self) -> u64 {
        self.core.head().next
    }

    /// Returns the sequence up to which readers may read: the barrier of a [staged](super::Builder::staged) ring, head
    /// of any other.
    pub fn visible(&self) -> u64 {
        self.core.bound(Side::Downstream).next
    }

    /// Returns the oldest sequence that is kept; head if there is none.
    ///
    /// While a batch is being written it counts as published here: it evicts while it is written.
    pub fn oldest(&self) -> u64 {
        self.core.oldest()
    }

    /// Returns whether nothing more will be published. What is kept stays readable.
    pub fn is_closed(&self) -> bool {
        self.core.head().closed || self.core.is_abandoned()
    }

    /// Returns whether an [upstream handle](Upstream) went before the end: then what lies beyond the barrier is never
    /// shown.
    pub fn is_abandoned(&self) -> bool {
        self.core.is_abandoned()
    }

    /// Returns how many values can be read.
    pub fn len(&self) -> usize {
        self.core.len() as usize
    }

    /// Returns whether no value can be read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many values are kept, exactly as asked for.
    pub fn capacity(&self) -> usize {
        self.core.config.capacity as usize
    }

    /// Returns how many subscribers and groups there are.
    pub fn subscriber_count(&self) -> usize {
        self.core.reader_count()
    }

    /// Returns whether publishing pays no fence for sleepers, since these use `membarrier(2)`; see
    /// [`Fencing`](super::Fencing).
    pub fn uses_membarrier(&self) -> bool {
        self.core.readers.fences() == FencePair::Membarrier
    }

    /// Subscribes a lossy reader: it never holds a publisher back, and is told what it missed.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::{self, Lagged, Start, TryRecvError};
    ///
    /// let (mut publisher, ring) = ring::channel(3).unwrap();
    /// let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    /// publisher.publish_batch(0..3).unwrap();
    /// publisher.publish_batch(3..5).unwrap();
    /// let lagged = Lagged { missed: 2, resume_at: 2 };
    /// assert_eq!(subscriber.try_recv().unwrap_err(), TryRecvError::Lagged(lagged));
    /// assert_eq!(*subscriber.try_recv().unwrap(), 2);
    /// ```
    ///
    /// # Errors
    ///
    /// - [`SubscribeError::InFuture`] for a sequence above head.
    /// - [`SubscribeError::LossyNotAllowed`] on a ring that does not [retain](super::Builder::retain).
    /// - [`SubscribeError::TooManyReaders`] at about a million.
    pub fn subscribe(&self, start: Start) -> Result<Subscriber<T>, SubscribeError> {
        Subscriber::new(self.lossy()?, start)
    }

    /// Subscribes a gated reader: it loses nothing, and a publisher waits for it, or is refused, once it is a whole
    /// capacity behind.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe), and:
    /// - [`SubscribeError::GatesNotAllowed`] on a ring with [`Overflow::Overwrite`](super::Overflow::Overwrite).
    /// - [`SubscribeError::TooOld`] for a sequence that is no longer kept.
    pub fn subscribe_gated(&self, start: Start) -> Result<Subscriber<T>, SubscribeError> {
        Subscriber::new(Reader::gated(&self.core)?, start)
    }

    /// Makes a handle upstream of the barrier of a [staged](super::Builder::staged) ring, which stands at the barrier.
    ///
    /// # Errors
    ///
    /// - [`UpstreamError::NotStaged`].
    /// - [`UpstreamError::TooManyReaders`] at about a million.
    /// - [`UpstreamError::Closed`] when the barrier has reached the end of a closed ring, or was abandoned.
    pub fn upstream(&self) -> Result<Upstream<T>, UpstreamError> {
        Upstream::join(&self.core)
    }

    /// Makes a group of lossy cursors for one thread.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::TooManyReaders`]; a group counts as one, whatever its cursors.
    /// [`SubscribeError::LossyNotAllowed`] on a ring that does not [retain](super::Builder::retain).
    pub fn group(&self) -> Result<ReaderGroup<T>, SubscribeError> {
        Ok(ReaderGroup::new(self.lossy()?))
    }

    /// Makes a lossy reader, where the ring allows it.
    fn lossy(&self) -> Result<Reader<T>, SubscribeError> {
        // Such a ring drops what every gate has passed: a reader without a gate would find next to nothing.
        if !self.core.config.retain {
            return Err(SubscribeError::LossyNotAllowed);
        }
        Reader::lossy(&self.core)
    }

    /// Makes a group of gated cursors for one thread. It gates at the slowest of them.
    ///
    /// # Errors
    ///
    /// As [`group`](Self::group), and [`SubscribeError::GatesNotAllowed`].
    pub fn group_gated(&self) -> Result<ReaderGroup<T>, SubscribeError> {
        Ok(ReaderGroup::new(Reader::gated(&self.core)?))
    }
}

#[cfg(feature = "hub")]
impl<T> Ring<T> {
    /// Returns whether there may be somebody to [wake](Self::wake_readers) for what was published
    /// [quietly](super::Publisher::publish_quietly_with). To be called by who published, behind that.
    #[inline(always)]
    pub(crate) fn has_sleepers(&self) -> bool {
        self.core.readers.has_sleepers()
    }

    /// Wakes who waits for what is published now: on a staged ring readers upstream.
    #[cold]
    pub(crate) fn wake_readers(&self) {
        self.core.readers.wake(self.core.head().wakes_below());
    }

    /// Returns whether there may be somebody to [wake](Self::wake_downstream) for where the barrier is.
    #[inline]
    #[allow(dead_code, reason = "for the hub's journal")]
    pub(crate) fn has_downstream_sleepers(&self) -> bool {
        self.core.sleepers(Side::Downstream).has_sleepers()
    }

    /// Wakes who waits for where the barrier is.
    #[allow(dead_code, reason = "for the hub's journal")]
    pub(crate) fn wake_downstream(&self) {
        if let Some(barrier) = &self.core.barrier {
            barrier.wake();
        }
    }
}

#[cfg(any(feature = "hub", feature = "_loom"))]
impl<T> Ring<T> {
    /// Moves the barrier up to `to`, at most head, whatever upstream handles have released, and wakes nobody. Returns
    /// what this call moved it over, which is no other call's.
    #[allow(dead_code, reason = "for the hub's journal")]
    pub(crate) fn raise_barrier(&self, to: u64) -> Range<u64> {
        assert!(to <= self.core.head().next, "not above head");
        let Some(barrier) = &self.core.barrier else {
            return to..to;
        };
        let passed = barrier.raise(to);
        if !passed.is_empty() {
            barrier.settle_end(&self.core);
        }
        passed
    }
}

#[cfg(any(feature = "hub", feature = "_loom"))]
impl<T: Send + Sync + 'static> Ring<T> {
    /// Makes a place on the list of those who wait for room, on a staged ring, whatever its overflow.
    ///
    /// Armed (with any cursor), it is notified once when a gate moves or goes. What that makes room for is not looked
    /// at, so whoever arms tries once more before it sleeps.
    #[allow(dead_code, reason = "for the hub's journal")]
    pub(crate) fn room_waiter(&self, notify: Arc<dyn Notify>) -> Waiter {
        debug_assert!(self.core.config.staged);
        Waiter::new(self.core.clone(), Awaited::Room, notify)
    }
}

impl<T: Send + Sync + 'static> Ring<T> {
    /// Makes a place on the wait list for a foreign waker.
    pub fn waiter(&self, notify: Arc<dyn Notify>) -> Waiter {
        let awaited = Awaited::Values(Side::Downstream);
        Waiter::new(self.core.clone(), awaited, notify)
    }
}

impl<T> Clone for Ring<T> {
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
        }
    }
}

impl<T> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("head", &self.head())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
