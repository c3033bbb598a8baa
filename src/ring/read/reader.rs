//! The part that subscribers and groups have in common: one pin, or one gate.

use crate::ring::blocks::{Block, BlockRef, Run};
use crate::ring::builder::Start;
use crate::ring::core::{Core, Gate};
use crate::ring::error::{Lagged, SubscribeError};
use crate::ring::head::Head;
use crate::ring::stage::Side;
use crate::sync::{AtomicU64, Ordering};
use std::sync::Arc;

/// The right to read a ring in place.
///
/// A lossy reader pins the block that it reads. The pin stays in the handle until its next operation: at most one, so
/// that a forgotten [`Ref`](crate::ring::Ref) costs a block and no more. A gated reader needs no pin: its gate stands
/// at or below everything that it reads. One upstream of a barrier has its gate elsewhere, since reading alone does not
/// move it.
pub(in crate::ring) struct Reader<T> {
    core: Arc<Core<T>>,
    pin: Option<Pin<T>>,
    gate: Option<Arc<Gate>>,
    /// True if some gate stands at or below what is read: `gate`, or that of an upstream handle.
    is_gated: bool,
    side: Side,
    /// The position of the gate. The gate itself is only written: its line is the publisher's to read. An atomic, since
    /// a `Ref` moves the gate through a shared borrow.
    gate_at: AtomicU64,
}

/// The block that a lossy reader has pinned, and the chunk that it holds meanwhile.
struct Pin<T> {
    chunk: u64,
    block: BlockRef<T>,
}

impl<T> Reader<T> {
    /// Makes a reader that pins.
    pub(in crate::ring) fn lossy(core: &Arc<Core<T>>) -> Result<Self, SubscribeError> {
        core.join()?;
        Ok(Self {
            core: core.clone(),
            pin: None,
            gate: None,
            is_gated: false,
            side: Side::Downstream,
            gate_at: AtomicU64::new(u64::MAX),
        })
    }

    /// Makes a reader with a gate, which stands nowhere until a cursor is [placed](Self::place).
    pub(in crate::ring) fn gated(core: &Arc<Core<T>>) -> Result<Self, SubscribeError> {
        let mut reader = Self::lossy(core)?;
        // On an error the reader leaves as it is dropped.
        reader.gate = Some(core.add_gate()?);
        reader.is_gated = true;
        Ok(reader)
    }

    /// Makes a reader upstream of the barrier, whose owner has a gate.
    pub(in crate::ring) fn upstream(core: &Arc<Core<T>>) -> Result<Self, SubscribeError> {
        let mut reader = Self::lossy(core)?;
        reader.is_gated = true;
        reader.side = Side::Upstream;
        Ok(reader)
    }

    /// Makes another reader of the same kind.
    pub(in crate::ring) fn sibling(&self) -> Result<Self, SubscribeError> {
        match self.gate {
            Some(_) => Self::gated(&self.core),
            None => Self::lossy(&self.core),
        }
    }

    #[inline(always)]
    pub(in crate::ring) fn core(&self) -> &Arc<Core<T>> {
        &self.core
    }

    #[inline(always)]
    pub(in crate::ring) fn is_gated(&self) -> bool {
        self.is_gated
    }

    /// Returns the side of the barrier on which it reads.
    #[inline(always)]
    pub(in crate::ring) fn side(&self) -> Side {
        self.side
    }

    /// Returns how far a cursor of this reader may read.
    #[inline(always)]
    pub(in crate::ring) fn head(&self, cursor: u64) -> Head {
        // A lossy reader needs the head of this moment: by it it finds out whether it was overtaken.
        if self.is_gated() {
            self.core.bound_above(self.side, cursor)
        } else {
            self.core.bound(self.side)
        }
    }

    /// Finds where a cursor starts, and holds the gate there.
    pub(in crate::ring) fn place(&self, start: Start) -> Result<u64, SubscribeError> {
        let cursor = self.core.place(start, self.gate.as_deref())?;
        // Relaxed, here and below: only this handle uses it.
        self.gate_at.store(
            cursor.min(self.gate_at.load(Ordering::Relaxed)),
            Ordering::Relaxed,
        );
        Ok(cursor)
    }

