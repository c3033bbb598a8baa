//! A subscriber: one cursor, which reads values in place, one by one or in runs.

use super::batch::Batch;
use super::iter::{Iter, TryIter};
use super::reader::Reader;
#[cfg(feature = "async")]
use super::recv_async::{RecvAsync, TaskWaiter};
use super::value_ref::Ref;
use crate::ring::blocks::Run;
use crate::ring::builder::Start;
use crate::ring::core::Core;
use crate::ring::error::{RecvError, RecvTimeoutError, SeekError, SubscribeError, TryRecvError};
use crate::ring::head::Head;
use crate::ring::wait::{Awaited, Notify, WaitStrategy, Waiter};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A reader of a ring with a cursor of its own. Lossy or gated, as it was subscribed.
///
/// A lossy subscriber that is overtaken gets [`Lagged`](crate::ring::Lagged) once, with exact numbers, and goes on from
/// the oldest value that is kept.
pub struct Subscriber<T> {
    reader: Reader<T>,
    /// The next sequence to read. Never above head, never below the gate.
    cursor: u64,
    strategy: WaitStrategy,
    #[cfg(feature = "async")]
    pub(in crate::ring) task: Option<TaskWaiter>,
}

/// The way in which waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// There is something to read, or to be told (`Lagged`).
    Ready,
    /// The deadline passed.
    TimedOut,
    /// Everything has been read, and nothing more will come.
    Closed,
}

impl<T> Subscriber<T> {
    pub(in crate::ring) fn new(reader: Reader<T>, start: Start) -> Result<Self, SubscribeError> {
        let cursor = reader.place(start)?;
        Ok(Self::at(reader, cursor))
    }

    /// Makes a subscriber whose reader has been placed.
    pub(in crate::ring) fn at(reader: Reader<T>, cursor: u64) -> Self {
        let strategy = reader.core().config.strategy;
        Self {
            reader,
            cursor,
            strategy,
            #[cfg(feature = "async")]
            task: None,
        }
    }

