//! The block into which a publisher writes, found once a block and not once a value.

use super::block::Block;
use super::memory::{BlockRef, Memory};
use super::slot::{Filled, Slot};
use std::ops::Range;

/// An opened block as its publisher sees it. It is right as long as the next sequence is permitted: a permit ends with
/// its block, and a batch that goes on into other blocks takes the permit back unless it comes to its end.
pub(in crate::ring) struct WriteBlock<T> {
    block: BlockRef<T>,
    /// The publisher's copy of `Block::filled`, or less: so that writing over old values loads nothing.
    filled: usize,
}

impl<T> WriteBlock<T> {
    /// Finds the block of an opened chunk.
    pub(in crate::ring) fn new(memory: &Memory<T>, chunk: u64) -> Self {
        let block = memory.find(chunk);
        // SAFETY: the reference is of this memory.
        let filled = unsafe { memory.at(block) }.filled();
        Self { block, filled }
    }

    /// Writes a value, and returns the one that was there, if it has to be dropped.
    ///
    /// # Safety
    ///
    /// The caller is the publisher, the write block is of its memory, and the sequence is permitted and in this block.
    #[inline(always)]
    pub(in crate::ring) unsafe fn put(
        &mut self,
        memory: &Memory<T>,
        sequence: u64,
        value: T,
    ) -> Option<T> {
        let block = self.block(memory, sequence);
        // SAFETY: permitted, so that the block is open and the slot at or above head.
        unsafe { block.put(memory.index(sequence), value, &mut self.filled) }
    }

    /// Lets `fill` write a slot in place.
    ///
    /// # Safety
    ///
    /// As for [`put`](Self::put).
    #[inline(always)]
    pub(in crate::ring) unsafe fn put_with(
        &mut self,
        memory: &Memory<T>,
        sequence: u64,
        fill: impl for<'a> FnOnce(Slot<'a, T>) -> Filled<'a>,
    ) {
        let block = self.block(memory, sequence);
        // SAFETY: permitted, so that the block is open and the slot at or above head.
        unsafe { block.put_with(memory.index(sequence), &mut self.filled, fill) }
    }

    /// Writes values in a row, until there is none, and returns how many. What was there before goes to `retire`, if it
    /// has to be dropped.
    ///
    /// # Safety
    ///
    /// As for [`put`](Self::put), for the whole range.
    #[inline(always)]
    pub(in crate::ring) unsafe fn put_each(
        &mut self,
        memory: &Memory<T>,
        range: Range<u64>,
        values: impl FnMut() -> Option<T>,
        retire: impl FnMut(T),
    ) -> u64 {
        let block = self.block(memory, range.start);
        let (from, len) = (
            memory.index(range.start),
            (range.end - range.start) as usize,
        );
        // SAFETY: permitted, so that the block is open and the slots at or above head.
        unsafe { block.put_each(from, len, &mut self.filled, values, retire) as u64 }
    }

    /// Lets `fill` write slots in a row in place; it gets the index in the row.
    ///
    /// # Safety
    ///
    /// As for [`put`](Self::put), for the whole range.
    #[inline(always)]
    pub(in crate::ring) unsafe fn put_each_with(
        &mut self,
        memory: &Memory<T>,
        range: Range<u64>,
        fill: impl for<'a> FnMut(usize, Slot<'a, T>) -> Filled<'a>,
    ) {
        let block = self.block(memory, range.start);
        let (from, len) = (
            memory.index(range.start),
            (range.end - range.start) as usize,
        );
        // SAFETY: permitted, so that the block is open and the slots at or above head.
        unsafe { block.put_each_with(from, len, &mut self.filled, fill) }
    }

    #[inline(always)]
    fn block<'m>(&self, memory: &'m Memory<T>, sequence: u64) -> &'m Block<T> {
        // SAFETY: the reference is of our memory.
        let block = unsafe { memory.at(self.block) };
        debug_assert!(
            block.holds(memory.chunk(sequence)),
            "the sequence's own block"
        );
        block
    }
}
