//! The frame log: encoded frames in order, a byte window over them, and an index from offset to byte.

use std::collections::VecDeque;
use std::ops::Range;

use crate::fanout::log::mirror::ByteRing;
use crate::wire::deflate::Digest;

/// A log is recycled in this many steps, so that who stands in the way is looked for rarely.
const STEPS: u64 = 16;
/// A frame is at most this part of its log.
const LARGEST_FRAME: usize = 4;

/// The place of an event's frame in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fanout) struct Mark {
    /// Offset of the event in the hub.
    pub(in crate::fanout) offset: u64,
    /// First byte of its frame.
    pub(in crate::fanout) start: u64,
}

/// The newest frames of one wire form.
///
/// Bytes are addressed by a position that only grows; `tail..end` is readable as one slice. `tail` is
/// always the start of a frame (or `end`), so whoever stands at or after it can be told which event
/// comes next.
pub(in crate::fanout) struct FrameLog {
    bytes: ByteRing,
    /// One mark per frame in `tail..end`, ascending in both fields. 16 bytes a frame.
    marks: VecDeque<Mark>,
    /// In a log of gzip blocks: what the plain bytes before each mark come to. Else empty.
    sums: VecDeque<Digest>,
    /// The sum of the plain bytes of all its gzip blocks, those included that are gone.
    sum: Digest,
    tail: u64,
    end: u64,
    /// Frames appended so far.
    count: u64,
    /// Bytes that were asked for last, and how many frames begin before them. The members of a class
    /// ask for the same ones, one after the other.
    begun: [(u64, u64); 2],
}

impl FrameLog {
    pub(in crate::fanout) fn new(capacity: usize) -> Self {
        Self {
            bytes: ByteRing::new(capacity),
            marks: VecDeque::new(),
            sums: VecDeque::new(),
            sum: Digest::default(),
            tail: 0,
            end: 0,
            count: 0,
            begun: [(0, 0); 2],
        }
    }

    /// One past the last byte.
    pub(in crate::fanout) fn end(&self) -> u64 {
        self.end
    }

    /// The largest frame that the log takes, in bytes.
    pub(in crate::fanout) fn largest_frame(&self) -> usize {
        self.bytes.capacity() / LARGEST_FRAME
    }

    /// Returns the byte to which `tail` must move before a frame of `len` bytes fits; `None`: it fits now.
    pub(in crate::fanout) fn tail_for(&self, len: usize) -> Option<u64> {
        let capacity = self.bytes.capacity() as u64;
        let needed = (self.end + len as u64).saturating_sub(capacity);
        if needed <= self.tail {
            return None;
        }
        // Further than this frame needs: before each move all connections are walked over.
        let stepped = needed.next_multiple_of(capacity / STEPS).min(self.end);
        // Up to a whole frame: `tail` is the start of one always.
        let first = self.marks.partition_point(|mark| mark.start < stepped);
        Some(self.marks.get(first).map_or(self.end, |mark| mark.start))
    }

    /// Gives up the bytes before `tail`, a value from [`tail_for`](Self::tail_for).
    pub(in crate::fanout) fn advance_tail(&mut self, tail: u64) {
        let gone = self.marks.partition_point(|mark| mark.start < tail);
        self.marks.drain(..gone);
        // There are none in a log whose plain bytes are not counted.
        self.sums.drain(..gone.min(self.sums.len()));
        self.tail = tail;
    }

    /// Appends the frame of event `offset`, for which room was made, and returns its bytes' range.
    pub(in crate::fanout) fn append(&mut self, offset: u64, frame: &[u8]) -> Range<u64> {
        debug_assert!(frame.len() <= self.largest_frame());
        debug_assert!(self.tail_for(frame.len()).is_none());
        debug_assert!(self.marks.back().is_none_or(|last| last.offset <= offset));
        let start = self.end;
        self.bytes.write(start, frame);
        self.marks.push_back(Mark { offset, start });
        self.end += frame.len() as u64;
        self.count += 1;
        start..self.end
    }

    /// Appends a frame as [`append`](Self::append) does, and counts the plain bytes that it was
    /// compressed to, if they are given. They are for all frames of a log, or for none.
    pub(in crate::fanout) fn append_coded(
        &mut self,
        offset: u64,
        frame: &[u8],
        counted: Option<&[u8]>,
    ) -> Range<u64> {
        if let Some(plain) = counted {
            debug_assert_eq!(self.sums.len(), self.marks.len());
            self.sums.push_back(self.sum);
            self.sum.update(plain);
        }
        self.append(offset, frame)
    }

