//! The publisher that shares its ring with others: one total order, claimed without a lock.

use super::claims::ClaimError;
use crate::ring::builder::Overflow;
use crate::ring::core::Core;
use crate::ring::error::{BatchError, PublishError, Refused};
#[cfg(feature = "async")]
use crate::ring::publish::PublishAsync;
use crate::sync::yield_now;
use std::fmt;
use std::mem::needs_drop;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// Publishes into a ring that others publish into as well. Cloning it makes another publisher; when the last one is
/// dropped, the ring is closed.
///
/// Sequences are handed out by compare-exchange, without a lock but at block boundaries: one total order, the same for
/// every reader. A publisher then writes its slot and stamps it.
///
/// # When to choose which
///
/// - [`Publisher`](crate::ring::Publisher): one thread publishes. The fastest by far.
/// - [`Lanes`](crate::ring::Lanes): several do, and an order per publisher is enough. Next to that.
/// - A lock around a [`Publisher`](crate::ring::Publisher): a total order, and a critical section is needed anyway (for
///   a check, a version, a journal); or values are built in place with
///   [`publish_with`](crate::ring::Publisher::publish_with).
/// - `SharedPublisher`: a total order, and nobody shall wait for a lock that somebody else holds.
///
/// # A publisher that is interrupted
///
/// A thread that loses its processor between claim and stamp holds back what comes after it: other publishers go on
/// for up to a lap, but readers see none of that before the stamp is there. The same goes for a thread that loses it
/// inside a lock; there the other publishers stand still too. Nothing between claim and stamp is the caller's code:
/// values are complete before their sequence is claimed, and old ones are dropped afterwards. That is why there is no
/// `publish_with` here: a closure that panicked would leave a hole for ever.
///
/// # Examples
///
/// ```
/// use eventring::ring::{Builder, Start};
///
/// let (publisher, ring) = Builder::new(1000).build_shared().unwrap();
/// let mut subscriber = ring.subscribe(Start::Newest).unwrap();
/// std::thread::scope(|scope| {
///     for name in ["a", "b"] {
///         let publisher = publisher.clone();
///         scope.spawn(move || (0..10).for_each(|n| drop(publisher.publish((name, n)).unwrap())));
///     }
/// });
/// drop(publisher);
/// let all: Vec<_> = subscriber.iter().map(Result::unwrap).collect();
/// assert_eq!(all.len(), 20);
/// assert!(all.iter().filter(|(name, _)| *name == "a").map(|(_, n)| *n).eq(0..10));
/// ```
pub struct SharedPublisher<T> {
    core: Arc<Core<T>>,
}

/// A handle that makes publishers, and does not keep the ring open.
pub struct WeakPublisher<T> {
    core: Arc<Core<T>>,
}

impl<T> SharedPublisher<T> {
    /// Makes a publisher that the caller has counted.
    pub(in crate::ring) fn new(core: Arc<Core<T>>) -> Self {
        Self { core }
    }

    /// Publishes a value, and returns its sequence.
    ///
    /// # Errors
    ///
    /// Hands the value back: [`Full`](PublishError::Full) or [`TimedOut`](PublishError::TimedOut) as the ring's
    /// [`Overflow`] says, [`Closed`](PublishError::Closed). Where that says to overwrite or to wait, it also waits for
    /// a publisher that was interrupted a lap ago; else that is `Full` too.
    #[inline]
    pub fn publish(&self, value: T) -> Result<u64, PublishError<T>> {
        match self.claim(1) {
            Ok(sequence) => Ok(self.write(sequence, value)),
            Err(refused) => Err(refused.with(value)),
        }
    }

    /// Publishes a value if that needs no waiting, whatever the ring's [`Overflow`].
    ///
    /// # Errors
    ///
    /// Hands the value back: [`Full`](PublishError::Full), [`Closed`](PublishError::Closed).
    #[inline]
    pub fn try_publish(&self, value: T) -> Result<u64, PublishError<T>> {
        match self.core.claims.claim(&self.core, 1) {
            Ok(sequence) => Ok(self.write(sequence, value)),
            Err(error) => Err(Refused::from(error).with(value)),
        }
    }

