//! A value that is read where it lies.

use super::reader::Reader;
use crate::ring::blocks::Run;
use std::fmt;
use std::ops::Deref;

/// A borrowed value, in its slot. It is read in place: nothing is copied, and nothing is counted.
///
/// While it lives, the value stays: for a lossy subscriber its block is left out when the ring goes round, for a gated
/// one publishers do not pass it.
pub struct Ref<'a, T> {
    run: Run<'a, T>,
    /// Dropped after `run`: the value is no longer read when publishers may pass it.
    advance: AdvanceGate<'a, T>,
}

/// A guard that moves a gate up to the cursor when it is dropped.
struct AdvanceGate<'a, T> {
    reader: &'a Reader<T>,
    sequence: u64,
    cursor: u64,
}

impl<'a, T> Ref<'a, T> {
    /// Makes a reference of a run of one value; the gate of `reader` moves up to `cursor` when it is dropped.
    #[inline(always)]
    pub(super) fn new(run: Run<'a, T>, reader: &'a Reader<T>, sequence: u64, cursor: u64) -> Self {
        Self {
            run,
            advance: AdvanceGate {
                reader,
                sequence,
                cursor,
            },
        }
    }
}

impl<T> Ref<'_, T> {
    /// Returns the value's sequence.
    pub fn sequence(&self) -> u64 {
        self.advance.sequence
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.run.values()[0]
    }
}

impl<T> Drop for AdvanceGate<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.reader.advance_gate(self.cursor);
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
