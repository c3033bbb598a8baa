//! Numbers in as few bytes as they need: LEB128.

/// Bits of a number that a byte holds.
const BITS: u32 = 7;
/// Set in every byte but the last.
const MORE: u8 = 0x80;

/// Appends a number: one byte below 128, ten at most.
pub(super) fn put(mut value: u64, out: &mut Vec<u8>) {
    while value >= u64::from(MORE) {
        out.push(value as u8 | MORE);
        value >>= BITS;
    }
    out.push(value as u8);
}

/// Takes a number off the front; `None`: it is cut off, or no number of 64 bits.
#[inline]
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    match bytes.split_first() {
        // Nearly all of them.
        Some((byte, rest)) if byte & MORE == 0 => {
            *bytes = rest;
            Some(u64::from(*byte))
        }
        _ => take_long(bytes),
    }
}

fn take_long(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(BITS as usize) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & !MORE);
        // The tenth byte has room for one bit.
        if part << shift >> shift != part {
            return None;
        }
        value |= part << shift;
        if byte & MORE == 0 {
            return Some(value);
        }
    }
    None
}