    /// Publishes a value, and waits as a task while a gated reader holds a ring full that
    /// [blocks](Overflow::Block). Its timeout does not count here: a runtime has its own.
    ///
    /// Its sequence is claimed when there is room for it, not before: a future that is dropped while it is pending has
    /// published nothing, and leaves no hole. Tasks that wait have no order among each other.
    ///
    /// # Examples
    ///
    /// ```
    /// let (publisher, ring) = eventring::ring::Builder::new(8).build_shared().unwrap();
    /// futures::executor::block_on(async {
    ///     let two = (publisher.publish_async("a"), publisher.publish_async("b"));
    ///     assert_eq!(futures::future::join(two.0, two.1).await, (Ok(0), Ok(1)));
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// Hands the value back: [`Closed`](PublishError::Closed), also while it waits; [`Full`](PublishError::Full) on a
    /// ring that rejects only. Elsewhere it waits, as [`publish`](Self::publish) does, for a publisher that was
    /// interrupted a lap ago: then the task asks to be polled again at once.
    #[cfg(feature = "async")]
    pub fn publish_async(&self, value: T) -> PublishAsync<'_, T> {
        PublishAsync::shared(self, value)
    }

    /// Publishes all values at once, with contiguous sequences, or none: readers see the whole batch or nothing of it.
    ///
    /// The vector is empty afterwards, and keeps its memory. On an error it is as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// let (publisher, ring) = eventring::ring::Builder::new(8).build_shared().unwrap();
    /// let mut values = vec!["a", "b", "c"];
    /// assert_eq!(publisher.publish_batch(&mut values), Ok(0..3));
    /// assert!(values.is_empty());
    /// ```
    ///
    /// # Errors
    ///
    /// [`TooLarge`](BatchError::TooLarge) above the capacity; else as [`publish`](Self::publish).
    pub fn publish_batch(&self, values: &mut Vec<T>) -> Result<Range<u64>, BatchError> {
        let (len, capacity) = (values.len(), self.capacity());
        if len > capacity {
            return Err(BatchError::TooLarge { len, capacity });
        }
        if len == 0 {
            // The place where a batch would begin; nothing is claimed for none.
            let head = self.core.head().next;
            return if self.is_closed() {
                Err(BatchError::Closed)
            } else {
                Ok(head..head)
            };
        }
        // Before anything is claimed: nothing below fails.
        let mut retired = Vec::with_capacity(if needs_drop::<T>() { len } else { 0 });
        let first = self.claim(len as u64)?;
        for (sequence, value) in (first..).zip(values.drain(..)) {
            // SAFETY: claimed, and not stamped yet.
            let old = unsafe { self.core.memory.fill(sequence, value) };
            if needs_drop::<T>() {
                retired.extend(old);
            }
        }
        let end = first + len as u64;
        // The first one last: head stands before it until then, and goes over all of them at once.
        for sequence in (first..end).rev() {
            self.core.memory.stamp(sequence);
        }
        self.core.wake_for_stamped();
        Ok(first..end)
    }

    /// Ends the ring for all publishers. What has been claimed is still published.
    pub fn close(&self) {
        self.core.close_claims();
    }

    /// Returns whether the ring has been [closed](Self::close).
    pub fn is_closed(&self) -> bool {
        self.core.claims.is_closed()
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

    /// Makes a handle that does not keep the ring open.
    pub fn downgrade(&self) -> WeakPublisher<T> {
        WeakPublisher {
            core: self.core.clone(),
        }
    }

    /// Returns the state of its ring, for the future that waits for room.
    #[cfg(feature = "async")]
    pub(in crate::ring) fn core(&self) -> &Core<T> {
        &self.core
    }

    /// Publishes a value as [`try_publish`](Self::try_publish), and tells a future what to wait for.
    #[cfg(feature = "async")]
    pub(in crate::ring) fn attempt(&self, value: T) -> Result<u64, (ClaimError, T)> {
        match self.core.claims.claim(&self.core, 1) {
            Ok(sequence) => Ok(self.write(sequence, value)),
            Err(error) => Err((error, value)),
        }
    }

    #[inline(always)]
    fn claim(&self, len: u64) -> Result<u64, Refused> {
        match self.core.claims.claim(&self.core, len) {
            Ok(first) => Ok(first),
            Err(error) => self.claim_cold(len, error),
        }
    }

    /// Waits until a claim succeeds, as the overflow says.
    #[cold]
    #[inline(never)]
    fn claim_cold(&self, len: u64, mut error: ClaimError) -> Result<u64, Refused> {
        let core = &*self.core;
        let deadline = match core.config.overflow {
            Overflow::Reject => return Err(error.into()),
            Overflow::Overwrite => None,
            Overflow::Block { timeout } => {
                timeout.and_then(|wait| Instant::now().checked_add(wait))
            }
        };
        loop {
            let in_time = match error {
                ClaimError::Closed => return Err(Refused::Closed),
                // Its owner is about to stamp it: it needs a processor, and tells nobody when it is done.
                ClaimError::Unfinished => {
                    yield_now();
                    deadline.is_none_or(|at| Instant::now() < at)
                }
                ClaimError::Full => {
                    let ready = || core.claims.has_room(core, len);
                    core.room.wait(core.config.strategy, 0, deadline, ready)
                }
            };
            // Once more even after the deadline: room that came at the last moment is not given away.
            match core.claims.claim(core, len) {
                Ok(first) => return Ok(first),
                Err(_) if !in_time => return Err(Refused::TimedOut),
                Err(again) => error = again,
            }
        }
    }

    /// Writes and shows one claimed value.
    #[inline(always)]
    fn write(&self, sequence: u64, value: T) -> u64 {
        // SAFETY: claimed, and not stamped yet.
        let old = unsafe { self.core.memory.fill(sequence, value) };
        self.core.memory.stamp(sequence);
        self.core.wake_for_stamped();
        // Only now: its Drop may panic, and may look at the ring.
        drop(old);
        sequence
    }
}

impl<T> WeakPublisher<T> {
    /// Makes a publisher, unless there is none left.
    ///
    /// # Examples
    ///
    /// ```
    /// let (publisher, ring) = eventring::ring::Builder::new(8).build_shared::<u64>().unwrap();
    /// let weak = publisher.downgrade();
    /// assert_eq!(weak.upgrade().unwrap().publish(7), Ok(0));
    /// drop(publisher);
    /// assert!(ring.is_closed() && weak.upgrade().is_none());
    /// ```
    pub fn upgrade(&self) -> Option<SharedPublisher<T>> {
        self.core
            .join_publisher(false)
            .then(|| SharedPublisher::new(self.core.clone()))
    }
}

impl<T> Clone for SharedPublisher<T> {
    fn clone(&self) -> Self {
        self.core.join_publisher(true);
        Self::new(self.core.clone())
    }
}

impl<T> Drop for SharedPublisher<T> {
    fn drop(&mut self) {
        if self.core.leave_publisher() {
            self.close();
        }
    }
}

impl<T> Clone for WeakPublisher<T> {
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
        }
    }
}

impl<T> fmt::Debug for SharedPublisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPublisher").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for WeakPublisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakPublisher").finish_non_exhaustive()
    }
}
