//! Makes a chunk of events that come in order.

use super::deflate::Deflater;
use super::frame::Frame;
use super::header::{Checksums, ChunkHeader};
use super::numbers::put_numbers;

/// Collects events into a chunk. Its buffers stay when it is emptied: once they have grown, nothing is allocated.
#[derive(Debug, Default)]
pub(in crate::journal) struct ChunkBuilder {
    header: ChunkHeader,
    /// The place where it begins is known.
    is_begun: bool,
    /// Topic numbers as they come; sorted when it is finished.
    numbers: Vec<u64>,
    topics: Vec<u8>,
    body: Vec<u8>,
}

/// A chunk that is ready to be written.
#[derive(Clone, Copy, Debug)]
pub(in crate::journal) struct Chunk<'a> {
    pub(in crate::journal) header: ChunkHeader,
    pub(in crate::journal) topics: &'a [u8],
    pub(in crate::journal) crc: Checksums,
    pub(in crate::journal) body: &'a [u8],
}

impl ChunkBuilder {
    /// Empties it; the chunk before ends at `prev`.
    pub(in crate::journal) fn start(&mut self, prev: u64) {
        self.header = ChunkHeader {
            prev,
            ..ChunkHeader::default()
        };
        self.is_begun = false;
        self.numbers.clear();
        self.body.clear();
    }

    /// Lets it begin at an offset, whether there is an event or not: those that were there are covered by it still.
    pub(in crate::journal) fn cover_from(&mut self, first: u64, recorded_first: i64) {
        self.is_begun = true;
        (self.header.first, self.header.last) = (first, first);
        self.header.recorded_first = recorded_first;
        self.header.recorded_last = recorded_first;
    }

    /// Lets it end at an offset, whether there is an event or not.
    pub(in crate::journal) fn cover_to(&mut self, last: u64, recorded_last: i64) {
        self.header.last = self.header.last.max(last);
        self.header.recorded_last = self.header.recorded_last.max(recorded_last);
    }

    pub(in crate::journal) fn is_empty(&self) -> bool {
        self.header.count == 0
    }

    /// Returns the bytes of its frames.
    pub(in crate::journal) fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// Adds a topic that an event has, or several have.
    pub(in crate::journal) fn topic(&mut self, number: u64) {
        if self.numbers.last() != Some(&number) {
            self.numbers.push(number);
        }
    }

    /// Adds an event. Offsets rise; a time that lies before the one before it is taken as that.
    pub(in crate::journal) fn push(&mut self, mut frame: Frame<'_>) {
        if !self.is_begun {
            self.cover_from(frame.offset, frame.recorded);
        }
        debug_assert!(
            self.is_empty() || frame.offset > self.header.last,
            "offsets rise"
        );
        // Look-ups by time are binary searches: one step back would hide events from them.
        frame.recorded = frame.recorded.max(self.header.recorded_last);
        frame.put(
            self.header.first,
            self.header.recorded_first,
            &mut self.body,
        );
        self.header.last = frame.offset;
        self.header.recorded_last = frame.recorded;
        self.header.count += 1;
    }

    /// Completes the chunk with its frames deflated; `None`: that is not worth it, and it is as it was.
    pub(in crate::journal) fn finish_deflated<'c>(
        &'c mut self,
        deflater: &'c mut Deflater,
    ) -> Option<Chunk<'c>> {
        let body = deflater.deflate(&self.body)?;
        let plain = self.finish();
        let mut header = plain.header;
        header.inflated = plain.body.len() as u32;
        let crc = Checksums {
            header: header.crc(plain.topics, body.len()),
            ..plain.crc
        };
        Some(Chunk {
            header,
            crc,
            body,
            topics: plain.topics,
        })
    }

    /// Completes the header. The builder is emptied by the next [`start`](Self::start).
    pub(in crate::journal) fn finish(&mut self) -> Chunk<'_> {
        self.numbers.sort_unstable();
        self.numbers.dedup();
        self.topics.clear();
        put_numbers(&self.numbers, &mut self.topics);
        Chunk {
            header: self.header,
            topics: &self.topics,
            crc: Checksums {
                header: self.header.crc(&self.topics, self.body.len()),
                body: crc32c::crc32c(&self.body),
            },
            body: &self.body,
        }
    }
}
