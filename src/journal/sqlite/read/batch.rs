//! The chunks that one call of a reader looks at, copied out of its transaction.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::journal::chunk::ChunkHeader;

/// Rows that a call looks at, whether it takes them or not.
const ROWS_MAX: usize = 1024;
/// The time for which a call looks for more: its transaction holds the readers' baton.
const TIME: Duration = Duration::from_millis(2);
/// Rows between two looks at the clock.
const ROWS_A_LOOK: usize = 16;
/// Bytes of bodies that a call copies before it stops, whatever is asked for.
const BYTES_MAX: usize = 256 << 10;

/// Chunks with their bodies, and what is missing between them. Its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The headers, and where the bodies lie.
    pub(super) chunks: Vec<(ChunkHeader, Range<usize>)>,
    pub(super) bodies: Vec<u8>,
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

    pub(super) fn add(&mut self, header: ChunkHeader, body: &[u8]) {
        let start = self.bodies.len();
        self.bodies.extend_from_slice(body);
        self.chunks.push((header, start..self.bodies.len()));
        // Those of its events that lie outside of the range, or are of other topics, are none for the caller: the next
        // call goes on behind them.
        self.events += header.count;
    }

    /// Notes that offsets are missing, as far as they were asked for.
    pub(super) fn miss(&mut self, missing: Range<u64>) {
        let (from, to) = (
            missing.start.max(self.range.start),
            missing.end.min(self.range.end),
        );
        if from < to {
            self.damaged.push(from..to);
        }
    }

    /// Counts a row; returns whether the call has looked at enough.
    pub(super) fn is_full(&mut self) -> bool {
        self.rows += 1;
        self.rows >= ROWS_MAX
            || self.events >= self.events_max
            || self.bodies.len() >= self.bytes_max
            || self.rows.is_multiple_of(ROWS_A_LOOK)
                && self.until.is_some_and(|until| Instant::now() > until)
    }
}
