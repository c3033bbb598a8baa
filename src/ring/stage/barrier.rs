//! The barrier of a staged ring: a second head, which bounds everybody downstream.

use super::side::Side;
use crate::ring::core::Core;
use crate::ring::head::{CLOSED, Head};
use crate::ring::wait::{FencePair, WaitList};
use crate::sync::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;
use std::ops::Range;

/// The barrier of a staged ring, with the readers that sleep until it moves.
pub(in crate::ring) struct Barrier {
    /// [`Head::word`] of how far readers downstream may read, and [`ABANDONED`]. Only rises, is at most head, and stays
    /// once it is closed. Written by whoever moves or ends it, always by a read-modify-write.
    word: CachePadded<AtomicU64>,
    /// Readers downstream that wait for it to move.
    sleepers: WaitList,
}

impl Barrier {
    pub(in crate::ring) fn new(fences: FencePair) -> Self {
        Self {
            word: CachePadded::new(AtomicU64::new(0)),
            sleepers: WaitList::new(fences),
        }
    }

    /// Returns how far the barrier has come, and whether it stays there.
    #[inline(always)]
    pub(in crate::ring) fn head(&self) -> Head {
        // Acquire: pairs with the Release in `raise`; who has released the values had acquired them from head.
        Head::of_word(self.word.load(Ordering::Acquire) & !ABANDONED)
    }

    /// Returns how far a reader on this side may read; or less, but above `cursor`.
    pub(in crate::ring) fn bound_above<T>(&self, core: &Core<T>, side: Side, cursor: u64) -> Head {
        if side == Side::Downstream {
            // Head is not even loaded: its line is the publisher's, and upstream's.
            return self.head();
        }
        let Head { next, closed } = core.head_above(cursor);
        // Upstream of an abandoned barrier nothing can be released any more, whatever is still published.
        let closed = closed || (next <= cursor && self.is_abandoned());
        Head { next, closed }
    }

    /// Returns whether the barrier stays where it is because an upstream handle went.
    pub(in crate::ring) fn is_abandoned(&self) -> bool {
        // Acquire: pairs with the Release in `abandon`.
        self.word.load(Ordering::Acquire) & ABANDONED != 0
    }

    /// Moves the barrier up to `to`, which is not above a head that the caller has loaded. Returns what it passed by
    /// this call: the ranges of all calls are disjoint, and cover everything below it.
    #[inline]
    pub(in crate::ring) fn raise(&self, to: u64) -> Range<u64> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let from = Head::of_word(word & !ABANDONED);
            if from.closed || from.next >= to {
                return to..to;
            }
            // Release: pairs with the Acquire in `head`. Acquire: pairs with the Release in `settle_end`, see there.
            match self.word.compare_exchange_weak(
                word,
                Head::open(to).word(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return from.next..to,
                Err(now) => word = now,
            }
        }
    }

    /// Closes the barrier, if the ring has ended and the barrier has come so far.
    ///
    /// Called by who ends the ring, after that, and by who moves the barrier, after that. Of the two one sees the
    /// other: either this read-modify-write finds the barrier moved, or the one that moves it comes later, reads from
    /// ours and so sees that the ring has ended.
    pub(in crate::ring) fn settle_end<T>(&self, core: &Core<T>) {
        let head = core.head();
        if !head.closed {
            return;
        }
        let open = Head::open(head.next).word();
        // AcqRel: pairs with itself and with `raise`. A load would not do: nobody reads from it.
        if self.word.fetch_add(0, Ordering::AcqRel) == open {
            // Fails if another has closed it. Release: pairs with the Acquire in `head`.
            let closed = open | CLOSED;
            let _ = self
                .word
                .compare_exchange(open, closed, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Closes the barrier where it is. False if it was closed already.
    pub(in crate::ring) fn abandon(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & CLOSED == 0 {
            // Release: pairs with the Acquire in `head` and `is_abandoned`.
            match self.word.compare_exchange_weak(
                word,
                word | CLOSED | ABANDONED,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Returns the list of those who wait for the barrier to move.
    pub(in crate::ring) fn sleepers(&self) -> &WaitList {
        &self.sleepers
    }

    /// Wakes who waits for where the barrier is now.
    pub(in crate::ring) fn wake(&self) {
        if self.sleepers.has_sleepers() {
            self.sleepers.wake(self.head().wakes_below());
        }
    }
}

/// The bit of the barrier's word that says that an upstream handle went before the end.
const ABANDONED: u64 = 1 << 63;
