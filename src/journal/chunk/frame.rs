//! The frames of a chunk's body: writing one, and walking over all.

use std::ops::Range;

use super::header::ChunkHeader;
use super::varint;

/// Length and crc.
const HEAD: usize = 8;
/// There is a version.
const VERSION: u8 = 1;
/// Events of the same batch follow.
const REST: u8 = 2;

/// An event in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) struct Frame<'a> {
    /// Its offset.
    pub(in crate::journal) offset: u64,
    /// The time at which the hub took it, milliseconds since 1970.
    pub(in crate::journal) recorded: i64,
    /// Events of the same batch that follow it.
    pub(in crate::journal) rest: u32,
    /// The version of its stream.
    pub(in crate::journal) version: Option<u64>,
    /// Its record.
    pub(in crate::journal) record: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Appends it to the body of a chunk that begins at these two.
    pub(super) fn put(&self, first: u64, recorded_first: i64, body: &mut Vec<u8>) {
        let start = body.len();
        body.extend_from_slice(&[0; HEAD]);
        varint::put(self.offset - first, body);
        varint::put(self.recorded.wrapping_sub(recorded_first) as u64, body);
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        body.push(flag(self.version.is_some(), VERSION) | flag(self.rest > 0, REST));
        if let Some(version) = self.version {
            varint::put(version, body);
        }
        if self.rest > 0 {
            varint::put(self.rest.into(), body);
        }
        body.extend_from_slice(self.record);
        let (head, checked) = body[start..].split_at_mut(HEAD);
        // A record is below 4 GiB, and by far: see `Head::to_bytes` of the record.
        head[..4].copy_from_slice(&(checked.len() as u32).to_le_bytes());
        head[4..].copy_from_slice(&crc32c::crc32c(checked).to_le_bytes());
    }

    /// Reads what a frame's crc covers.
    #[inline]
    fn read(header: &ChunkHeader, mut checked: &'a [u8]) -> Option<Self> {
        let offset = header.first.checked_add(varint::take(&mut checked)?)?;
        let recorded = varint::take(&mut checked)?;
        let (flags, rest) = checked.split_first()?;
        checked = rest;
        if flags & !(VERSION | REST) != 0 {
            return None;
        }
        let mut number = |flag: u8| match flags & flag {
            0 => Some(None),
            _ => varint::take(&mut checked).map(Some),
        };
        let version = number(VERSION)?;
        let rest = number(REST)?;
        Some(Self {
            offset,
            recorded: header.recorded_first.wrapping_add(recorded as i64),
            rest: u32::try_from(rest.unwrap_or(0)).ok()?,
            version,
            record: checked,
        })
    }
}

/// The frame at the front of a body, not looked into.
struct Raw<'a> {
    crc: u32,
    checked: &'a [u8],
    /// The body behind it.
    behind: &'a [u8],
}

impl<'a> Raw<'a> {
    fn cut(body: &'a [u8]) -> Option<Self> {
        let (head, rest) = body.split_first_chunk::<HEAD>()?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (checked, behind) = rest.split_at_checked(length)?;
        Some(Self {
            crc: u32::from_le_bytes([head[4], head[5], head[6], head[7]]),
            checked,
            behind,
        })
    }

    /// Returns the offset that it says it has.
    fn offset(&self, header: &ChunkHeader) -> Option<u64> {
        header
            .first
            .checked_add(varint::take(&mut { self.checked })?)
    }

    /// Returns whether it has its checksum.
    fn is_whole(&self) -> bool {
        crc32c::crc32c(self.checked) == self.crc
    }
}

/// Walks over the frames of a chunk. It ends where the body does: of a chunk that was rewritten events have gone, at its ends
/// and between, and nothing is missing for that. What is damaged is an `Err` with the offsets that are missing for it: a frame where
/// its length still leads to the next one, else the rest of the chunk.
#[derive(Clone, Debug)]
pub(in crate::journal) struct Frames<'a> {
    header: ChunkHeader,
    body: &'a [u8],
    /// The lowest offset that the next frame may have.
    next: u64,
    /// The body is known to be as it was written.
    is_whole: bool,
    /// Frames that are still to come; `None`: it is not walked over from its beginning, or is damaged.
    left: Option<u32>,
    /// Of a body that is deflated only the front could be inflated.
    is_cut: bool,
}

impl<'a> Frames<'a> {
    pub(in crate::journal) fn new(header: ChunkHeader, body: &'a [u8]) -> Self {
        Self {
            next: header.first,
            header,
            body,
            is_whole: false,
            left: Some(header.count),
            is_cut: body.len() < header.inflated as usize,
        }
    }

    /// Walks over a whole body: if it has its checksum no frame is asked for its own.
    pub(in crate::journal) fn of_body(header: ChunkHeader, body: &'a [u8], crc: u32) -> Self {
        Self {
            is_whole: crc32c::crc32c(body) == crc,
            ..Self::new(header, body)
        }
    }

