//! The dumb log: all bytes and all frames in plain vectors, searched from the start.

use std::ops::Range;

use crate::fanout::oracle::frame_log::CLASSES;
use crate::wire::deflate::Digest;

/// In so many steps the log goes round.
const STEPS: u64 = 16;

/// A frame that was appended.
pub(super) struct Frame {
    pub(super) offset: u64,
    pub(super) range: Range<u64>,
    /// The bytes that it stands for, where it is compressed.
    plain: Vec<u8>,
    /// A bit for each narrow class that takes it.
    classes: u8,
}

/// Returns whether a frame of these classes is one of `class`.
pub(super) fn takes(class: usize, classes: u8) -> bool {
    class == 0 || classes >> (class - 1) & 1 == 1
}

/// All that was ever appended.
pub(super) struct Model {
    capacity: u64,
    bytes: Vec<u8>,
    frames: Vec<Frame>,
    /// First byte that the log has to keep.
    pub(super) tail: u64,
    /// First byte from which on each class knows its frames.
    pub(super) floors: [u64; CLASSES],
}

impl Model {
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            capacity,
            bytes: Vec::new(),
            frames: Vec::new(),
            tail: 0,
            floors: [0; CLASSES],
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The first offset that has no event yet.
    pub(super) fn fed(&self) -> u64 {
        self.frames.last().map_or(1, |last| last.offset + 1)
    }

    pub(super) fn bytes(&self, range: Range<u64>) -> &[u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }

    /// Appends a frame of which no two bytes near each other are the same, and returns it with what it
    /// stands for.
    pub(super) fn append(&mut self, offset: u64, len: usize, classes: u8) -> (&[u8], &[u8]) {
        let (start, number) = (self.bytes.len(), self.frames.len());
        let byte = |i: usize| (number * 41 + i * 7 + (i >> 8)) as u8;
        self.bytes.extend((0..len).map(byte));
        self.frames.push(Frame {
            offset,
            range: start as u64..self.end(),
            plain: (0..1 + len % 5).map(byte).collect(),
            classes,
        });
        (&self.bytes[start..], &self.frames[number].plain)
    }

    /// As few frames go as make room for `len` bytes in whole steps.
    pub(super) fn tail_for(&self, len: u64) -> Option<u64> {
        let needed = (self.end() + len).checked_sub(self.capacity)?;
        if needed <= self.tail {
            return None;
        }
        let step = self.capacity / STEPS;
        let whole = needed.div_ceil(step) * step;
        let starts = self.kept().map(|frame| frame.range.start);
        Some(
            starts
                .filter(|start| *start >= whole)
                .min()
                .unwrap_or(self.end()),
        )
    }

    pub(super) fn advance_tail(&mut self, tail: u64) {
        self.tail = tail;
        for floor in &mut self.floors {
            *floor = tail.max(*floor);
        }
    }

    /// The frames that the log has.
    fn kept(&self) -> impl Iterator<Item = &Frame> {
        self.frames
            .iter()
            .filter(|frame| frame.range.start >= self.tail)
    }

    /// Those of a class.
    fn of(&self, class: usize) -> impl Iterator<Item = &Frame> {
        let floor = self.floors[class];
        self.kept()
            .filter(move |frame| frame.range.start >= floor && takes(class, frame.classes))
    }

    pub(super) fn offset_at(&self, at: u64) -> Option<u64> {
        let mut kept = self.kept();
        let frame = kept.find(|frame| frame.range.contains(&at))?;
        Some(frame.offset)
    }

    pub(super) fn begun_in(&self, range: Range<u64>) -> u64 {
        let begun = self
            .kept()
            .filter(|frame| range.contains(&frame.range.start));
        begun.count() as u64
    }

    pub(super) fn sum_before(&self, at: u64) -> Digest {
        let mut sum = Digest::default();
        let before = self.frames.iter().filter(|frame| frame.range.start < at);
        before.for_each(|frame| sum.update(&frame.plain));
        sum
    }

    pub(super) fn start_of(&self, offset: u64) -> u64 {
        let mut kept = self.kept();
        let first = kept.find(|frame| frame.offset >= offset);
        first.map_or(self.end(), |frame| frame.range.start)
    }

    /// The bytes for a member of `class` at `cursor`, up to the first that are not for it.
    pub(super) fn next_range(&self, class: usize, cursor: u64) -> Option<Range<u64>> {
        let mut ahead = self.of(class).filter(|frame| frame.range.end > cursor);
        let first = &ahead.next()?.range;
        let mut run = first.start.max(cursor)..first.end;
        for frame in ahead {
            if frame.range.start == run.end {
                run.end = frame.range.end;
            }
        }
        Some(run)
    }
}
