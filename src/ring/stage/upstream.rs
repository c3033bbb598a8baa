//! The handle that stands before the barrier: it reads first, and says how far everybody else may read.

use super::barrier::Barrier;
use crate::ring::core::{Core, Gate};
use crate::ring::error::{
    RecvError, RecvTimeoutError, ReleaseError, SeekError, TryRecvError, UpstreamError,
};
use crate::ring::read::{Batch, Reader, Ref, Subscriber, Waited};
use crate::ring::wait::{Notify, WaitStrategy, Waiter};
use crate::sync::Ordering;
use std::fmt;
#[cfg(feature = "hub")]
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A reader upstream of a [staged](crate::ring::Builder::staged) ring's barrier: it sees everything first, and nobody
/// downstream sees what it has not [released](Self::release).
///
/// It reads as a gated subscriber does, but holds what it has read until that is released: publishers wait for it, or
/// are refused, once it has not released for a whole capacity. The barrier stands at the minimum of what all upstream
/// handles have released.
///
/// # Leaving
///
/// Dropped before it has released everything up to the end of a closed ring, and without [`finish`](Self::finish), a
/// handle *abandons* the ring (so does the panic of its thread): publishers find it closed, and readers downstream read
/// up to the barrier and get `Closed { abandoned: true }`. What lies beyond is never shown.
///
/// # Examples
///
/// ```
/// use eventring::ring::{Builder, Overflow, ReleaseError, Start, TryRecvError};
///
/// let builder = Builder::new(100).overflow(Overflow::Reject).staged();
/// let (mut publisher, ring) = builder.build().unwrap();
/// let mut journal = ring.upstream().unwrap();
/// let mut reader = ring.subscribe(Start::Oldest).unwrap();
/// publisher.publish_batch(["a", "b"]).unwrap();
/// assert_eq!(reader.try_recv().unwrap_err(), TryRecvError::Empty, "not yet");
///
/// assert_eq!(journal.release(1), Err(ReleaseError::NotRead { position: 0 }));
/// let read = journal.drain(usize::MAX, |_first, values| assert_eq!(values, ["a", "b"]));
/// journal.release(1).unwrap();
/// assert_eq!((read, *reader.try_recv().unwrap()), (Ok(2), "a"));
/// assert_eq!(reader.try_recv().unwrap_err(), TryRecvError::Empty);
///
/// drop(journal);
/// assert_eq!(reader.try_recv().unwrap_err(), TryRecvError::Closed { abandoned: true });
/// assert!(publisher.publish("c").is_err());
/// ```
pub struct Upstream<T> {
    /// The cursor. Its own gate does not exist: `gate` stands for it.
    subscriber: Subscriber<T>,
    /// At what is released, or kept: see [`release`](Self::release).
    gate: Arc<Gate>,
    /// The position of the gate, which is only written by us.
    released: u64,
    /// True once [`finish`](Self::finish) was called.
    finished: bool,
}

impl<T> Upstream<T> {
    /// Joins upstream at the barrier: nothing that it has not passed is missed.
    pub(in crate::ring) fn join(core: &Arc<Core<T>>) -> Result<Self, UpstreamError> {
        let barrier = core.barrier.as_ref().ok_or(UpstreamError::NotStaged)?;
        let reader = Reader::upstream(core).map_err(|_| UpstreamError::TooManyReaders)?;
        // Behind `reader` in this order: a reader that is dropped takes the lock.
        let mut locked = core.locked.lock();
        let head = barrier.head();
        if head.closed {
            return Err(UpstreamError::Closed);
        }
        // Nothing at or above the barrier has been written over: it is a gate itself.
        let gate = locked.add_upstream(head.next);
        core.revoke_limit(&mut locked);
        drop(locked);
        Ok(Self {
            subscriber: Subscriber::at(reader, head.next),
            gate,
            released: head.next,
            finished: false,
        })
    }

