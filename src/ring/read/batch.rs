//! A borrowed run of values that is consumed only as far as its reader says.

use super::reader::Reader;
use crate::ring::blocks::Run;
use std::fmt;
use std::ops::Deref;

/// Values in place, of which [`commit`](Self::commit) says how many are done with. Derefs to a slice.
///
/// Dropped without that, it consumes nothing: the same values come again. Forgotten, it does not either; a lossy
/// subscriber keeps a block pinned until its next operation, as with a forgotten [`Ref`](crate::ring::Ref).
pub struct Batch<'a, T> {
    run: Run<'a, T>,
    reader: &'a Reader<T>,
    cursor: &'a mut u64,
}

impl<'a, T> Batch<'a, T> {
    pub(in crate::ring) fn new(
        run: Run<'a, T>,
        reader: &'a Reader<T>,
        cursor: &'a mut u64,
    ) -> Self {
        Self {
            run,
            reader,
            cursor,
        }
    }

    /// Returns the sequence of the first value.
    pub fn first(&self) -> u64 {
        *self.cursor
    }

    /// Consumes the first `n` values, at most as many as there are.
    pub fn commit(self, n: usize) {
        let Self {
            run,
            reader,
            cursor,
        } = self;
        // The run ends before the gate moves: behind that a publisher may write over it.
        *cursor += run.end(n) as u64;
        reader.advance_gate(*cursor);
    }
}

impl<T> Deref for Batch<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.run.values()
    }
}

impl<T: fmt::Debug> fmt::Debug for Batch<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
