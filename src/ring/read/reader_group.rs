//! A group of cursors for one thread: one head load a round, one pin for all cursors in a block.

use super::reader::Reader;
use crate::ring::builder::Start;
use crate::ring::error::{Lagged, SubscribeError};
use crate::ring::head::Head;
use crate::ring::wait::{Awaited, Notify, Waiter};
use std::fmt;
use std::sync::Arc;

/// A group of cursors that one thread drains together. Lossy or gated, as it was made; a gated group gates at its
/// slowest cursor.
///
/// # Examples
///
/// ```
/// use eventring::ring::{self, Start};
///
/// let (mut publisher, ring) = ring::channel(100).unwrap();
/// let mut group = ring.group().unwrap();
/// let ids = [group.add(Start::Newest).unwrap(), group.add(Start::Newest).unwrap()];
/// publisher.publish("one").unwrap();
/// let mut seen = Vec::new();
/// group.drain(usize::MAX, |id, first, values| seen.push((id, first, values.len())));
/// assert_eq!(seen, [(ids[0], 0, 1), (ids[1], 0, 1)]);
/// ```
pub struct ReaderGroup<T> {
    reader: Reader<T>,
    /// The next sequence of each cursor; [`NONE`] at an index without one.
    cursors: Vec<u64>,
    /// The number of cursors that each index had before, so that an old id finds nothing.
    generations: Vec<u32>,
    /// The indices without a cursor.
    vacant: Vec<u32>,
}

/// The id of a cursor in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CursorId {
    index: u32,
    generation: u32,
}

/// The result of a round of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Round {
    /// Values handed out, over all cursors.
    pub read: u64,
    /// Values that were overwritten before a cursor read them, over all cursors.
    pub missed: u64,
    /// True if the ring was closed when the round began; a cursor at head has read everything then.
    pub closed: bool,
    /// True if it was closed since an upstream handle went before the end: what comes next will never be shown.
    pub abandoned: bool,
}

impl<T> ReaderGroup<T> {
    pub(in crate::ring) fn new(reader: Reader<T>) -> Self {
        Self {
            reader,
            cursors: Vec::new(),
            generations: Vec::new(),
            vacant: Vec::new(),
        }
    }

    /// Adds a cursor.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::InFuture`]; in a gated group [`SubscribeError::TooOld`], unless another cursor of the group
    /// still holds the sequence.
    pub fn add(&mut self, start: Start) -> Result<CursorId, SubscribeError> {
        let cursor = self.reader.place(start)?;
        let at = self.vacant.pop().unwrap_or_else(|| {
            self.cursors.push(NONE);
            self.generations.push(0);
            self.cursors.len() as u32 - 1
        });
        self.cursors[at as usize] = cursor;
        Ok(CursorId {
            index: at,
            generation: self.generations[at as usize],
        })
    }

    /// Removes a cursor; false if it had been removed.
    pub fn remove(&mut self, id: CursorId) -> bool {
        if self.position(id).is_none() {
            return false;
        }
        self.cursors[id.index as usize] = NONE;
        self.generations[id.index as usize] = id.generation.wrapping_add(1);
        self.vacant.push(id.index);
        // It may have been the slowest one.
        self.reader.advance_gate(self.slowest());
        true
    }

    /// Returns the next sequence that a cursor reads.
    pub fn position(&self, id: CursorId) -> Option<u64> {
        let at = id.index as usize;
        (self.generations.get(at) == Some(&id.generation)).then(|| self.cursors[at])
    }

    /// Returns how many cursors there are.
    pub fn len(&self) -> usize {
        self.cursors.len() - self.vacant.len()
    }

    /// Returns whether there is no cursor.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands out what is there to every cursor, at most `max` values to each: `read` gets the cursor, the first
    /// sequence and a slice, once per block. Each cursor advances after `read` returned.
    ///
    /// What cursors missed is added up in the answer; [`drain_with`](Self::drain_with) tells who missed what.
    #[inline]
    pub fn drain(&mut self, max: usize, read: impl FnMut(CursorId, u64, &[T])) -> Round {
        self.drain_with(max, read, |_, _| ())
    }

    /// Like [`drain`](Self::drain), and tells `lagged` whenever a cursor was overtaken. Such a cursor reads on in the
    /// next round.
    pub fn drain_with(
        &mut self,
        max: usize,
        mut read: impl FnMut(CursorId, u64, &[T]),
        mut lagged: impl FnMut(CursorId, Lagged),
    ) -> Round {
        // One load for all cursors, and all of them see the ring at the same moment.
        let Head { next: head, closed } = self.reader.core().bound(self.reader.side());
        let mut round = Round {
            closed,
            abandoned: closed && self.reader.core().is_abandoned(),
            ..Round::default()
        };
        for at in 0..self.cursors.len() {
            let first = self.cursors[at];
            if first >= head {
                continue;
            }
            let id = CursorId {
                index: at as u32,
                generation: self.generations[at],
            };
            let stop = head.min(first.saturating_add(max as u64));
            if self.drain_one(at, stop, head, |first, values| read(id, first, values)) {
                round.read += self.cursors[at] - first;
            } else {
                round.read += self.cursors[at] - first;
                let lag = self.reader.catch_up(&mut self.cursors[at]);
                round.missed += lag.missed;
                lagged(id, lag);
            }
        }
        // The gate moves once a round, behind the last read: it is the minimum over all cursors.
        let slowest = if self.reader.is_gated() {
            self.slowest()
        } else {
            NONE
        };
        self.reader.end_round(slowest);
        round
    }

    /// Reads one cursor up to `stop`; false if it was overtaken.
    #[inline(always)]
    fn drain_one(
        &mut self,
        at: usize,
        stop: u64,
        head: u64,
        mut read: impl FnMut(u64, &[T]),
    ) -> bool {
        let cursor = &mut self.cursors[at];
        if self.reader.is_overtaken(*cursor, head) {
            return false;
        }
        while *cursor < stop {
            if !self.reader.hold(*cursor) {
                return false;
            }
            // SAFETY: below head, held, and the gate is not above any cursor.
            let run = unsafe { self.reader.run(*cursor, stop) };
            read(*cursor, run.values());
            *cursor += run.values().len() as u64;
        }
        true
    }

    fn slowest(&self) -> u64 {
        self.cursors.iter().copied().min().unwrap_or(NONE)
    }
}

impl<T: Send + Sync + 'static> ReaderGroup<T> {
    /// Makes a place on the wait list for a foreign waker.
    pub fn waiter(&self, notify: Arc<dyn Notify>) -> Waiter {
        let awaited = Awaited::Values(self.reader.side());
        Waiter::new(self.reader.core().clone(), awaited, notify)
    }
}

impl<T> fmt::Debug for ReaderGroup<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderGroup")
            .field("cursors", &self.len())
            .finish_non_exhaustive()
    }
}

/// The position of no cursor: above every head, and no gate.
const NONE: u64 = u64::MAX;
