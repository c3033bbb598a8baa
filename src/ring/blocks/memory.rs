//! The blocks of a ring, and the directory that finds them.
//!
//! A sequence lives in chunk `sequence / slots` at index `sequence % slots`. A chunk is written into a [`Block`]; the
//! directory says which. Blocks are allocated when first needed, change their chunk when they are recycled, and are
//! freed with the ring, never before: a reader that comes late finds another chunk's tag, not freed memory.

use super::block::Block;
use crate::ring::error::RingError;
use crate::sync::{ATOMICS_MAY_BE_ZEROED, AtomicPtr, Mutex, Ordering};
use std::alloc::{Layout, alloc_zeroed};
use std::mem::size_of;
use std::ptr::{self, NonNull};

/// All blocks of one ring, and where each chunk is.
pub(in crate::ring) struct Memory<T> {
    /// Entry `chunk & directory_mask` is the block that last got such a chunk; null before the first.
    directory: Box<[AtomicPtr<Block<T>>]>,
    /// One less than the number of entries, a power of two.
    directory_mask: u64,
    /// A block has `1 << shift` slots.
    shift: u32,
    /// `slots() - 1`: the bits of a sequence that are its index in the block.
    index_mask: u64,
    /// True if blocks have stamps, for several publishers.
    stamped: bool,
    /// Every block ever allocated. Append-only; freed by `Drop`: a reader may come to a block at any time.
    blocks: Mutex<Vec<BlockRef<T>>>,
}

/// A block's address, to be kept in a handle beside the ring that owns the block.
pub(in crate::ring) struct BlockRef<T>(NonNull<Block<T>>);

// SAFETY: it stands for a shared reference to a block that outlives it (see `Memory::at`).
unsafe impl<T: Send + Sync> Send for BlockRef<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for BlockRef<T> {}

impl<T> Clone for BlockRef<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for BlockRef<T> {}

impl<T> Memory<T> {
    /// Plans for `capacity` kept values, and allocates the directory but no block.
    pub(in crate::ring) fn new(capacity: u64, stamped: bool) -> Result<Self, RingError> {
        let slots = slots::<T>(capacity);
        // Any `capacity` sequences in a row touch at most this many chunks.
        let live = capacity.div_ceil(slots) + 1;
        let directory = null_entries(live.next_power_of_two())?;
        // Blocks are allocated later, where failure could only abort: refuse here what can never be.
        let bytes = (live * slots).checked_mul(size_of::<T>() as u64);
        if bytes.is_none_or(|bytes| bytes > isize::MAX as u64) {
            return Err(RingError::OutOfMemory);
        }
        let directory_mask = directory.len() as u64 - 1;
        Ok(Self {
            directory,
            directory_mask,
            shift: slots.trailing_zeros(),
            index_mask: slots - 1,
            stamped,
            blocks: Mutex::new(Vec::new()),
        })
    }

    /// Returns how many slots a block has.
    #[inline(always)]
    pub(in crate::ring) fn slots(&self) -> u64 {
        self.index_mask + 1
    }

    /// Returns the chunk of a sequence.
    #[inline(always)]
    pub(in crate::ring) fn chunk(&self, sequence: u64) -> u64 {
        sequence >> self.shift
    }

    /// Returns the index of a sequence in its block.
    #[inline(always)]
    pub(in crate::ring) fn index(&self, sequence: u64) -> usize {
        (sequence & self.index_mask) as usize
    }

    /// Returns the first sequence of a chunk.
    #[inline(always)]
    pub(in crate::ring) fn start(&self, chunk: u64) -> u64 {
        chunk << self.shift
    }

    /// Finds the block that holds `chunk`, or that held it if it has been recycled since.
    ///
    /// # Panics
    ///
    /// When the chunk was never opened: callers come with a sequence below head, whose chunk was.
    #[inline(always)]
    pub(in crate::ring) fn find(&self, chunk: u64) -> BlockRef<T> {
        self.try_find(chunk)
            .expect("a chunk below head has been opened")
    }

    /// Finds a block that holds `chunk`, or that will, or that did.
    #[inline(always)]
    pub(in crate::ring) fn try_find(&self, chunk: u64) -> Option<BlockRef<T>> {
        // Acquire: pairs with the Release in `install`; the block's fields are there before its address.
        let block = self.directory[(chunk & self.directory_mask) as usize].load(Ordering::Acquire);
        NonNull::new(block).map(BlockRef)
    }

