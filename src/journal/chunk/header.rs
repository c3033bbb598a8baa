//! A chunk's header: which events it has, and how it joins the one before.

use super::deflate::INFLATED_MAX;

/// The numbers of a chunk's row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::journal) struct ChunkHeader {
    /// The offset of its first event.
    pub(in crate::journal) first: u64,
    /// The offset of its last event.
    pub(in crate::journal) last: u64,
    /// The last offset of the chunk before; 0: there was none.
    pub(in crate::journal) prev: u64,
    /// Events in it.
    pub(in crate::journal) count: u32,
    /// Bytes of its frames, where its body is deflated; 0: the body is its frames.
    pub(in crate::journal) inflated: u32,
    /// The time at which its first event was taken, milliseconds since 1970.
    pub(in crate::journal) recorded_first: i64,
    /// The time at which its last event was taken.
    pub(in crate::journal) recorded_last: i64,
}

impl ChunkHeader {
    /// Returns the two sizes as the one number that the row has: events in the lower half, so that a row that is not
    /// deflated says how many it has, as it always did.
    pub(in crate::journal) fn sizes(&self) -> i64 {
        i64::from(self.count) | i64::from(self.inflated) << 32
    }

    /// Sets the two sizes as a row has them.
    pub(in crate::journal) fn set_sizes(&mut self, sizes: i64) {
        (self.count, self.inflated) = (sizes as u32, (sizes >> 32) as u32);
    }

    /// Returns the checksum of the header with its topics and the length of its body.
    pub(in crate::journal) fn crc(&self, topics: &[u8], body_bytes: usize) -> u32 {
        let mut numbers = [0; 56];
        let fields = [
            self.first,
            self.last,
            self.prev,
            self.sizes() as u64,
            self.recorded_first as u64,
            self.recorded_last as u64,
            body_bytes as u64,
        ];
        for (place, number) in numbers.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        crc32c::crc32c_append(crc32c::crc32c(&numbers), topics)
    }

    /// Returns whether the header is as it was written, with these topics and a body of this length.
    pub(in crate::journal) fn is_whole(&self, topics: &[u8], body_bytes: usize, crc: u32) -> bool {
        self.crc(topics, body_bytes) == crc
            // Whoever walks from chunk to chunk relies on it, whatever the bytes were.
            && self.prev < self.first
            && self.first <= self.last
            && self.last < u64::MAX
            && self.inflated as usize <= INFLATED_MAX
    }
}

/// The checksums of a row, which it has as one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) struct Checksums {
    /// See [`ChunkHeader::crc`].
    pub(in crate::journal) header: u32,
    /// Of the whole body: one that is read from its first frame to the last is checked at once, which is three times as
    /// fast as frame by frame. What it says is also said by the frames: damage to it alone is none.
    pub(in crate::journal) body: u32,
}

impl Checksums {
    pub(in crate::journal) fn from_number(number: i64) -> Self {
        Self {
            header: number as u32,
            body: (number >> 32) as u32,
        }
    }

    pub(in crate::journal) fn to_number(self) -> i64 {
        i64::from(self.body) << 32 | i64::from(self.header)
    }
}
