//! The claims of publishers that share a ring: who writes which sequence.
//!
//! A publisher claims sequences by compare-exchange, writes its slots, and stamps each with its sequence. Nobody's
//! publishing waits for another's: head is moved over what is stamped, without a hole, by whoever wants to know it.
//! That is a reader that has read up to head, or a publisher that opens a block.

use crate::ring::core::Core;
use crate::ring::error::Refused;
use crate::ring::head::{CLOSED, Head};
use crate::sync::{AtomicU64, Ordering};

/// The words of publishers that share a ring.
pub(in crate::ring) struct Claims {
    /// [`Head::word`] of the next sequence to be claimed: `next << 1 | closed`. Closing is in the same word, so that no
    /// claim comes after it.
    next: AtomicU64,
    /// The sequence below which may be claimed without the lock; see the permit of a single publisher. Its own word,
    /// since it is released and acquired, and reaches over several blocks.
    permit: AtomicU64,
}

/// The reason why nothing was claimed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::ring) enum ClaimError {
    /// A gate is in the way.
    Full,
    /// A publisher has claimed a slot a lap ago, and not stamped it yet.
    Unfinished,
    /// The ring has ended.
    Closed,
}

impl From<ClaimError> for Refused {
    fn from(error: ClaimError) -> Self {
        match error {
            // An unfinished slot is as little room as a gate: whoever does not wait need not tell them apart.
            ClaimError::Full | ClaimError::Unfinished => Self::Full,
            ClaimError::Closed => Self::Closed,
        }
    }
}

impl Claims {
    pub(in crate::ring) fn new() -> Self {
        Self {
            next: AtomicU64::new(0),
            permit: AtomicU64::new(0),
        }
    }

    /// Claims `len` sequences, and returns the first. They are the caller's to write, and must be stamped.
    #[inline(always)]
    pub(in crate::ring) fn claim<T>(&self, core: &Core<T>, len: u64) -> Result<u64, ClaimError> {
        // Relaxed: a claim hands nothing over but the number. What the slots need came with the permit.
        let mut word = self.next.load(Ordering::Relaxed);
        loop {
            let Head { next, closed } = Head::of_word(word);
            if closed {
                return Err(ClaimError::Closed);
            }
            // Acquire: pairs with the Release in `grant`. Who writes a slot comes after those who read or wrote it in
            // the lap before, and finds the block in the directory.
            if next + len > self.permit.load(Ordering::Acquire) {
                self.grant(core, next + len)?;
                // Others have claimed meanwhile: a lock takes long.
                word = self.next.load(Ordering::Relaxed);
                continue;
            }
            match self.next.compare_exchange_weak(
                word,
                Head::open(next + len).word(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(next),
                Err(now) => word = now,
            }
        }
    }

    /// Returns whether `len` sequences can be claimed, but for publishers that are not done.
    pub(in crate::ring) fn has_room<T>(&self, core: &Core<T>, len: u64) -> bool {
        let Head { next, closed } = Head::of_word(self.next.load(Ordering::Relaxed));
        // Closed is room too: who waits for some has to be told.
        closed || self.grant(core, next + len) != Err(ClaimError::Full)
    }

    /// Permits claims up to `end`.
    ///
    /// As [`Core::grant`], but here head may be behind what has been claimed. The floor never passes it: so a block
    /// whose chunk is given to another is stamped throughout, and no two publishers meet in one slot.
    #[cold]
    #[inline(never)]
    fn grant<T>(&self, core: &Core<T>, end: u64) -> Result<(), ClaimError> {
        let mut locked = core.locked.lock();
        if !locked.is_below_limit(core, end) {
            return Err(ClaimError::Full);
        }
        if end > locked.opened_end(core) {
            let floor = core.oldest_below(end);
            if floor > core.advance().next {
                return Err(ClaimError::Unfinished);
            }
            locked.open_until(core, end, floor);
        }
        // Up to the end of what is open, and not of one block: a claim finds its block by the directory each time.
        let permit = locked.limit.min(locked.opened_end(core));
        // Release: pairs with the Acquire in `claim`.
        self.permit.store(permit, Ordering::Release);
        Ok(())
    }

    /// Makes publishers ask again before they claim any more.
    pub(in crate::ring) fn revoke_permit(&self) {
        // Relaxed: a revocation that is seen late lets a value through that was published beside the joining.
        self.permit.store(0, Ordering::Relaxed);
    }

    /// Ends claiming, and returns the sequence at which the ring ends, to whoever comes first.
    pub(in crate::ring) fn close(&self) -> Option<u64> {
        let before = Head::of_word(self.next.fetch_or(CLOSED, Ordering::Relaxed));
        (!before.closed).then_some(before.next)
    }

    /// Returns whether claiming has ended.
    pub(in crate::ring) fn is_closed(&self) -> bool {
        Head::of_word(self.next.load(Ordering::Relaxed)).closed
    }
}
