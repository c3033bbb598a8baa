//! The one who writes: exclusive, wait-free but at block boundaries.

use super::builder::Overflow;
use super::error::{BatchError, PublishError, Refused};
use super::memory::{Block, Spot};
use super::shared::Shared;
use super::slot::{Filled, Slot};
use std::fmt;
use std::mem::needs_drop;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// Publishes into a ring. There is one; dropping it closes the ring.
///
/// Publishing writes the slot, stores head, and looks whether somebody sleeps: no lock and no allocation, but once per
/// block of 64.
///
/// Values of an earlier lap are dropped when they are written over, after the new head is visible. A `Drop` that
/// panics therefore panics out of `publish` although the value *was* published.
pub struct Publisher<T> {
    shared: Arc<Shared<T>>,
    /// Next sequence; what head says.
    next: u64,
    /// The block that `next` goes into, while `next < end`.
    current: Option<Current<T>>,
    closed: bool,
    /// Values that a batch moved out of its slots, until head is stored.
    retired: Vec<T>,
}

/// An opened block, and where it ends.
struct Current<T> {
    block: Spot<T>,
    end: u64,
}

impl<T> Publisher<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self {
            shared,
            next: 0,
            current: None,
            closed: false,
            retired: Vec::new(),
        }
    }

    /// Publishes a value, and returns its sequence.
    ///
    /// # Errors
    ///
    /// Hands the value back: [`Full`](PublishError::Full) or [`TimedOut`](PublishError::TimedOut) as the ring's
    /// [`Overflow`] says, [`Closed`](PublishError::Closed).
    #[inline]
    pub fn publish(&mut self, value: T) -> Result<u64, PublishError<T>> {
        match self.admit(1) {
            Ok(()) => Ok(self.write(value)),
            Err(refused) => Err(refused.with(value)),
        }
    }

    /// Publishes a value if that needs no waiting, whatever the ring's [`Overflow`].
    ///
    /// # Errors
    ///
    /// Hands the value back: [`Full`](PublishError::Full), [`Closed`](PublishError::Closed).
    #[inline]
    pub fn try_publish(&mut self, value: T) -> Result<u64, PublishError<T>> {
        match self.try_admit(1) {
            Ok(()) => Ok(self.write(value)),
            Err(refused) => Err(refused.with(value)),
        }
    }

    /// Publishes what `fill` puts into the slot, where it finds the value of an earlier lap to be reused.
    ///
    /// If `fill` panics, nothing is published; the slot keeps what is in it for the next time.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut publisher, _ring) = eventring::ring::channel::<Vec<u8>>(100).unwrap();
    /// publisher
    ///     .publish_with(|slot| {
    ///         slot.fill_with(Vec::new, |bytes| {
    ///             bytes.clear();
    ///             bytes.extend_from_slice(b"payload");
    ///         })
    ///     })
    ///     .unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); `fill` has not run then.
    #[inline]
    pub fn publish_with(
        &mut self,
        fill: impl for<'a> FnOnce(Slot<'a, T>) -> Filled<'a>,
    ) -> Result<u64, PublishError<()>> {
        self.admit(1).map_err(|refused| refused.with(()))?;
        let sequence = self.next;
        let index = self.shared.memory.index(sequence);
        self.enter(sequence);
        // SAFETY: we are the publisher, `enter` found an opened block, and the slot is at head.
        unsafe { self.block().put_with(index, fill) };
        self.next = sequence + 1;
        self.shared.show(self.next);
        Ok(sequence)
    }

    /// Publishes all values at once, with contiguous sequences, or none.
    ///
    /// It writes exactly as many as the iterator's length says. If the iterator panics, nothing is published. Pass
    /// `&mut iterator` to keep what a refused batch did not take.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](BatchError::TooLarge) above the capacity; [`Short`](BatchError::Short) if the iterator lied; else
    /// as [`publish`](Self::publish). The iterator has not been asked then, but for `Short`.
    pub fn publish_batch(
        &mut self,
        values: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    ) -> Result<Range<u64>, BatchError> {
        let mut values = values.into_iter();
        let range = self.admit_batch(values.len())?;
        for sequence in range.clone() {
            let Some(value) = values.next() else {
                let got = (sequence - range.start) as usize;
                return Err(self.abandon((range.end - range.start) as usize, got));
            };
            let index = self.shared.memory.index(sequence);
            self.enter(sequence);
            // SAFETY: we are the publisher, `enter` found an opened block, and the slot is at or above head.
            let old = unsafe { self.block().put(index, value) };
            if needs_drop::<T>() {
                self.retired.extend(old);
            }
        }
        self.finish_batch(range)
    }

    /// Publishes `len` values at once that `fill` puts into their slots; `fill` gets the index in the batch.
    ///
    /// # Errors
    ///
    /// As [`publish_batch`](Self::publish_batch).
    pub fn publish_batch_with(
        &mut self,
        len: usize,
        mut fill: impl for<'a> FnMut(usize, Slot<'a, T>) -> Filled<'a>,
    ) -> Result<Range<u64>, BatchError> {
        let range = self.admit_batch(len)?;
        for (at, sequence) in range.clone().enumerate() {
            let index = self.shared.memory.index(sequence);
            self.enter(sequence);
            // SAFETY: we are the publisher, `enter` found an opened block, and the slot is at or above head.
            unsafe { self.block().put_with(index, |slot| fill(at, slot)) };
        }
        self.finish_batch(range)
    }

    /// Returns the next sequence to be published.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Returns the oldest sequence that is kept; [`next`](Self::next) if there is none.
    pub fn oldest(&self) -> u64 {
        self.shared.oldest()
    }

    /// Returns how many values can be read.
    pub fn len(&self) -> usize {
        self.shared.len() as usize
    }

    /// Whether no value can be read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this publisher has been [closed](Self::close).
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Returns how many subscribers and groups there are.
    pub fn subscriber_count(&self) -> usize {
        self.shared.reader_count()
    }

    /// Returns how many values are kept, exactly as asked for.
    pub fn capacity(&self) -> usize {
        self.shared.plan.capacity as usize
    }

    /// Ends the ring: nothing more is published, readers find [`Closed`](super::TryRecvError::Closed) once they have
    /// read the rest.
    pub fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.shared.close(self.next);
        }
    }

    /// Lets go of values below `before`, in whole blocks, and hands them to `dropped`, oldest first. Returns the
    /// oldest sequence that is kept now.
    ///
    /// A value that a gated reader still needs stays. A block that a reader has pinned leaves the ring, and its values
    /// are handed over by a later call, unless they have been written over by then.
    ///
    /// If `dropped` panics, the rest of its block is dropped, and the blocks after it wait for the next call.
    pub fn trim(&mut self, before: u64, mut dropped: impl FnMut(T)) -> u64 {
        let mut values = Vec::new();
        for _ in 0..self.shared.trim(before.min(self.next)) {
            self.shared.empty_one(&mut values);
            // Outside the lock.
            values.drain(..).for_each(&mut dropped);
        }
        self.oldest()
    }

    /// Asks for room for `len` values, and waits as the ring's overflow says.
    #[inline(always)]
    fn admit(&mut self, len: u64) -> Result<(), Refused> {
        if self.shared.is_permitted(self.next + len) {
            return Ok(());
        }
        self.admit_cold(len)
    }

    #[cold]
    #[inline(never)]
    fn admit_cold(&mut self, len: u64) -> Result<(), Refused> {
        let Overflow::Block { timeout } = self.shared.plan.overflow else {
            return self.try_admit(len);
        };
        match self.try_admit(len) {
            Err(Refused::Full) => {}
            done => return done,
        }
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let end = self.next + len;
        // `grant` loads the gates after `arm`'s barrier, as `is_ready` loads head for readers.
        let shared = &*self.shared;
        match shared
            .room
            .wait(shared.plan.strategy, 0, deadline, || shared.grant(end))
        {
            true => Ok(()),
            false => Err(Refused::TimedOut),
        }
    }

    #[inline(always)]
    fn try_admit(&mut self, len: u64) -> Result<(), Refused> {
        let end = self.next + len;
        if self.shared.is_permitted(end) {
            return Ok(());
        }
        if self.closed {
            return Err(Refused::Closed);
        }
        if self.shared.grant(end) {
            Ok(())
        } else {
            Err(Refused::Full)
        }
    }

    fn admit_batch(&mut self, len: usize) -> Result<Range<u64>, BatchError> {
        if self.closed {
            return Err(BatchError::Closed);
        }
        let capacity = self.capacity();
        if len > capacity {
            return Err(BatchError::TooLarge { len, capacity });
        }
        if len > 0 {
            self.admit(len as u64)?;
        }
        // A batch that panicked may have left some.
        self.retired.clear();
        Ok(self.next..self.next + len as u64)
    }

    /// Makes a written batch visible, and then drops what it replaced.
    fn finish_batch(&mut self, range: Range<u64>) -> Result<Range<u64>, BatchError> {
        if !range.is_empty() {
            self.next = range.end;
            self.shared.show(self.next);
        }
        self.retired.clear();
        Ok(range)
    }

    #[cold]
    fn abandon(&mut self, expected: usize, got: usize) -> BatchError {
        self.retired.clear();
        BatchError::Short { expected, got }
    }

    /// Writes and shows one admitted value.
    #[inline(always)]
    fn write(&mut self, value: T) -> u64 {
        let sequence = self.next;
        let index = self.shared.memory.index(sequence);
        self.enter(sequence);
        // SAFETY: we are the publisher, `enter` found an opened block, and the slot is at head.
        let old = unsafe { self.block().put(index, value) };
        self.next = sequence + 1;
        self.shared.show(self.next);
        // Only now: its Drop may panic, and may look at the ring.
        drop(old);
        sequence
    }

    /// Makes the block of an admitted sequence the current one.
    #[inline(always)]
    fn enter(&mut self, sequence: u64) {
        let memory = &self.shared.memory;
        // Also when the current block lies ahead: then a batch panicked in it.
        let inside = |current: &Current<T>| current.end.wrapping_sub(sequence + 1) < memory.slots();
        if !self.current.as_ref().is_some_and(inside) {
            let chunk = memory.chunk(sequence);
            self.current = Some(Current {
                block: memory.find(chunk),
                end: memory.start(chunk + 1),
            });
        }
    }

    #[inline(always)]
    fn block(&self) -> &Block<T> {
        let current = self.current.as_ref().expect("entered before it is written");
        // SAFETY: the spot is of our memory.
        unsafe { self.shared.memory.at(current.block) }
    }
}

impl<T> Drop for Publisher<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