    /// Returns the sum of the plain bytes of all frames that begin before byte `at`, in `tail..=end`.
    pub(in crate::fanout) fn sum_before(&self, at: u64) -> Digest {
        if at == self.end {
            return self.sum;
        }
        let first = self.marks.partition_point(|mark| mark.start < at);
        self.sums.get(first).copied().unwrap_or(self.sum)
    }

    /// The bytes of `range`, which lies in `tail..end`.
    pub(in crate::fanout) fn slice(&self, range: Range<u64>) -> &[u8] {
        debug_assert!(self.tail <= range.start && range.end <= self.end);
        self.bytes.slice(range)
    }

    /// The frame that holds byte `at`, and where it ends; `None` at the end of the log.
    pub(in crate::fanout) fn frame_at(&self, at: u64) -> Option<(Mark, u64)> {
        debug_assert!(self.tail <= at);
        let after = self.marks.partition_point(|mark| mark.start <= at);
        let mark = *self.marks.get(after.checked_sub(1)?)?;
        let end = self.marks.get(after).map_or(self.end, |next| next.start);
        (at < end).then_some((mark, end))
    }

    /// Counts the frames that begin in `range`, which lies in `tail..=end`. A few instructions where the same
    /// was asked for a moment ago.
    pub(in crate::fanout) fn begun_in(&mut self, range: Range<u64>) -> u64 {
        self.begun_before(range.end) - self.begun_before(range.start)
    }

    fn begun_before(&mut self, at: u64) -> u64 {
        if at == self.end {
            return self.count;
        }
        let [first, second] = self.begun;
        if first.0 == at {
            return first.1;
        }
        if second.0 == at {
            return second.1;
        }
        let kept = self.marks.partition_point(|mark| mark.start < at) as u64;
        let n = self.count - self.marks.len() as u64 + kept;
        // Two are kept: each member asks for the two ends of the same range.
        self.begun = [(at, n), first];
        n
    }

    /// First byte of the first frame whose offset is `offset` or later; `end` if none is.
    pub(in crate::fanout) fn start_of(&self, offset: u64) -> u64 {
        let first = self.marks.partition_point(|mark| mark.offset < offset);
        self.marks.get(first).map_or(self.end, |mark| mark.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> FrameLog {
        let mut log = FrameLog::new(4096);
        for offset in 1..=100 {
            put(&mut log, offset, &[offset as u8; 100]);
        }
        log
    }

    fn put(log: &mut FrameLog, offset: u64, frame: &[u8]) {
        if let Some(tail) = log.tail_for(frame.len()) {
            log.advance_tail(tail);
        }
        log.append(offset, frame);
    }

    #[test]
    fn the_tail_is_the_start_of_a_frame_and_bytes_stay() {
        let log = filled();
        assert_eq!(log.tail % 100, 0);
        assert!(log.end() - log.tail <= 4096);
        assert!(log.end() - log.tail >= 4096 - 4096 / STEPS - 200);
        let (mark, end) = log.frame_at(log.tail).unwrap();
        assert_eq!(mark.start, log.tail);
        assert_eq!(log.slice(mark.start..end), &[mark.offset as u8; 100]);
    }

    #[test]
    fn a_byte_in_a_frame_finds_its_event() {
        let log = filled();
        let (mark, end) = log.frame_at(9_950).unwrap();
        assert_eq!((mark.offset, mark.start, end), (100, 9_900, 10_000));
        assert_eq!(log.frame_at(log.end()), None);
        assert_eq!(log.start_of(100), 9_900);
        assert_eq!(log.start_of(101), log.end());
    }

    #[test]
    fn frames_are_counted_once_however_a_range_is_cut() {
        let mut log = filled();
        let (tail, end) = (log.tail, log.end());
        for cut in tail..=end {
            let count = log.begun_in(tail..cut) + log.begun_in(cut..end);
            assert_eq!(count, (end - tail) / 100, "cut at {cut}");
        }
        assert_eq!(log.begun_in(9_850..9_950), 1);
        put(&mut log, 101, &[1; 10]);
        assert_eq!(log.begun_in(9_900..log.end()), 2);
    }

    #[test]
    fn one_large_frame_may_push_everything_out() {
        let mut log = FrameLog::new(4096);
        for offset in 1..=8 {
            put(&mut log, offset, &[7; 1024]);
        }
        assert_eq!(log.end() - log.tail, 4096);
    }
}
