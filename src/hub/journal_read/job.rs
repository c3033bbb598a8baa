//! A read for somebody who must not block, and what it gives.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Piece;
use super::journal_reads::JournalReads;
use super::pool::Step;
use crate::event::Filter;
use crate::journal::{Hole, JournalError, StoredEvent};

/// A part of a journal that somebody wants to have read.
#[derive(Clone, Debug)]
pub(crate) struct ReadJob {
    /// The topics; the journal does not look at the rest of a filter.
    pub(crate) filter: Filter,
    /// The offsets, the oldest of which is above 0. Nothing above [`Hub::visible`](crate::hub::Hub::visible).
    pub(crate) range: Range<u64>,
    /// From the end of the range back.
    pub(crate) descending: bool,
    /// Events at most.
    pub(crate) events_max: usize,
    /// Bytes of records at most; one event may go over it.
    pub(crate) bytes_max: usize,
}

/// The answer to a job. It has at least one event or one hole, unless there is nothing in the whole range.
///
/// It may share its memory (about 64 KiB) with others: encode it and let it go.
pub(crate) struct Part {
    piece: Arc<Piece>,
    indices: Range<usize>,
    /// The offsets that were looked at.
    looked_at: Range<u64>,
    holes: Vec<Hole>,
}

/// Called once with the answer, on one of the pool's threads: leave it in a mailbox, and return. Where the hub goes
/// first, it is dropped without a call.
pub(crate) type OnPart = Box<dyn FnOnce(Result<Part, JournalError>) + Send>;

impl Part {
    /// Iterates over the events, in the order in which the job wants them.
    pub(crate) fn events(&self) -> impl ExactSizeIterator<Item = StoredEvent<'_>> {
        self.indices.clone().map(|index| self.piece.at(index))
    }

    /// Returns the offsets that were looked at: ask for the rest of the range next.
    pub(crate) fn looked_at(&self) -> Range<u64> {
        self.looked_at.clone()
    }

    /// Returns the offset below which events of the topics may have gone by bounds; 0: none. The part of it that was looked
    /// at is among the holes.
    #[cfg(feature = "gateway")]
    pub(crate) fn retained_below(&self) -> u64 {
        self.piece.retained_below()
    }

    /// Returns what is missing of these and has to be told, ascending.
    pub(crate) fn holes(&self) -> &[Hole] {
        &self.holes
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("events", &self.indices.len())
            .field("looked_at", &self.looked_at)
            .field("holes", &self.holes)
            .finish_non_exhaustive()
    }
}

/// A job under way.
pub(super) struct RunningJob {
    job: ReadJob,
    /// The range of the first step.
    whole: Range<u64>,
    reads: Arc<JournalReads>,
    on_done: Option<OnPart>,
}

impl RunningJob {
    pub(super) fn new(job: ReadJob, reads: Arc<JournalReads>, on_done: OnPart) -> Self {
        Self {
            whole: job.range.clone(),
            job,
            reads,
            on_done: Some(on_done),
        }
    }

    /// Reads a piece. One without anything to tell is no answer: the next one is read when the others had their turn.
    pub(super) fn step(&mut self) -> Step {
        // A journal is foreign code: whoever asked has an answer all the same.
        let read = catch_unwind(AssertUnwindSafe(|| self.read()));
        let read = read.unwrap_or_else(|_| {
            let reason = "the journal's reader panicked".to_owned();
            Err(JournalError::Io { reason })
        });
        let part = match read {
            Ok(None) => return Step::Again,
            Ok(Some(part)) => Ok(part),
            Err(error) => Err(error),
        };
        if let Some(on_done) = self.on_done.take() {
            on_done(part);
        }
        Step::Done
    }

    fn read(&mut self) -> Result<Option<Part>, JournalError> {
        let Self {
            job, whole, reads, ..
        } = self;
        let (piece, indices, looked_at) = match job.descending {
            true => {
                let mut piece = Piece::default();
                reads.read_into(&mut piece, job)?;
                let indices = 0..piece.len();
                let looked_at = piece.looked_at();
                (Arc::new(piece), indices, looked_at)
            }
            false if job.range.is_empty() => (Arc::default(), 0..0, job.range.clone()),
            false => {
                let piece = reads.piece_at(&job.filter, job.range.clone())?;
                let first = piece.place_of(job.range.start);
                let end = piece.place_of(job.range.end);
                let last = last_within(&piece, first..end, job);
                let to = match last < end {
                    true => piece.offset(last).unwrap_or(job.range.end),
                    false => piece.looked_at().end.min(job.range.end),
                };
                (piece, first..last, job.range.start..to)
            }
        };
        let within =
            |hole: &&Hole| hole.range.start < looked_at.end && hole.range.end > looked_at.start;
        let holes: Vec<Hole> = piece.holes().iter().filter(within).cloned().collect();
        match job.descending {
            true => job.range.end = looked_at.start,
            false => job.range.start = looked_at.end,
        }
        if indices.is_empty() && holes.is_empty() && !job.range.is_empty() {
            return Ok(None);
        }
        Ok(Some(Part {
            piece,
            indices,
            looked_at: match job.descending {
                true => looked_at.start..whole.end,
                false => whole.start..looked_at.end,
            },
            holes,
        }))
    }
}

/// The index behind the last event that the bounds of a job let through; at least one is.
fn last_within(piece: &Piece, indices: Range<usize>, job: &ReadJob) -> usize {
    let (mut bytes, mut last) = (0, indices.start);
    while last < indices.end && last - indices.start < job.events_max {
        bytes += piece.at(last).event.record().len();
        if bytes > job.bytes_max && last > indices.start {
            break;
        }
        last += 1;
    }
    last
}
