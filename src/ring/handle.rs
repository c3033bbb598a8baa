//! The handle for everybody but the publisher: look at a ring, and subscribe to it.

use super::barrier::Kind;
use super::builder::Start;
use super::error::SubscribeError;
use super::group::Group;
use super::reader::Reader;
use super::shared::Shared;
use super::subscriber::Subscriber;
use super::wait::Notify;
use super::waiter::Waiter;
use std::fmt;
use std::sync::Arc;

/// A ring as those who read it see it. Clones are handles of the same ring.
pub struct Ring<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Ring<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Returns the next sequence to be published, which is also how many have been.
    pub fn head(&self) -> u64 {
        self.shared.head().0
    }

    /// Returns the oldest sequence that is kept; head if there is none.
    ///
    /// While a batch is being written it counts as published here: it evicts while it is written.
    pub fn oldest(&self) -> u64 {
        self.shared.oldest()
    }

    /// Whether nothing more will be published. What is kept stays readable.
    pub fn is_closed(&self) -> bool {
        self.shared.head().1
    }

    /// Returns how many values can be read.
    pub fn len(&self) -> usize {
        self.shared.len() as usize
    }

    /// Whether no value can be read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many values are kept, exactly as asked for.
    pub fn capacity(&self) -> usize {
        self.shared.plan.capacity as usize
    }

    /// Returns how many subscribers and groups there are.
    pub fn subscriber_count(&self) -> usize {
        self.shared.reader_count()
    }

    /// Whether publishing pays no fence for sleepers, since these use `membarrier(2)`; see
    /// [`Barrier`](super::Barrier).
    pub fn uses_membarrier(&self) -> bool {
        self.shared.readers.barrier() == Kind::Membarrier
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
        Subscriber::new(Reader::gated(&self.shared)?, start)
    }

    /// Makes a group of lossy cursors for one thread.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::TooManyReaders`]; a group counts as one, whatever its cursors.
    /// [`SubscribeError::LossyNotAllowed`] on a ring that does not [retain](super::Builder::retain).
    pub fn group(&self) -> Result<Group<T>, SubscribeError> {
        Ok(Group::new(self.lossy()?))
    }

    fn lossy(&self) -> Result<Reader<T>, SubscribeError> {
        if !self.shared.plan.retain {
            return Err(SubscribeError::LossyNotAllowed);
        }
        Reader::lossy(&self.shared)
    }

    /// Makes a group of gated cursors for one thread. It gates at the slowest of them.
    ///
    /// # Errors
    ///
    /// As [`group`](Self::group), and [`SubscribeError::GatesNotAllowed`].
    pub fn group_gated(&self) -> Result<Group<T>, SubscribeError> {
        Ok(Group::new(Reader::gated(&self.shared)?))
    }
}

#[cfg(feature = "hub")]
impl<T> Ring<T> {
    /// Whether there may be somebody to [wake](Self::wake_readers) for what was published
    /// [quietly](super::Publisher::publish_quietly_with). To be called by who published, behind that.
    #[inline(always)]
    pub(crate) fn has_sleepers(&self) -> bool {
        self.shared.readers.has_sleepers()
    }

    /// Wakes who waits for what is visible now.
    #[cold]
    pub(crate) fn wake_readers(&self) {
        self.shared.wake_readers();
    }
}

impl<T: Send + Sync + 'static> Ring<T> {
    /// Makes a place on the wait list for a foreign waker.
    pub fn waiter(&self, notify: Arc<dyn Notify>) -> Waiter {
        Waiter::new(self.shared.clone(), notify)
    }
}

impl<T> Clone for Ring<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
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
