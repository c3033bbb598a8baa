//! The names of streams.

use std::fmt;

/// Names a stream of one reactor, or a WebSocket that receives none. It is not used again while the
/// process lives, but for 2^32 of them later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    serial: u32,
    index: u32,
}

impl StreamId {
    pub(in crate::net) fn new(serial: u32, slot: u32) -> Self {
        Self {
            serial,
            index: slot,
        }
    }

    /// Tells it from the streams that had its slot before.
    pub(in crate::net) fn serial(self) -> u32 {
        self.serial
    }

    /// The id as one number.
    pub fn to_bits(self) -> u64 {
        u64::from(self.serial) << 32 | u64::from(self.index)
    }

    /// Its slot, which another stream may have later.
    pub fn slot(self) -> u32 {
        self.index
    }

    /// The id of a number; whether there is such a stream is another question.
    pub fn from_bits(bits: u64) -> Self {
        Self {
            serial: (bits >> 32) as u32,
            index: bits as u32,
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.to_bits())
    }
}