    /// Returns the part of a body that is walked over for the offsets of a range: the frames of it, the one before, and the
    /// one behind. Where that cannot be known, since something is damaged, it is all that may have to be looked at.
    pub(in crate::journal) fn part<'b>(
        header: &ChunkHeader,
        body: &'b [u8],
        range: &Range<u64>,
    ) -> &'b [u8] {
        let (mut part, mut left, mut next) = (body, body, header.first);
        while let Some(raw) = Raw::cut(left) {
            let Some(at) = raw.offset(header).filter(|at| *at >= next) else {
                return part;
            };
            if at < range.start {
                part = left;
            } else if at >= range.end {
                // What ends the part has to be what it seems.
                return match raw.is_whole() {
                    true => &part[..part.len() - raw.behind.len()],
                    false => part,
                };
            }
            (left, next) = (raw.behind, at.saturating_add(1));
        }
        part
    }

    /// Returns whether the beginning of a body has a whole frame at or above an offset: what is behind it need not be looked at.
    pub(super) fn reach(header: &ChunkHeader, mut body: &[u8], offset: u64) -> bool {
        while let Some(raw) = Raw::cut(body) {
            match raw.offset(header) {
                Some(at) if at >= offset => return raw.is_whole(),
                Some(_) => body = raw.behind,
                None => return false,
            }
        }
        false
    }

    /// Begins at the first frame at or above an offset. Of what lies before it only the last frame is checked, whose offset
    /// may be wrong and be the one that is looked for: a look at one event costs the check of two.
    pub(in crate::journal) fn starting_at(
        header: ChunkHeader,
        body: &'a [u8],
        offset: u64,
    ) -> Self {
        let mut frames = Self::new(header, body);
        frames.left = None;
        let mut skipped = None;
        while offset > frames.next {
            let before = frames.body;
            let Some(raw) = Raw::cut(before) else {
                break;
            };
            match raw.offset(&header) {
                Some(at) if at < offset && at >= frames.next => frames.next = at + 1,
                _ => break,
            }
            frames.body = raw.behind;
            skipped = Some((before, raw));
        }
        if let Some((body, raw)) = skipped
            && !raw.is_whole()
        {
            // What it is cannot be known: it is met again, and told as missing as far as it was asked for.
            (frames.body, frames.next) = (body, header.first);
        }
        // Whatever lies below was not asked for, and is not told as missing.
        frames.next = frames.next.max(offset);
        frames
    }

    /// Returns the frame at the front, if it is whole and may stand here.
    #[inline]
    fn check(&self, raw: &Raw<'a>) -> Option<Frame<'a>> {
        if !self.is_whole && !raw.is_whole() {
            return None;
        }
        let frame = Frame::read(&self.header, raw.checked)?;
        let may = (self.next..=self.header.last).contains(&frame.offset)
            && (self.header.recorded_first..=self.header.recorded_last).contains(&frame.recorded);
        may.then_some(frame)
    }

    /// Ends the walk: what is left is missing.
    #[cold]
    fn give_up(&mut self) -> Option<Result<Frame<'a>, Range<u64>>> {
        let missing = self.next..self.header.last.saturating_add(1);
        (self.body, self.next) = (&[], missing.end);
        (!missing.is_empty()).then_some(Err(missing))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Range<u64>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut damaged = false;
        loop {
            let Some(raw) = Raw::cut(self.body) else {
                let is_all = !damaged && !self.is_cut && self.left.is_none_or(|left| left == 0);
                return match self.body.is_empty() && is_all {
                    true => None,
                    false => self.give_up(),
                };
            };
            let Some(frame) = self.check(&raw) else {
                // Its length may still be right: then the next one is where it should be, and only this one is lost.
                damaged = true;
                self.left = None;
                self.body = raw.behind;
                continue;
            };
            if damaged && frame.offset > self.next {
                let missing = self.next..frame.offset;
                // The frame that was found is next.
                self.next = frame.offset;
                return Some(Err(missing));
            }
            self.body = raw.behind;
            self.next = frame.offset + 1;
            self.left = self.left.map(|left| left.saturating_sub(1));
            return Some(Ok(frame));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::journal::chunk::ChunkBuilder;

    /// A bit of the first number after the head of a frame is its offset: one that seems to lie before what is asked for
    /// is not passed over unseen.
    #[test]
    fn a_frame_whose_offset_is_damaged_is_told_by_who_begins_there() {
        let event = Event::builder("a", "t").build().unwrap();
        let mut builder = ChunkBuilder::default();
        builder.start(0);
        for offset in 1..=9 {
            builder.push(Frame {
                offset,
                recorded: 1,
                rest: 0,
                version: None,
                record: event.record(),
            });
        }
        let chunk = builder.finish();
        let mut body = chunk.body.to_vec();
        let bytes = body.len() / 9;
        // The frame of offset 5 says that it is that of 4.
        body.splice(3 * bytes..4 * bytes, []);
        let header = chunk.header;
        body[3 * bytes + HEAD] = 3;
        let steps: Vec<_> = Frames::starting_at(header, &body, 5).collect();
        assert_eq!(steps[0], Err(5..6));
        let offsets = steps[1..].iter().flatten().map(|frame| frame.offset);
        assert_eq!(offsets.collect::<Vec<_>>(), [6, 7, 8, 9]);
        let from_6: Vec<_> = Frames::starting_at(header, &body, 6).collect();
        assert!(from_6.iter().all(Result::is_ok) && from_6.len() == 4);
    }
}