    /// Lets everybody downstream read what lies below `to`, as far as all upstream handles have released it.
    ///
    /// # Errors
    ///
    /// Nothing has changed then:
    /// - [`ReleaseError::NotRead`] above [`position`](Self::position).
    /// - [`ReleaseError::Backwards`] below [`released`](Self::released).
    /// - [`ReleaseError::Abandoned`] once another upstream handle has left before the end.
    pub fn release(&mut self, to: u64) -> Result<(), ReleaseError> {
        let position = self.position();
        if to > position {
            return Err(ReleaseError::NotRead { position });
        }
        let released = self.released;
        if to < released {
            return Err(ReleaseError::Backwards { released });
        }
        let (core, barrier) = self.parts();
        if barrier.is_abandoned() {
            return Err(ReleaseError::Abandoned);
        }
        if to == released {
            return Ok(());
        }
        // Under the lock, so that of two handles that release at once the later one finds the minimum of both.
        let locked = core.locked.lock();
        // Release: pairs with the Acquire in `slowest_gate`; what was read happens before it is written over.
        self.gate.store(to, Ordering::Release);
        let passed = barrier.raise(locked.slowest_upstream());
        drop(locked);
        self.released = to;
        let (core, barrier) = self.parts();
        if !passed.is_empty() {
            barrier.settle_end(core);
            barrier.wake();
        }
        core.wake_publishers();
        core.drop_passed_above(released, to);
        Ok(())
    }

    /// Leaves in good order: releases what it has read, and the barrier waits for it no longer.
    ///
    /// To replace a handle, make the other one first. The last one that finishes before it has read a closed ring to
    /// its end abandons the ring all the same, since nobody is left who would release the rest.
    pub fn finish(mut self) {
        // Refused only where nothing can be released any more.
        let _ = self.release(self.position());
        self.finished = true;
    }

