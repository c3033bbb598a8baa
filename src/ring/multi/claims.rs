//! Several publishers on one ring: claims, stamps, and who moves head.
//!
//! A publisher claims sequences by compare-exchange, writes its slots, and stamps each with its sequence. Nobody's
//! publishing waits for another's: head is moved over what is stamped, without a hole, by whoever wants to know it. That
//! is a reader that has read up to head, or a publisher that opens a block.

use crate::ring::blocks::Block;
use crate::ring::core::{CLOSED, Core};
use crate::sync::{AtomicU64, Ordering, fence};

/// The words of publishers that share a ring.
pub(in crate::ring) struct Claims {
    /// `next << 1 | closed`: the next sequence to be claimed.
    next: AtomicU64,
    /// As `Core::permit`, for claims.
    permit: AtomicU64,
}

/// Why nothing was claimed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::ring) enum ClaimError {
    /// A gate is in the way.
    Full,
    /// A publisher has claimed a slot a lap ago, and not stamped it yet.
    Unfinished,
    Closed,
}

impl Claims {
    pub(in crate::ring) fn new() -> Self {
        Self {
            next: AtomicU64::new(0),
            permit: AtomicU64::new(0),
        }
    }

    pub(in crate::ring) fn revoke_permit(&self) {
        self.permit.store(0, Ordering::Relaxed);
    }

    pub(in crate::ring) fn is_closed(&self) -> bool {
        self.next.load(Ordering::Relaxed) & CLOSED != 0
    }
}

impl<T> Core<T> {
    /// Claims `len` sequences, and returns the first. They are the caller's to write, and must be stamped.
    #[inline(always)]
    pub(in crate::ring) fn claim(&self, len: u64) -> Result<u64, ClaimError> {
        // Relaxed: a claim hands nothing over but the number. What the slots need came with the permit.
        let mut word = self.claims.next.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Err(ClaimError::Closed);
            }
            let first = word >> 1;
            // Acquire: pairs with the Release in `grant_claims`. Who writes a slot comes after those who read or wrote
            // it in the lap before, and finds the block in the directory.
            if first + len > self.claims.permit.load(Ordering::Acquire) {
                self.grant_claims(first + len)?;
                word = self.claims.next.load(Ordering::Relaxed);
                continue;
            }
            match self.claims.next.compare_exchange_weak(
                word,
                word + (len << 1),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(first),
                Err(now) => word = now,
            }
        }
    }

    /// Whether `len` sequences can be claimed, but for publishers that are not done.
    pub(in crate::ring) fn has_room(&self, len: u64) -> bool {
        let word = self.claims.next.load(Ordering::Relaxed);
        word & CLOSED != 0 || self.grant_claims((word >> 1) + len) != Err(ClaimError::Full)
    }

    /// Permits claims up to `end`.
    ///
    /// As [`grant`](Self::grant), but here head may be behind what has been claimed. The floor never passes it: so a
    /// block whose chunk is given to another is stamped throughout, and no two publishers meet in one slot.
    #[cold]
    #[inline(never)]
    fn grant_claims(&self, end: u64) -> Result<(), ClaimError> {
        let mut locked = self.locked.lock();
        if !self.is_below_limit(&mut locked, end) {
            return Err(ClaimError::Full);
        }
        if end > self.opened(&locked) {
            let floor = self.oldest_below(end);
            if floor > self.advance().0 {
                return Err(ClaimError::Unfinished);
            }
            self.open_until(&mut locked, end, floor);
        }
        let permit = locked.limit.min(self.opened(&locked));
        // Release: pairs with the Acquire in `claim`.
        self.claims.permit.store(permit, Ordering::Release);
        Ok(())
    }

    /// Writes a claimed slot, and returns what was there. It is not stamped yet.
    ///
    /// # Safety
    ///
    /// The sequence is the caller's by `claim`, and it has not been stamped.
    #[inline(always)]
    pub(in crate::ring) unsafe fn fill(&self, sequence: u64, value: T) -> Option<T> {
        // SAFETY: the block is that of the sequence: its directory entry was there before the permit, and only changes
        // once head has passed the sequence. Nobody else writes a claimed slot, nobody reads it before its stamp.
        unsafe {
            self.block_of(sequence)
                .fill(self.memory.index(sequence), value)
        }
    }

    /// Says that a slot is written.
    #[inline(always)]
    pub(in crate::ring) fn stamp(&self, sequence: u64) {
        let index = self.memory.index(sequence);
        self.block_of(sequence).stamp(index, sequence);
    }

    #[inline(always)]
    fn block_of(&self, sequence: u64) -> &Block<T> {
        let block_ref = self.memory.find(self.memory.chunk(sequence));
        // SAFETY: the reference is of our memory.
        unsafe { self.memory.at(block_ref) }
    }

    /// Wakes who waits for what has just been stamped.
    #[inline(always)]
    pub(in crate::ring) fn wake_for_stamped(&self) {
        if self.readers.has_sleepers() {
            self.advance_and_wake();
        }
    }

    #[cold]
    #[inline(never)]
    fn advance_and_wake(&self) {
        // SeqCst fence: pairs with itself on another publisher. Of two that stamp at once, one sees both stamps; without
        // it neither might, and a sleeper that waits for the later one would not be told.
        fence(Ordering::SeqCst);
        let (head, closed) = self.advance();
        self.readers.wake(if closed { u64::MAX } else { head });
    }

    /// Moves head over everything that is stamped, and returns it.
    pub(in crate::ring) fn advance(&self) -> (u64, bool) {
        let mut word = self.head_word();
        while word & CLOSED == 0 {
            let end = self.stamped(word >> 1);
            // Acquire: pairs with the Release in `close_claims`.
            let last = self.bounds.last.load(Ordering::Acquire);
            let next = end << 1 | u64::from(end == last);
            if next == word {
                // Who came late looks for a stamp in a block that was taken meanwhile. What it found there instead was
                // stored after head had moved on.
                let now = self.head_word();
                if now == word {
                    break;
                }
                word = now;
                continue;
            }
            // Release: as in `store_head`, for values that we acquired by their stamps, or by the head we start from.
            match self.bounds.head.compare_exchange(
                word,
                next,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => word = next,
                // Relaxed: what another stored is loaded again, with Acquire.
                Err(_) => word = self.head_word(),
            }
        }
        (word >> 1, word & CLOSED != 0)
    }

    /// The first sequence from `from` on that is not stamped.
    #[inline(always)]
    fn stamped(&self, from: u64) -> u64 {
        let memory = &self.memory;
        let mut end = from;
        while let Some(block_ref) = memory.try_find(memory.chunk(end)) {
            // SAFETY: the reference is of our memory.
            let block = unsafe { memory.at(block_ref) };
            let next = block.stamped(memory.index(end), end);
            // It goes on in the next block if this one is stamped to its end.
            if next == end || memory.index(next) != 0 {
                return next;
            }
            end = next;
        }
        end
    }

    /// Ends the ring: nothing more is claimed, and head is closed once all that was claimed is stamped.
    pub(in crate::ring) fn close_claims(&self) {
        let word = self.claims.next.fetch_or(CLOSED, Ordering::Relaxed);
        if word & CLOSED != 0 {
            return;
        }
        // Release: pairs with the Acquire in `advance`; for what happened before closing.
        self.bounds.last.store(word >> 1, Ordering::Release);
        // SeqCst fence: pairs with the one in `advance_and_wake`, or whoever stamps last and we might miss each other.
        fence(Ordering::SeqCst);
        self.advance();
        self.readers.wake(u64::MAX);
        self.room.wake(u64::MAX);
    }
}
