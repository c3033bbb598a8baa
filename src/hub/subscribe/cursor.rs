//! A raw cursor over everything, for whoever does its own filtering and waiting.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::event::EventRef;
use crate::ring::{self, Notify, Ring, Subscriber, Waited};

use crate::hub::slot::Slot;
use crate::hub::{CursorReadError, CursorSeekError, SubscriptionError};

/// Reads every event that the hub's ring has in place, from a cursor that can be moved.
///
/// It is for those who keep up: what the ring has no more is [`CursorReadError::Gap`] to it, also where a journal has it
/// (there [`Receiver`](crate::hub::Receiver) and [`Hub::history`](crate::hub::Hub::history) go). Offsets whose commit failed
/// are passed without a word, so that the offsets that are shown may jump.
///
/// # Examples
///
/// ```
/// use eventring::{Event, Hub};
///
/// let hub = Hub::new();
/// let mut reader = hub.cursor().unwrap();
/// for n in 0..3 {
///     hub.publish(Event::builder("t", "t").text(&n.to_string()).build().unwrap()).unwrap();
/// }
/// let read = reader.read_while(10, |offset, event| {
///     assert_eq!(event.data(), (offset - 1).to_string().as_bytes());
///     offset < 2 // the event for which this is false comes again
/// });
/// assert_eq!((read, reader.next_offset()), (Ok(1), 2));
/// ```
pub struct Cursor {
    subscriber: Subscriber<Slot>,
    /// For its waiters, which outlive no ring and know no cursor.
    ring: Ring<Slot>,
}

impl Cursor {
    pub(in crate::hub) fn open(ring: &Ring<Slot>) -> Result<Self, SubscriptionError> {
        match ring.subscribe(ring::Start::Newest) {
            Ok(subscriber) => Ok(Self {
                subscriber,
                ring: ring.clone(),
            }),
            Err(_) => Err(SubscriptionError::TooManyReaders),
        }
    }

    /// Returns the offset of the next event that is read.
    pub fn next_offset(&self) -> u64 {
        self.subscriber.position() + 1
    }

    /// Moves the cursor, so that the event at `offset` is read next. If that is no longer kept, reading says
    /// [`CursorReadError::Gap`].
    ///
    /// # Errors
    ///
    /// [`CursorSeekError`] for 0 and for what lies beyond the next event to be published; the cursor stays.
    pub fn seek(&mut self, offset: u64) -> Result<(), CursorSeekError> {
        // Offsets count from 1, sequences from 0.
        let sequence = offset.checked_sub(1).ok_or(CursorSeekError::Zero)?;
        self.subscriber
            .seek(sequence)
            .map_err(|_| CursorSeekError::InFuture {
                next: self.ring.visible() + 1,
            })
    }

    /// Shows event after event in place, `max` at most, while `read` says true. The one on which it says false comes
    /// first next time. Returns how many were consumed; 0 where nothing is there.
    ///
    /// # Errors
    ///
    /// [`CursorReadError::Gap`] (the cursor stands after the gap), [`CursorReadError::Closed`].
    #[inline]
    pub fn read_while(
        &mut self,
        max: usize,
        mut read: impl FnMut(u64, EventRef<'_>) -> bool,
    ) -> Result<usize, CursorReadError> {
        self.read_recorded(max, |offset, _, event| read(offset, event))
    }

    /// As [`read_while`](Self::read_while), with the time at which the hub took the event, milliseconds since 1970, where it
    /// is known of each.
    #[inline]
    pub(in crate::hub) fn read_recorded(
        &mut self,
        max: usize,
        mut read: impl FnMut(u64, Option<i64>, EventRef<'_>) -> bool,
    ) -> Result<usize, CursorReadError> {
        let done = self.subscriber.read_while(max, |sequence, slot| {
            let recorded = Some(slot.recorded()).filter(|recorded| *recorded > 0);
            // What was not committed is passed, and counts as read.
            slot.event()
                .is_none_or(|event| read(sequence + 1, recorded, event))
        });
        match done {
            Ok(count) => Ok(count),
            Err(ring::TryRecvError::Empty) => Ok(0),
            Err(ring::TryRecvError::Lagged(lagged)) => Err(CursorReadError::Gap {
                missed: lagged.missed,
                resume_at: lagged.resume_at + 1,
            }),
            Err(ring::TryRecvError::Closed { .. }) => Err(CursorReadError::Closed),
        }
    }

    /// Returns how many published events were not read yet.
    pub fn lag(&self) -> u64 {
        self.subscriber.lag()
    }

    /// Sleeps until there is something to read, the hub is closed and read to the end, or the deadline passes.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Waited {
        self.subscriber.wait(deadline)
    }

    /// Makes an entry on the ring's wait list for a foreign waker, as that of a poller. The waker runs on the
    /// publisher's thread, at the end of its publish and outside the hub's locks: it may use the hub.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::Notify;
    /// use eventring::{Event, Hub};
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// struct Woken(AtomicBool); // an eventfd, a channel, an async task's waker
    /// impl Notify for Woken {
    ///     fn notify(&self) {
    ///         self.0.store(true, Ordering::Release);
    ///     }
    /// }
    ///
    /// let hub = Hub::new();
    /// let reader = hub.cursor().unwrap();
    /// let woken = Arc::new(Woken(AtomicBool::new(false)));
    /// let waiter = reader.waiter(woken.clone());
    /// assert!(waiter.arm(reader.next_offset()), "nothing is there: sleep");
    /// hub.publish(Event::builder("a", "t").build().unwrap()).unwrap();
    /// assert!(woken.0.load(Ordering::Acquire));
    /// assert!(!waiter.arm(reader.next_offset()), "something is there: read first");
    /// ```
    pub fn waiter(&self, notify: Arc<dyn Notify>) -> HubWaiter {
        HubWaiter {
            inner: self.ring.waiter(notify),
        }
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("next_offset", &self.next_offset())
            .finish_non_exhaustive()
    }
}

/// An entry on the ring's wait list for a foreign waker. Every event wakes it: it has no filter.
#[derive(Debug)]
pub struct HubWaiter {
    inner: ring::Waiter,
}

impl HubWaiter {
    /// Asks for one notification when the event at `next_offset` is there, or the hub is closed. `false` says that
    /// this is so already: do not sleep.
    #[must_use = "false says that something is there: do not sleep"]
    pub fn arm(&self, next_offset: u64) -> bool {
        self.inner.arm(next_offset.saturating_sub(1))
    }

    /// Takes the request back.
    pub fn disarm(&self) {
        self.inner.disarm();
    }
}
