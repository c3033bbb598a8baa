//! The read side of a journal: readers that are lent, and the pieces that many ask for.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Piece;
use super::cache::{CACHE_BYTES_MAX, Found, PieceCache};
use super::job::ReadJob;
use crate::event::Filter;
use crate::journal::{JournalError, JournalReader, JournalView, Scan};

/// Events and bytes of one piece that is kept for others: a few chunks of a journal, read in some 50 us.
const KEPT_EVENTS: usize = 256;
const KEPT_BYTES: usize = 64 << 10;
/// Offsets between the places at which pieces begin, so that readers of different places ask for the same ones.
const ALIGN: u64 = KEPT_EVENTS as u64;
/// Readers that are kept while nobody reads; more are opened as more threads read at once, and closed again.
const IDLE_READERS_MAX: usize = 4;
/// Attempts to read, each with another reader: one may have been interrupted so that the journal can shorten its log.
const TRIES: usize = 3;

/// Reads what a journal has, on any thread.
pub(crate) struct JournalReads {
    view: Arc<dyn JournalView>,
    /// A reader has files open: they are lent to whoever reads, not owned by each who may.
    idle: Mutex<Vec<Box<dyn JournalReader>>>,
    cache: PieceCache,
}

impl JournalReads {
    pub(in crate::hub) fn new(view: Arc<dyn JournalView>) -> Self {
        Self {
            view,
            idle: Mutex::default(),
            cache: PieceCache::new(CACHE_BYTES_MAX),
        }
    }

    /// Returns the offset of the oldest event that the journal has; that of the next one where it has none.
    pub(crate) fn oldest(&self) -> u64 {
        self.view.stats().oldest.max(1)
    }

    /// Returns the offset of the first event that was taken at a time or later, milliseconds since 1970; the one behind the
    /// last where there is none.
    pub(in crate::hub) fn since(&self, recorded: i64) -> Result<u64, JournalError> {
        self.with_reader(|reader| reader.since(recorded))
    }

    /// Reads once, by nobody else's leave, into a piece of the caller's own.
    pub(in crate::hub) fn read_into(
        &self,
        piece: &mut Piece,
        job: &ReadJob,
    ) -> Result<(), JournalError> {
        let scan = Scan::new(&job.filter, job.range.clone())
            .descending(job.descending)
            .events_max(job.events_max)
            .bytes_max(job.bytes_max);
        self.with_reader(|reader| piece.fill(reader, &scan))
    }

    /// Returns the piece in which the first offset of a range lies, which others may have asked for. It may begin before
    /// the range, and reaches at least one offset into it.
    pub(in crate::hub) fn piece_at(
        &self,
        filter: &Filter,
        range: Range<u64>,
    ) -> Result<Arc<Piece>, JournalError> {
        // Offsets count from 1.
        let aligned = (range.start.saturating_sub(1) / ALIGN * ALIGN + 1).min(range.start);
        loop {
            let from = match self.cache.find(filter, range.start, aligned) {
                Found::Piece(piece) => return Ok(piece),
                Found::ReadFrom(from) => from,
            };
            let piece = Arc::new(self.read_kept(filter, from..range.end)?);
            let end = piece.looked_at().end;
            self.cache.keep(filter, &piece, end < range.end);
            if end > range.start {
                return Ok(piece);
            }
            // Large events before it filled the piece. One that the cache would not keep is read from the place itself.
            if end <= from || piece.bytes() > CACHE_BYTES_MAX {
                return Ok(Arc::new(self.read_kept(filter, range)?));
            }
        }
    }

    fn read_kept(&self, filter: &Filter, range: Range<u64>) -> Result<Piece, JournalError> {
        let mut piece = Piece::default();
        let job = ReadJob {
            filter: filter.clone(),
            range,
            descending: false,
            events_max: KEPT_EVENTS,
            bytes_max: KEPT_BYTES,
        };
        self.read_into(&mut piece, &job)?;
        Ok(piece)
    }

    /// Lends a reader. One that failed is not lent again.
    fn with_reader<R>(
        &self,
        mut read: impl FnMut(&mut dyn JournalReader) -> Result<R, JournalError>,
    ) -> Result<R, JournalError> {
        let mut tries = 1;
        loop {
            let idle = self.idle.lock().pop();
            let mut reader = match idle {
                Some(reader) => reader,
                None => self.view.reader()?,
            };
            match read(&mut *reader) {
                Ok(found) => {
                    let mut idle = self.idle.lock();
                    if idle.len() < IDLE_READERS_MAX {
                        idle.push(reader);
                    }
                    return Ok(found);
                }
                Err(JournalError::Io { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Debug for JournalReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalReads")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}
