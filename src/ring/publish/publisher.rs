//! The only publisher of a ring: exclusive, wait-free but at block boundaries.

#[cfg(feature = "async")]
use super::publish_async::PublishAsync;
use super::write_batch::write_batch;
use crate::ring::blocks::{Filled, Slot, WriteBlock};
use crate::ring::builder::Overflow;
use crate::ring::core::Core;
use crate::ring::error::{BatchError, PublishError, Refused};
use std::fmt;
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
    core: Arc<Core<T>>,
    /// The next sequence; what head says. A copy, since readers take the line of head away.
    next: u64,
    /// The block that `next` goes into, while `next` is permitted: the permit ends with this block, but for the time in
    /// which a batch is written (`write_batch`).
    write_block: Option<WriteBlock<T>>,
    closed: bool,
    /// Values that a batch moved out of its slots, until head is stored: dropping one may panic, or use the ring.
    retired: Vec<T>,
}

impl<T> Publisher<T> {
    pub(in crate::ring) fn new(core: Arc<Core<T>>) -> Self {
        Self::new_at(core, 0)
    }

    pub(in crate::ring) fn new_at(core: Arc<Core<T>>, next: u64) -> Self {
        Self {
            core,
            next,
            write_block: None,
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

    /// Publishes a value, and waits as a task while a gated reader holds a ring full that
    /// [blocks](Overflow::Block). Its timeout does not count here: a runtime has its own.
    ///
    /// A future that is dropped while it is pending has published nothing; the value goes with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::ring::{Builder, Overflow, Start};
    ///
    /// let waiting = Overflow::Block { timeout: None };
    /// let (mut publisher, ring) = Builder::new(1).overflow(waiting).build().unwrap();
    /// let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
    /// futures::executor::block_on(async {
    ///     publisher.publish_async("a").await.unwrap();
    ///     // There is no room for the next one before the first is read.
    ///     let next = publisher.publish_async("b");
    ///     let read = async { *gated.recv_async().await.unwrap() };
    ///     assert_eq!(futures::future::join(next, read).await, (Ok(1), "a"));
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_publish`](Self::try_publish); `Full` on a ring that rejects only.
    #[cfg(feature = "async")]
    pub fn publish_async(&mut self, value: T) -> PublishAsync<'_, T> {
        PublishAsync::exclusive(self, value)
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
        let sequence = self.write_with(fill);
        self.core.store_head_and_wake(self.next);
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
        let range = self.admit_batch(values.len(), Self::admit)?;
        let (memory, retired) = (&self.core.memory, &mut self.retired);
        let written = write_batch(
            &self.core,
            &mut self.write_block,
            &range,
            |write_block, part| {
                let values = || values.next();
                // SAFETY: we are the publisher, and the part is admitted and in the write block.
                unsafe { write_block.put_each(memory, part, values, |old| retired.push(old)) }
            },
        );
        if written < range.end {
            return Err(self.abandon(range, written));
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
        let range = self.admit_batch(len, Self::admit)?;
        self.write_batch_with(&range, &mut fill);
        self.finish_batch(range)
    }

    /// Publishes as [`publish_with`](Self::publish_with), and wakes nobody: for a caller with a lock, who looks whether
    /// [somebody sleeps](crate::ring::Ring::has_sleepers), and [wakes](crate::ring::Ring::wake_readers) it when the
    /// lock is released.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    #[cfg(feature = "hub")]
    #[inline]
    pub(crate) fn publish_quietly_with(
        &mut self,
        fill: impl for<'a> FnOnce(Slot<'a, T>) -> Filled<'a>,
    ) -> Result<u64, PublishError<()>> {
        self.admit(1).map_err(|refused| refused.with(()))?;
        let sequence = self.write_with(fill);
        self.core.store_head(self.next);
        Ok(sequence)
    }

    /// Publishes as [`publish_quietly_with`](Self::publish_quietly_with), if that needs no waiting.
    ///
    /// # Errors
    ///
    /// As [`try_publish`](Self::try_publish).
    #[cfg(feature = "hub")]
    #[inline]
    #[allow(dead_code, reason = "for the hub's journal")]
    pub(crate) fn try_publish_quietly_with(
        &mut self,
        fill: impl for<'a> FnOnce(Slot<'a, T>) -> Filled<'a>,
    ) -> Result<u64, PublishError<()>> {
        self.try_admit(1).map_err(|refused| refused.with(()))?;
        let sequence = self.write_with(fill);
        self.core.store_head(self.next);
        Ok(sequence)
    }

    /// Publishes as [`publish_batch_with`](Self::publish_batch_with), quietly.
    ///
    /// # Errors
    ///
    /// As [`publish_batch`](Self::publish_batch).
    #[cfg(feature = "hub")]
    pub(crate) fn publish_batch_quietly_with(
        &mut self,
        len: usize,
        mut fill: impl for<'a> FnMut(usize, Slot<'a, T>) -> Filled<'a>,
    ) -> Result<Range<u64>, BatchError> {
        let range = self.admit_batch(len, Self::admit)?;
        self.write_batch_with(&range, &mut fill);
        self.show_quietly(&range);
        Ok(range)
    }

    /// Publishes as [`publish_batch_quietly_with`](Self::publish_batch_quietly_with), if that needs no waiting.
    ///
    /// # Errors
    ///
    /// As [`publish_batch`](Self::publish_batch), but never [`TimedOut`](BatchError::TimedOut).
    #[cfg(feature = "hub")]
    #[allow(dead_code, reason = "for the hub's journal")]
    pub(crate) fn try_publish_batch_quietly_with(
        &mut self,
        len: usize,
        mut fill: impl for<'a> FnMut(usize, Slot<'a, T>) -> Filled<'a>,
    ) -> Result<Range<u64>, BatchError> {
        let range = self.admit_batch(len, Self::try_admit)?;
        self.write_batch_with(&range, &mut fill);
        self.show_quietly(&range);
        Ok(range)
    }

    #[cfg(feature = "hub")]
    fn show_quietly(&mut self, range: &Range<u64>) {
        if !range.is_empty() {
            self.next = range.end;
            self.core.store_head(self.next);
        }
    }

    /// Moves the barrier of a staged ring up to `to`, at most [`next`](Self::next), over what nobody upstream has to
    /// see first, and wakes nobody. Returns what this call moved it over, which is no other call's.
    #[cfg(any(feature = "hub", feature = "_loom"))]
    #[inline]
    #[allow(dead_code, reason = "for the hub's journal")]
    pub(crate) fn pass(&mut self, to: u64) -> Range<u64> {
        assert!(to <= self.next, "not above head");
        match &self.core.barrier {
            // We are not closed, so the end need not be looked for.
            Some(barrier) if !self.closed => barrier.raise(to),
            _ => to..to,
        }
    }

    /// Returns the next sequence to be published.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Returns the oldest sequence that is kept; [`next`](Self::next) if there is none.
    pub fn oldest(&self) -> u64 {
        self.core.oldest()
    }

    /// Returns how many values can be read.
    pub fn len(&self) -> usize {
        self.core.len() as usize
    }

    /// Returns whether no value can be read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether this publisher has been [closed](Self::close), or its ring abandoned by an
    /// [upstream handle](crate::ring::Upstream).
    pub fn is_closed(&self) -> bool {
        self.closed || self.core.is_abandoned()
    }

    /// Returns how many subscribers and groups there are.
    pub fn subscriber_count(&self) -> usize {
        self.core.reader_count()
    }

    /// Returns how many values are kept, exactly as asked for.
    pub fn capacity(&self) -> usize {
        self.core.config.capacity as usize
    }

    /// Ends the ring: nothing more is published, readers find [`Closed`](crate::ring::TryRecvError::Closed) once they
    /// have read the rest.
    pub fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.core.close(self.next);
        }
    }

    /// Ends the ring as [`close`](Self::close), quietly.
    #[cfg(feature = "hub")]
    pub(crate) fn close_quietly(&mut self) {
        if !self.closed {
            self.closed = true;
            self.core.store_end(self.next);
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
        for _ in 0..self.core.trim(before.min(self.next)) {
            self.core.empty_one(&mut values);
            // Outside the lock: the closure is the caller's, and may use the ring.
            values.drain(..).for_each(&mut dropped);
        }
        self.oldest()
    }

    /// Returns the state of its ring, for the future that waits for room.
    #[cfg(feature = "async")]
    pub(in crate::ring) fn core(&self) -> &Core<T> {
        &self.core
    }

    /// Asks for room for `len` values, and waits as the ring's overflow says.
    #[inline(always)]
    fn admit(&mut self, len: u64) -> Result<(), Refused> {
        if self.core.is_permitted(self.next + len) {
            return Ok(());
        }
        self.admit_cold(len)
    }

    #[cold]
    #[inline(never)]
    fn admit_cold(&mut self, len: u64) -> Result<(), Refused> {
        self.wait_for_room(len)?;
        // A new permit is for another block, or for the same one after a revocation: cheaper to look than to ask which.
        self.find_write_block();
        Ok(())
    }

    fn wait_for_room(&mut self, len: u64) -> Result<(), Refused> {
        let Overflow::Block { timeout } = self.core.config.overflow else {
            return self.ask(len);
        };
        // Once without the clock and the list: most often the gates have moved since they were last looked at.
        match self.ask(len) {
            Err(Refused::Full) => {}
            done => return done,
        }
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let end = self.next + len;
        // `grant` loads the gates after `arm`'s fence, as `is_ready` loads head for readers.
        let core = &*self.core;
        let mut is_granted = false;
        let is_over = || {
            is_granted = core.grant(end);
            is_granted || core.is_abandoned()
        };
        match core.room.wait(core.config.strategy, 0, deadline, is_over) {
            true if is_granted => Ok(()),
            true => Err(Refused::Closed),
            false => Err(Refused::TimedOut),
        }
    }

    #[inline(always)]
    fn try_admit(&mut self, len: u64) -> Result<(), Refused> {
        if self.core.is_permitted(self.next + len) {
            return Ok(());
        }
        self.try_admit_cold(len)
    }

    #[cold]
    #[inline(never)]
    fn try_admit_cold(&mut self, len: u64) -> Result<(), Refused> {
        self.ask(len)?;
        self.find_write_block();
        Ok(())
    }

    fn ask(&self, len: u64) -> Result<(), Refused> {
        if !self.closed && self.core.grant(self.next + len) {
            Ok(())
        } else if self.is_closed() {
            Err(Refused::Closed)
        } else {
            Err(Refused::Full)
        }
    }

    /// Finds the block of the next sequence, which has just been opened, or was before.
    fn find_write_block(&mut self) {
        let memory = &self.core.memory;
        self.write_block = Some(WriteBlock::new(memory, memory.chunk(self.next)));
    }

    fn admit_batch(
        &mut self,
        len: usize,
        admit: impl FnOnce(&mut Self, u64) -> Result<(), Refused>,
    ) -> Result<Range<u64>, BatchError> {
        if self.closed {
            return Err(BatchError::Closed);
        }
        let capacity = self.capacity();
        if len > capacity {
            return Err(BatchError::TooLarge { len, capacity });
        }
        // A batch that panicked may have left some. Before it is admitted: their `Drop` may panic, and nothing of the
        // caller's runs between the permit and the guard of `write_batch`.
        self.retired.clear();
        if len > 0 {
            admit(self, len as u64)?;
        }
        Ok(self.next..self.next + len as u64)
    }

    /// Makes a written batch visible, and then drops what it replaced.
    fn finish_batch(&mut self, range: Range<u64>) -> Result<Range<u64>, BatchError> {
        if !range.is_empty() {
            self.next = range.end;
            self.core.store_head_and_wake(self.next);
        }
        self.retired.clear();
        Ok(range)
    }

    #[cold]
    fn abandon(&mut self, range: Range<u64>, written: u64) -> BatchError {
        self.retired.clear();
        BatchError::Short {
            expected: (range.end - range.start) as usize,
            got: (written - range.start) as usize,
        }
    }

    /// Has one slot written that is admitted; it is not visible yet.
    #[inline(always)]
    fn write_with(&mut self, fill: impl for<'a> FnOnce(Slot<'a, T>) -> Filled<'a>) -> u64 {
        let sequence = self.next;
        let write_block = self.write_block.as_mut().expect("admitted");
        // SAFETY: we are the publisher, and the sequence is admitted.
        unsafe { write_block.put_with(&self.core.memory, sequence, fill) };
        self.next = sequence + 1;
        sequence
    }

    /// Has the slots of a batch written that is admitted; they are not visible yet.
    #[inline(always)]
    fn write_batch_with(
        &mut self,
        range: &Range<u64>,
        fill: &mut impl for<'a> FnMut(usize, Slot<'a, T>) -> Filled<'a>,
    ) {
        let (memory, first) = (&self.core.memory, range.start);
        write_batch(
            &self.core,
            &mut self.write_block,
            range,
            |write_block, part| {
                let (done, len) = ((part.start - first) as usize, part.end - part.start);
                // SAFETY: we are the publisher, and the part is admitted and in the write block.
                unsafe {
                    write_block.put_each_with(memory, part, |at, slot| fill(done + at, slot))
                };
                len
            },
        );
    }

    /// Writes and shows one admitted value.
    #[inline(always)]
    fn write(&mut self, value: T) -> u64 {
        let sequence = self.next;
        let write_block = self.write_block.as_mut().expect("admitted");
        // SAFETY: we are the publisher, and the sequence is admitted.
        let old = unsafe { write_block.put(&self.core.memory, sequence, value) };
        self.next = sequence + 1;
        self.core.store_head_and_wake(self.next);
        // Only now: its Drop may panic, and may look at the ring.
        drop(old);
        sequence
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
