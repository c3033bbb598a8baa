//! Sorted lists of numbers, as differences.

use super::varint;

/// Appends a sorted list without doubles: the first number, then how much each is above the one before.
pub(in crate::journal) fn put_numbers(sorted: &[u64], out: &mut Vec<u8>) {
    let mut before = 0;
    for number in sorted {
        debug_assert!(*number > before || before == 0, "sorted, without doubles");
        varint::put(number.wrapping_sub(before), out);
        before = *number;
    }
}

/// Reads such a list; ends where it is broken.
#[derive(Clone, Debug)]
pub(in crate::journal) struct Numbers<'a> {
    bytes: &'a [u8],
    before: u64,
}

impl<'a> Numbers<'a> {
    pub(in crate::journal) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, before: 0 }
    }

    /// Takes one number off the front of a list of lists.
    pub(in crate::journal) fn take_one(bytes: &mut &[u8]) -> Option<u64> {
        varint::take(bytes)
    }

    /// Returns whether it has any of some numbers, which are sorted.
    pub(in crate::journal) fn has_any(self, wanted: &[u64]) -> bool {
        let mut wanted = wanted.iter().peekable();
        for number in self {
            while wanted.next_if(|wanted| **wanted < number).is_some() {}
            match wanted.peek() {
                Some(wanted) if **wanted == number => return true,
                Some(_) => {}
                None => return false,
            }
        }
        false
    }
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.bytes.is_empty() {
            return None;
        }
        match varint::take(&mut self.bytes) {
            Some(more) => {
                self.before = self.before.wrapping_add(more);
                Some(self.before)
            }
            None => {
                self.bytes = &[];
                None
            }
        }
    }
}