    /// Takes the next value, if it is there.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty), or [`Closed`](TryRecvError::Closed) when all that was published is read, or
    /// another upstream handle has abandoned the ring.
    pub fn try_recv(&mut self) -> Result<Ref<'_, T>, TryRecvError> {
        self.subscriber.try_recv()
    }

    /// Takes the next value, and waits until it is there.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed).
    pub fn recv(&mut self) -> Result<Ref<'_, T>, RecvError> {
        self.subscriber.recv()
    }

    /// Takes the next value, and waits so long at most until it is there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`TimedOut`](RecvTimeoutError::TimedOut).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Ref<'_, T>, RecvTimeoutError> {
        self.subscriber.recv_timeout(timeout)
    }

    /// Lends the next values in place; see [`Subscriber::next_batch`].
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv).
    pub fn next_batch(&mut self, max: usize) -> Result<Batch<'_, T>, TryRecvError> {
        self.subscriber.next_batch(max)
    }

    /// Hands out what is there, at most `max` values, in place; see [`Subscriber::drain`].
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv), when there is nothing to hand out.
    #[inline]
    pub fn drain(
        &mut self,
        max: usize,
        read: impl FnMut(u64, &[T]),
    ) -> Result<usize, TryRecvError> {
        self.subscriber.drain(max, read)
    }

    /// Hands out value after value in place while `read` says true; see [`Subscriber::read_while`].
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv), when there is nothing to hand out.
    #[inline]
    pub fn read_while(
        &mut self,
        max: usize,
        read: impl FnMut(u64, &T) -> bool,
    ) -> Result<usize, TryRecvError> {
        self.subscriber.read_while(max, read)
    }

    /// Returns the next sequence to read.
    pub fn position(&self) -> u64 {
        self.subscriber.position()
    }

    /// Returns the sequence up to which this handle has released.
    pub fn released(&self) -> u64 {
        self.released
    }

    /// Moves the cursor: back to read again what has not been released, or forward to leave something out.
    ///
    /// # Errors
    ///
    /// [`SeekError::TooOld`] below what is released, [`SeekError::InFuture`] above head. The cursor stays.
    pub fn seek(&mut self, sequence: u64) -> Result<(), SeekError> {
        if sequence < self.released {
            return Err(SeekError::TooOld {
                oldest: self.released,
            });
        }
        let head = self.parts().0.head().next;
        if sequence > head {
            return Err(SeekError::InFuture { head });
        }
        self.subscriber.stand_at(sequence);
        Ok(())
    }

    /// Returns how many values are published and not yet read.
    pub fn lag(&self) -> u64 {
        self.subscriber.lag()
    }

    /// Sets what this handle does while it waits.
    pub fn set_wait_strategy(&mut self, strategy: WaitStrategy) {
        self.subscriber.set_wait_strategy(strategy);
    }

    /// Waits until there is something past the cursor, nothing more will come, or the deadline passes.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Waited {
        self.subscriber.wait(deadline)
    }

    /// Moves the gate apart from the barrier, which its owner moves by
    /// [`raise_barrier`](crate::ring::Ring::raise_barrier): publishers may write over what lies below `to`, which has
    /// been read, once the barrier has passed it.
    #[cfg(any(feature = "hub", feature = "_loom"))]
    #[allow(dead_code, reason = "for the hub's journal")]
    pub(crate) fn move_gate(&mut self, to: u64) {
        assert!(self.released <= to && to <= self.position());
        let released = self.released;
        self.released = to;
        let core = self.parts().0;
        core.move_gate(&self.gate, to);
        core.drop_passed_above(released, to);
    }

    /// Lends the values of a range, at or above what is released and below head, for as long as this handle is borrowed: its
    /// gate does not move meanwhile.
    ///
    /// # Panics
    ///
    /// If the range is not so.
    #[cfg(feature = "hub")]
    pub(crate) fn peek(&self, range: Range<u64>) -> impl Iterator<Item = (u64, &T)> {
        let head = self.parts().0.head().next;
        assert!(self.released <= range.start && range.end <= head, "held");
        let mut next = range.start;
        std::iter::from_fn(move || {
            (next < range.end).then(|| {
                let first = next;
                // SAFETY: below head, and the gate is not above it: it only moves by a `&mut` of this handle.
                let run = unsafe { self.subscriber.reader().run(first, range.end) };
                let values = run.into_values();
                next += values.len() as u64;
                values
                    .iter()
                    .enumerate()
                    .map(move |(at, value)| (first + at as u64, value))
            })
        })
        .flatten()
    }

    fn parts(&self) -> (&Arc<Core<T>>, &Barrier) {
        let core = self.subscriber.core();
        (core, core.barrier.as_ref().expect("a staged ring"))
    }
}

impl<T: Send + Sync + 'static> Upstream<T> {
    /// Makes a place on the wait list for a foreign waker.
    pub fn waiter(&self, notify: Arc<dyn Notify>) -> Waiter {
        self.subscriber.waiter(notify)
    }
}

impl<T> Drop for Upstream<T> {
    fn drop(&mut self) {
        let (core, barrier) = self.parts();
        let head = core.head();
        let is_done = self.finished || (head.closed && self.released == head.next);
        let mut locked = core.locked.lock();
        let others = locked.remove_upstream(&self.gate);
        // The last one that is done has moved the barrier to the end, or leaves what nobody will release.
        if is_done && others {
            barrier.raise(locked.slowest_upstream());
        } else if !(is_done && barrier.head().next == head.next && head.closed) {
            barrier.abandon();
        }
        if barrier.is_abandoned() {
            // Publishers look at their permit only: without one they come to where this is asked for.
            core.revoke_limit(&mut locked);
        }
        drop(locked);
        barrier.settle_end(core);
        if barrier.is_abandoned() && core.config.many {
            core.close_claims();
        }
        if barrier.is_abandoned() {
            core.readers.wake(u64::MAX);
        }
        barrier.wake();
        core.wake_publishers();
    }
}

impl<T> fmt::Debug for Upstream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("position", &self.position())
            .field("released", &self.released)
            .finish_non_exhaustive()
    }
}