    /// Holds the gate where another reader's cursor stands, whose own gate is not above it.
    pub(in crate::ring) fn place_beside(&self, cursor: u64) {
        if let Some(gate) = &self.gate {
            self.core.place_gate(gate, cursor);
            self.gate_at.store(cursor, Ordering::Relaxed);
        }
    }

    /// Returns whether a lossy cursor has been overtaken, as far as `head` tells.
    #[inline(always)]
    pub(in crate::ring) fn is_overtaken(&self, cursor: u64, head: u64) -> bool {
        !self.is_gated() && !self.core.has_kept(cursor, head)
    }

    /// Moves a cursor that was overtaken to the oldest sequence that is kept.
    #[cold]
    pub(in crate::ring) fn catch_up(&mut self, cursor: &mut u64) -> Lagged {
        // A pin kept any longer would cost the ring a block.
        self.unpin();
        let resume_at = self.core.oldest();
        // Who found its block taken, or itself below the oldest, finds a floor or a head above itself.
        debug_assert!(resume_at > *cursor, "overtaken");
        let missed = resume_at - *cursor;
        *cursor = resume_at;
        Lagged { missed, resume_at }
    }

    /// Makes sure that the block of `cursor`, which is below head, can be read: false if it has been taken.
    #[inline(always)]
    pub(in crate::ring) fn hold(&mut self, cursor: u64) -> bool {
        let chunk = self.core.memory.chunk(cursor);
        // I4: what lies at or above the gate is not taken.
        if self.is_gated() {
            return true;
        }
        if self.pin.as_ref().is_some_and(|pin| pin.chunk == chunk) {
            return true;
        }
        // At most one pin a handle, or the counts in `state` might run into the tags.
        self.unpin();
        let block = self.core.memory.find(chunk);
        // SAFETY: the reference is of our memory.
        if unsafe { self.core.memory.at(block) }.pin(chunk) {
            self.pin = Some(Pin { chunk, block });
            return true;
        }
        false
    }

    /// Borrows the values from `cursor` to the end of its block, but not beyond `stop`, which is at most head.
    ///
    /// # Safety
    ///
    /// [`hold`](Self::hold) said yes to `cursor`, nothing else was held since, and the gate, if there is one, is not
    /// above it.
    #[inline(always)]
    pub(in crate::ring) unsafe fn run(&self, cursor: u64, stop: u64) -> Run<'_, T> {
        let memory = &self.core.memory;
        let chunk = memory.chunk(cursor);
        let len = stop.min(memory.start(chunk + 1)) - cursor;
        let block = self.block(chunk);
        debug_assert!(block.holds(chunk), "held");
        // SAFETY: below head, and pinned or gated, says the caller.
        unsafe { block.run(memory.index(cursor), len as usize) }
    }

    #[inline(always)]
    fn block(&self, chunk: u64) -> &Block<T> {
        let block_ref = match &self.pin {
            Some(pin) => pin.block,
            None => self.core.memory.find(chunk),
        };
        // SAFETY: the reference is of our memory.
        unsafe { self.core.memory.at(block_ref) }
    }

    /// Ends a round: lets the pinned block go, or moves the gate up to `cursor`.
    #[inline(always)]
    pub(in crate::ring) fn end_round(&mut self, cursor: u64) {
        self.unpin();
        self.advance_gate(cursor);
    }

    /// Moves the gate up to `cursor`.
    #[inline(always)]
    pub(in crate::ring) fn advance_gate(&self, cursor: u64) {
        if let Some(gate) = &self.gate
            && self.gate_at.load(Ordering::Relaxed) != cursor
        {
            let passed = self.gate_at.load(Ordering::Relaxed);
            self.gate_at.store(cursor, Ordering::Relaxed);
            self.core.move_gate(gate, cursor);
            self.core.drop_passed_above(passed, cursor);
        }
    }

    /// Lets the pinned block go, if there is one.
    #[inline(always)]
    pub(in crate::ring) fn unpin(&mut self) {
        if let Some(pin) = self.pin.take() {
            // SAFETY: the reference is of our memory.
            unsafe { self.core.memory.at(pin.block) }.unpin();
        }
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        // First: who leaves is no longer counted, and its pin would be.
        self.unpin();
        self.core.leave(self.gate.as_ref());
    }
}
