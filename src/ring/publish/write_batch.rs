//! Writes a batch over several blocks, so that one that ends early does no harm.

use crate::ring::blocks::WriteBlock;
use crate::ring::core::Core;
use std::mem;
use std::ops::Range;

/// Has the slots of an admitted range written, block by block, and returns where that ended.
///
/// `write` gets the part in each block, and says how many it wrote; less than all ends the batch. Unless that is at the
/// end of the range, and if `write` panics, the permit is revoked.
#[inline(always)]
pub(super) fn write_batch<T>(
    core: &Core<T>,
    write_block: &mut Option<WriteBlock<T>>,
    range: &Range<u64>,
    mut write: impl FnMut(&mut WriteBlock<T>, Range<u64>) -> u64,
) -> u64 {
    let memory = &core.memory;
    let Some(write_block) = write_block else {
        return range.start; // nothing was ever admitted: the range is empty
    };
    let guard = BatchGuard(core);
    let mut first = range.start;
    while first < range.end {
        // The block of the first value was found when the batch was admitted.
        if first > range.start {
            *write_block = WriteBlock::new(memory, memory.chunk(first));
        }
        let end = range.end.min(memory.start(memory.chunk(first) + 1));
        let written = write(write_block, first..end);
        first += written;
        if first < end {
            return first;
        }
    }
    // The write block is the last block, with which the permit ends.
    mem::forget(guard);
    first
}

/// A guard that revokes the permit of a batch which ends before all of it is written.
///
/// While a batch is written the permit reaches to the end of its last block, and the write block may be any of its
/// blocks. Without a permit the next publish asks again, and finds the block of the next sequence.
struct BatchGuard<'a, T>(&'a Core<T>);

impl<T> Drop for BatchGuard<'_, T> {
    fn drop(&mut self) {
        self.0.revoke_permit();
    }
}