    /// Takes the next value, if it is there.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty), [`Lagged`](TryRecvError::Lagged) (the cursor stands at `resume_at` then),
    /// [`Closed`](TryRecvError::Closed).
    #[inline]
    pub fn try_recv(&mut self) -> Result<Ref<'_, T>, TryRecvError> {
        self.locate()?;
        Ok(self.take())
    }

    /// Takes the next value, and waits until it is there.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::{self, RecvError, Start};
    ///
    /// let (mut publisher, ring) = ring::channel(16).unwrap();
    /// let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    /// let reading = std::thread::spawn(move || {
    ///     let mut sum = 0;
    ///     loop {
    ///         match subscriber.recv() {
    ///             Ok(value) => sum += *value,
    ///             Err(RecvError::Lagged(lagged)) => panic!("{lagged}"),
    ///             Err(RecvError::Closed { .. }) => return sum,
    ///         }
    ///     }
    /// });
    /// for value in 1..=10 {
    ///     publisher.publish(value).unwrap();
    /// }
    /// publisher.close();
    /// assert_eq!(reading.join().unwrap(), 55);
    /// ```
    ///
    /// # Errors
    ///
    /// [`Lagged`](RecvError::Lagged), [`Closed`](RecvError::Closed).
    pub fn recv(&mut self) -> Result<Ref<'_, T>, RecvError> {
        self.locate_until(None).map_err(|error| match error {
            RecvTimeoutError::Lagged(lagged) => RecvError::Lagged(lagged),
            RecvTimeoutError::Closed { abandoned } => RecvError::Closed { abandoned },
            RecvTimeoutError::TimedOut => unreachable!("there is no deadline"),
        })?;
        Ok(self.take())
    }

    /// Takes the next value, and waits so long at most until it is there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`TimedOut`](RecvTimeoutError::TimedOut).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Ref<'_, T>, RecvTimeoutError> {
        self.locate_until(Instant::now().checked_add(timeout))?;
        Ok(self.take())
    }

    /// Takes the next value, and waits until the deadline at most until it is there.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Ref<'_, T>, RecvTimeoutError> {
        self.locate_until(Some(deadline))?;
        Ok(self.take())
    }

    /// Looks at the next value, if it is there, without taking it.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv).
    pub fn peek(&mut self) -> Result<Ref<'_, T>, TryRecvError> {
        self.locate()?;
        // SAFETY: `locate` found the cursor below head and held its block.
        Ok(unsafe { self.borrow(self.cursor) })
    }

    /// Lends the next values in place, up to the end of their block and at most `max`; never none.
    ///
    /// They are consumed as far as [`Batch::commit`] says, and not at all when it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::{self, Start};
    ///
    /// let (mut publisher, ring) = ring::channel(100).unwrap();
    /// let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    /// publisher.publish_batch(["a", "b", "c"]).unwrap();
    /// let batch = subscriber.next_batch(usize::MAX).unwrap();
    /// assert_eq!(*batch, ["a", "b", "c"]);
    /// batch.commit(2);
    /// assert_eq!(*subscriber.next_batch(usize::MAX).unwrap(), ["c"]);
    /// assert_eq!(*subscriber.next_batch(usize::MAX).unwrap(), ["c"], "the last one was dropped");
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv).
    pub fn next_batch(&mut self, max: usize) -> Result<Batch<'_, T>, TryRecvError> {
        let head = self.begin()?;
        if !self.reader.hold(self.cursor) {
            return Err(self.lagged());
        }
        let stop = head.min(self.cursor.saturating_add(max.max(1) as u64));
        // SAFETY: below head, held, and the gate moves when the batch is committed, which ends the run first.
        let run = unsafe { self.reader.run(self.cursor, stop) };
        Ok(Batch::new(run, &self.reader, &mut self.cursor))
    }

    /// Iterates over copies of all values to come, waiting for each, until the ring is closed and read.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::{self, Lagged, Start};
    ///
    /// let (mut publisher, ring) = ring::channel(2).unwrap();
    /// let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    /// for value in 0..5 {
    ///     publisher.publish(value).unwrap();
    /// }
    /// publisher.close();
    /// let all: Vec<Result<i32, Lagged>> = subscriber.iter().collect();
    /// assert_eq!(all, [Err(Lagged { missed: 3, resume_at: 3 }), Ok(3), Ok(4)]);
    /// ```
    pub fn iter(&mut self) -> Iter<'_, T>
    where
        T: Clone,
    {
        Iter::new(self)
    }

    /// Iterates over copies of what is there, without waiting.
    pub fn try_iter(&mut self) -> TryIter<'_, T>
    where
        T: Clone,
    {
        TryIter::new(self)
    }

    /// Hands out what is there, at most `max` values, in place: `read` gets the first sequence and a slice, once per
    /// block. Returns how many were read, which is not 0 unless `max` is.
    ///
    /// The cursor advances after `read` returned: what it panicked on is read again.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::{self, Start};
    ///
    /// let (mut publisher, ring) = ring::channel(1000).unwrap();
    /// let mut subscriber = ring.subscribe(Start::Oldest).unwrap();
    /// publisher.publish_batch(0..500u32).unwrap();
    /// let mut sum = 0;
    /// let read = subscriber.drain(usize::MAX, |_first, values| sum += values.iter().sum::<u32>());
    /// assert_eq!((read, sum), (Ok(500), 124_750));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv), when there is nothing to hand out.
    #[inline]
    pub fn drain(
        &mut self,
        max: usize,
        mut read: impl FnMut(u64, &[T]),
    ) -> Result<usize, TryRecvError> {
        self.round(max, |cursor, run| {
            read(*cursor, run.values());
            *cursor += run.values().len() as u64;
            true
        })
    }

    /// Hands out value after value in place, at most `max`, while `read` says true. The value on which it says false
    /// is not consumed, and comes first next time. Returns how many were consumed, which may be 0.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv), when there is nothing to hand out.
    #[inline]
    pub fn read_while(
        &mut self,
        max: usize,
        mut read: impl FnMut(u64, &T) -> bool,
    ) -> Result<usize, TryRecvError> {
        self.round(max, |cursor, run| {
            for value in run.values() {
                if !read(*cursor, value) {
                    return false;
                }
                *cursor += 1;
            }
            true
        })
    }

    /// Returns the next sequence to read.
    pub fn position(&self) -> u64 {
        self.cursor
    }

    /// Moves the cursor. Forward skips values without counting them as missed.
    ///
    /// A lossy subscriber may seek below the oldest that is kept, and is told next time how much it missed.
    ///
    /// # Errors
    ///
    /// [`SeekError::InFuture`] above head; [`SeekError::TooOld`] for a gated subscriber below the oldest. The cursor
    /// stays.
    pub fn seek(&mut self, sequence: u64) -> Result<(), SeekError> {
        self.cursor = self
            .reader
            .place(Start::At(sequence))
            .map_err(|error| match error {
                SubscribeError::TooOld { oldest } => SeekError::TooOld { oldest },
                SubscribeError::InFuture { head } => SeekError::InFuture { head },
                SubscribeError::GatesNotAllowed
                | SubscribeError::LossyNotAllowed
                | SubscribeError::TooManyReaders => {
                    unreachable!("this reader was let in")
                }
            })?;
        self.reader.end_round(self.cursor);
        Ok(())
    }

    /// Returns whether everything has been read, and nothing more will come.
    pub fn is_finished(&self) -> bool {
        let head = self.reader.head(self.cursor);
        head.closed && self.cursor >= head.next
    }

    /// Returns how many values are published and not yet read (those that were overwritten included).
    pub fn lag(&self) -> u64 {
        self.reader.core().bound(self.reader.side()).next - self.cursor
    }

    /// Makes another subscriber of the same kind, whose cursor stands where this one's does.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::TooManyReaders`].
    pub fn try_clone(&self) -> Result<Self, SubscribeError> {
        let reader = self.reader.sibling()?;
        reader.place_beside(self.cursor);
        Ok(Self {
            reader,
            cursor: self.cursor,
            strategy: self.strategy,
            #[cfg(feature = "async")]
            task: None,
        })
    }

    /// Sets what this subscriber does while it waits.
    pub fn set_wait_strategy(&mut self, strategy: WaitStrategy) {
        self.strategy = strategy;
    }

    /// Waits until there is something past the cursor, nothing more will come, or the deadline passes.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Waited {
        // What is read holds nobody back while we sleep: the publisher that waits for it would wait for ever.
        self.reader.end_round(self.cursor);
        let (core, side, cursor) = (self.reader.core(), self.reader.side(), self.cursor);
        let is_ready = || core.is_ready(side, cursor);
        let list = core.sleepers(side);
        if !list.wait(self.strategy, cursor, deadline, is_ready) {
            return Waited::TimedOut;
        }
        // Values first: what a closed ring keeps is still to be read.
        if core.bound(side).next > cursor {
            Waited::Ready
        } else {
            Waited::Closed
        }
    }

    /// Moves a cursor whose gate stands elsewhere.
    pub(in crate::ring) fn stand_at(&mut self, sequence: u64) {
        self.cursor = sequence;
    }

    #[cfg(feature = "hub")]
    pub(in crate::ring) fn reader(&self) -> &Reader<T> {
        &self.reader
    }

    pub(in crate::ring) fn core(&self) -> &Arc<Core<T>> {
        self.reader.core()
    }

    /// Finds the next value and holds its block.
    #[inline(always)]
    pub(in crate::ring) fn locate(&mut self) -> Result<(), TryRecvError> {
        let head = self.begin()?;
        debug_assert!(self.cursor < head);
        if self.reader.hold(self.cursor) {
            Ok(())
        } else {
            Err(self.lagged())
        }
    }

    fn locate_until(&mut self, deadline: Option<Instant>) -> Result<(), RecvTimeoutError> {
        loop {
            match self.locate() {
                Ok(()) => return Ok(()),
                Err(TryRecvError::Lagged(lagged)) => return Err(RecvTimeoutError::Lagged(lagged)),
                Err(TryRecvError::Closed { abandoned }) => {
                    return Err(RecvTimeoutError::Closed { abandoned });
                }
                Err(TryRecvError::Empty) => {}
            }
            if self.wait(deadline) == Waited::TimedOut {
                return Err(RecvTimeoutError::TimedOut);
            }
        }
    }

    /// Takes the value that [`locate`](Self::locate) found.
    #[inline(always)]
    pub(in crate::ring) fn take(&mut self) -> Ref<'_, T> {
        let sequence = self.cursor;
        self.cursor += 1;
        // SAFETY: `locate` found the sequence below head and held its block; the gate moves when the Ref is dropped.
        unsafe { self.borrow(sequence) }
    }

    /// Borrows the value at a sequence.
    ///
    /// # Safety
    ///
    /// `locate` said yes to the sequence, and nothing else was held since.
    #[inline(always)]
    unsafe fn borrow(&self, sequence: u64) -> Ref<'_, T> {
        // SAFETY: the caller's promise is ours to pass on; the gate is not above the sequence.
        let run = unsafe { self.reader.run(sequence, sequence + 1) };
        Ref::new(run, &self.reader, sequence, self.cursor)
    }

    /// Hands runs to `read`, which moves the cursor, until it says false or nothing is left of `max`.
    #[inline(always)]
    fn round(
        &mut self,
        max: usize,
        mut read: impl FnMut(&mut u64, &Run<'_, T>) -> bool,
    ) -> Result<usize, TryRecvError> {
        if max == 0 {
            return Ok(0);
        }
        let head = self.begin()?;
        let first = self.cursor;
        let stop = head.min(first.saturating_add(max as u64));
        let mut lost = false;
        while self.cursor < stop {
            if !self.reader.hold(self.cursor) {
                lost = true;
                break;
            }
            // SAFETY: below head, held, and the gate moves at the end of the round.
            let run = unsafe { self.reader.run(self.cursor, stop) };
            if !read(&mut self.cursor, &run) {
                break;
            }
        }
        // Lost after some were read: the next round tells.
        if lost && self.cursor == first {
            return Err(self.lagged());
        }
        self.reader.end_round(self.cursor);
        Ok((self.cursor - first) as usize)
    }

    /// Begins an operation: passes what a forgotten `Ref` left behind, and loads head, which is above the cursor then.
    #[inline(always)]
    fn begin(&mut self) -> Result<u64, TryRecvError> {
        // Without a forgotten one the gate stands there already, and nothing is stored.
        self.reader.advance_gate(self.cursor);
        let Head { next: head, closed } = self.reader.head(self.cursor);
        if self.cursor >= head {
            // A reader that has caught up may sleep for long: its pin would cost the ring a block all the time.
            self.reader.unpin();
            return Err(if closed {
                let abandoned = self.reader.core().is_abandoned();
                TryRecvError::Closed { abandoned }
            } else {
                TryRecvError::Empty
            });
        }
        if self.reader.is_overtaken(self.cursor, head) {
            return Err(self.lagged());
        }
        Ok(head)
    }

    #[cold]
    fn lagged(&mut self) -> TryRecvError {
        TryRecvError::Lagged(self.reader.catch_up(&mut self.cursor))
    }
}

impl<T: Send + Sync + 'static> Subscriber<T> {
    /// Takes the next value, and waits as a task until it is there.
    ///
    /// A future that is dropped while it is pending has taken nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::{self, Start};
    ///
    /// let (mut publisher, ring) = ring::channel(16).unwrap();
    /// let mut subscriber = ring.subscribe(Start::Newest).unwrap();
    /// let publishing = std::thread::spawn(move || publisher.publish("value").unwrap());
    /// futures::executor::block_on(async {
    ///     assert_eq!(*subscriber.recv_async().await.unwrap(), "value");
    /// });
    /// # publishing.join().unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    #[cfg(feature = "async")]
    pub fn recv_async(&mut self) -> RecvAsync<'_, T> {
        RecvAsync::new(self)
    }

    /// Makes a place on the wait list for a foreign waker.
    pub fn waiter(&self, notify: Arc<dyn Notify>) -> Waiter {
        let awaited = Awaited::Values(self.reader.side());
        Waiter::new(self.reader.core().clone(), awaited, notify)
    }
}

impl<T> fmt::Debug for Subscriber<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("position", &self.cursor)
            .field("gated", &self.reader.is_gated())
            .finish_non_exhaustive()
    }
}
