//! The chunks that one call of a reader looks at, copied out of its transaction.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::journal::chunk::{ChunkHeader, Frame, Frames, Inflater};

/// Rows that a call looks at, whether it takes them or not.
pub(super) const ROWS_MAX: usize = 1024;
/// The time for which a call looks for more: its transaction holds the readers' baton.
const TIME: Duration = Duration::from_millis(2);
/// Rows between two looks at the clock.
const ROWS_A_LOOK: usize = 16;
/// Bytes of bodies that a call copies before it stops, whatever is asked for.
const BYTES_MAX: usize = 256 << 10;

/// A chunk, and what was copied of it.
#[derive(Clone, Debug)]
pub(super) struct Copied {
    header: ChunkHeader,
    /// The offsets that are asked for.
    asked: Range<u64>,
    place: Range<usize>,
    /// The checksum of its frames, where all of them were copied and are asked for.
    crc: Option<u32>,
}

impl Copied {
    /// Returns the frames of it that are asked for.
    pub(super) fn frames<'b>(
        &self,
        bodies: &'b Bodies,
    ) -> impl Iterator<Item = Result<Frame<'b>, Range<u64>>> + use<'b> {
        let body = match self.header.inflated {
            0 => &bodies.stored[self.place.clone()],
            _ => &bodies.inflated[self.place.clone()],
        };
        let frames = match self.crc {
            Some(crc) => Frames::of_body(self.header, body, crc),
            None => Frames::starting_at(self.header, body, self.asked.start),
        };
        let end = self.asked.end;
        frames.take_while(move |step| match step {
            Ok(frame) => frame.offset < end,
            Err(missing) => missing.start < end,
        })
    }
}

/// Bytes that were copied of chunks.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    /// As they are kept.
    stored: Vec<u8>,
    /// The frames of those that are deflated, once they are inflated.
    inflated: Vec<u8>,
    /// Bytes of frames, of all of them.
    bytes: usize,
}

impl Bodies {
    fn clear(&mut self) {
        self.stored.clear();
        self.inflated.clear();
        self.bytes = 0;
    }
}

/// Chunks with their bodies, and what is missing between them. Its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) chunks: Vec<Copied>,
    pub(super) bodies: Bodies,
    /// Everything on the near side of it was looked at.
    pub(super) next: u64,
    /// Offsets that are missing although they were there.
    pub(super) damaged: Vec<Range<u64>>,
    range: Range<u64>,
    rows: usize,
    events: u64,
    bytes_max: usize,
    events_max: u64,
    until: Option<Instant>,
    inflater: Inflater,
}

impl Batch {
    /// Empties it for a call that hands out so much at most.
    pub(super) fn start(
        &mut self,
        range: Range<u64>,
        next: u64,
        events_max: usize,
        bytes_max: usize,
    ) {
        self.chunks.clear();
        self.bodies.clear();
        self.damaged.clear();
        self.next = next;
        self.range = range;
        (self.rows, self.events) = (0, 0);
        self.events_max = events_max as u64;
        self.bytes_max = bytes_max.min(BYTES_MAX);
        self.until = Some(crate::deadline::after(Instant::now(), TIME));
    }

    /// Takes a chunk: if only some of its offsets are asked for, what is walked over for them.
    pub(super) fn add(&mut self, header: ChunkHeader, body: &[u8], crc: u32, asked: Range<u64>) {
        let is_inside = header.first >= asked.start && header.last < asked.end;
        let part = match is_inside || header.inflated > 0 {
            true => body,
            false => Frames::part(&header, body, &asked),
        };
        let bodies = &mut self.bodies;
        let start = bodies.stored.len();
        bodies.stored.extend_from_slice(part);
        bodies.bytes += part.len().max(header.inflated as usize);
        self.chunks.push(Copied {
            header,
            asked,
            place: start..bodies.stored.len(),
            crc: is_inside.then_some(crc),
        });
        // Those of its events that lie outside of the range, or are of other topics, are none for the caller: the next
        // call goes on behind them.
        self.events += u64::from(header.count);
    }

    /// Inflates what is deflated, once the transaction is over: whoever waits for it need not wait for that.
    pub(super) fn inflate(&mut self) {
        let Bodies {
            stored, inflated, ..
        } = &mut self.bodies;
        let deflated = self.chunks.iter_mut();
        for chunk in deflated.filter(|chunk| chunk.header.inflated > 0) {
            let start = inflated.len();
            let body = &stored[chunk.place.clone()];
            let until = match chunk.crc {
                Some(_) => u64::MAX,
                None => chunk.asked.end,
            };
            self.inflater.inflate(&chunk.header, body, until, inflated);
            chunk.place = start..inflated.len();
        }
    }

    /// Returns what inflates a body.
    pub(super) fn inflater(&mut self) -> &mut Inflater {
        &mut self.inflater
    }

    /// Notes that offsets are missing, as far as they were asked for.
    pub(super) fn miss(&mut self, missing: Range<u64>) {
        let missing = self.asked(&missing);
        if !missing.is_empty() {
            self.damaged.push(missing);
        }
    }

    /// Returns which offsets of a range were asked for.
    pub(super) fn asked(&self, range: &Range<u64>) -> Range<u64> {
        range.start.max(self.range.start)..range.end.min(self.range.end)
    }

    /// Counts a row that is passed: it is damaged, or was looked at before.
    pub(super) fn pass(&mut self) {
        self.rows += 1;
    }

    /// Returns whether the call has looked at as many rows as it may.
    pub(super) fn has_passed_all(&self) -> bool {
        self.rows >= ROWS_MAX
    }

    /// Counts a row; returns whether the call has looked at enough.
    pub(super) fn is_full(&mut self) -> bool {
        self.rows += 1;
        self.rows >= ROWS_MAX
            || self.events >= self.events_max
            || self.bodies.bytes >= self.bytes_max
            || self.rows.is_multiple_of(ROWS_A_LOOK)
                && self.until.is_some_and(|until| Instant::now() > until)
    }
}