    /// Puts a block in the directory as the one that holds `chunk`.
    pub(in crate::ring) fn install(&self, chunk: u64, block: BlockRef<T>) {
        // Release: pairs with the Acquire in `find`.
        self.directory[(chunk & self.directory_mask) as usize]
            .store(block.0.as_ptr(), Ordering::Release);
    }

    /// Allocates one more block, which holds `chunk` from the start.
    pub(in crate::ring) fn allocate(&self, chunk: u64) -> BlockRef<T> {
        let block = Box::new(Block::new(chunk, self.slots() as usize, self.stamped));
        let block_ref = BlockRef(NonNull::from(Box::leak(block)));
        self.blocks.lock().push(block_ref);
        block_ref
    }

    /// Borrows a block for as long as its ring is borrowed.
    ///
    /// # Safety
    ///
    /// `block_ref` came from this `Memory`.
    #[inline(always)]
    pub(in crate::ring) unsafe fn at(&self, block_ref: BlockRef<T>) -> &Block<T> {
        // SAFETY: `allocate` leaked the box, and only our `Drop` frees it, which needs `self` exclusively.
        unsafe { block_ref.0.as_ref() }
    }

    /// Writes a claimed slot, and returns what was there. It is not stamped yet.
    ///
    /// # Safety
    ///
    /// The sequence is the caller's by `Claims::claim`, and it has not been stamped.
    #[inline(always)]
    pub(in crate::ring) unsafe fn fill(&self, sequence: u64, value: T) -> Option<T> {
        // SAFETY: the block is that of the sequence: its directory entry was there before the permit, and only changes
        // once head has passed the sequence. Nobody else writes a claimed slot, nobody reads it before its stamp.
        unsafe { self.block_of(sequence).fill(self.index(sequence), value) }
    }

    /// Stamps a slot that is written: from now on head may be moved over it.
    #[inline(always)]
    pub(in crate::ring) fn stamp(&self, sequence: u64) {
        self.block_of(sequence)
            .stamp(self.index(sequence), sequence);
    }

    /// Finds the first sequence from `from` on that is not stamped.
    #[inline(always)]
    pub(in crate::ring) fn stamped_until(&self, from: u64) -> u64 {
        let mut end = from;
        while let Some(block_ref) = self.try_find(self.chunk(end)) {
            // SAFETY: the reference is of this memory.
            let block = unsafe { self.at(block_ref) };
            let next = block.stamped_until(self.index(end), end);
            // It goes on in the next block if this one is stamped to its end.
            if next == end || self.index(next) != 0 {
                return next;
            }
            end = next;
        }
        end
    }

    #[inline(always)]
    fn block_of(&self, sequence: u64) -> &Block<T> {
        // SAFETY: the reference is of this memory.
        unsafe { self.at(self.find(self.chunk(sequence))) }
    }
}

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        let blocks: Vec<Box<Block<T>>> = std::mem::take(&mut *self.blocks.lock())
            .into_iter()
            // SAFETY: each reference was leaked from a box exactly once, in `allocate`, and nobody else is left.
            .map(|block_ref| unsafe { Box::from_raw(block_ref.0.as_ptr()) })
            .collect();
        // A vector goes on with the rest when one value's Drop panics.
        drop(blocks);
    }
}

/// A directory without blocks. Its pages are touched when a chunk is opened, not before.
fn null_entries<T>(len: u64) -> Result<Box<[AtomicPtr<Block<T>>]>, RingError> {
    let len = usize::try_from(len).map_err(|_| RingError::OutOfMemory)?;
    if !ATOMICS_MAY_BE_ZEROED {
        return Ok((0..len).map(|_| AtomicPtr::new(ptr::null_mut())).collect());
    }
    let layout = Layout::array::<AtomicPtr<Block<T>>>(len).map_err(|_| RingError::OutOfMemory)?;
    // SAFETY: `len` is at least 2, so the layout is not of size zero.
    let raw = unsafe { alloc_zeroed(layout) }.cast::<AtomicPtr<Block<T>>>();
    if raw.is_null() {
        return Err(RingError::OutOfMemory);
    }
    // SAFETY: allocated by the global allocator with the layout of this slice; an atomic null pointer is all zeroes.
    Ok(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(raw, len)) })
}

/// Returns how many slots the blocks of a ring have: a quarter of the ring or 8 KiB, so that opening one counts for
/// little, and at least 64.
fn slots<T>(capacity: u64) -> u64 {
    let most = (8192 / size_of::<T>().max(1) as u64).next_power_of_two();
    let quarter = (capacity / 4).next_power_of_two();
    capacity.next_power_of_two().min(quarter.min(most).max(64))
}
