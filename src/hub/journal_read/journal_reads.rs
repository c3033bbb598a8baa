//! The read side of a journal: readers that are lent, and the pieces that many ask for.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use super::Piece;
use super::cache::{CACHE_BYTES_MAX, Found, PieceCache};
use super::job::ReadJob;
use super::read_health::ReadHealth;
#[cfg(feature = "gateway")]
use super::read_health::ReadStats;
use crate::event::Filter;
use crate::hub::journal::Voids;
use crate::journal::{JournalError, JournalReader, JournalView, Scan, StateTx};

/// Events and bytes of one piece that is kept for others: a few chunks of a journal, read in some 50 us.
const KEPT_EVENTS: usize = 256;
const KEPT_BYTES: usize = 64 << 10;
/// Offsets between the places at which pieces begin, so that readers of different places ask for the same ones.
const ALIGN: u64 = KEPT_EVENTS as u64;
/// Readers that are kept while nobody reads; more are opened as more threads read at once, and closed again.
const IDLE_READERS_MAX: usize = 4;
/// Readers at a time: who comes when all are lent waits for one. Each has files open.
const READERS_MAX: usize = 8;
/// Attempts to read, each with another reader: one may have been interrupted so that the journal can shorten its log.
const TRIES: usize = 3;

/// Reads what a journal has, on any thread.
pub(crate) struct JournalReads {
    view: Arc<dyn JournalView>,
    /// The ranges that were not committed in this run of the process; of earlier ones the journal knows.
    voids: Arc<Voids>,
    /// A reader has files open: they are lent to whoever reads, not owned by each who may.
    readers: Mutex<Readers>,
    given_back: Condvar,
    cache: PieceCache,
    /// Deletions of events so far.
    deletions: AtomicU64,
    health: ReadHealth,
}

/// The readers of a journal.
#[derive(Default)]
struct Readers {
    idle: Vec<Box<dyn JournalReader>>,
    /// Readers that are lent.
    lent: usize,
    /// Readers that threads are about to open.
    opening: usize,
}

impl JournalReads {
    pub(in crate::hub) fn new(view: Arc<dyn JournalView>, voids: Arc<Voids>) -> Self {
        let mut readers = Readers::default();
        // A journal that is closed opens none any more, and who has not read everything then still reads it: one is there
        // from the start.
        readers.idle.extend(view.reader());
        Self {
            view,
            voids,
            readers: Mutex::new(readers),
            given_back: Condvar::new(),
            cache: PieceCache::new(CACHE_BYTES_MAX),
            deletions: AtomicU64::new(0),
            health: ReadHealth::default(),
        }
    }

    /// Returns how reading went so far.
    #[cfg(feature = "gateway")]
    pub(crate) fn stats(&self) -> ReadStats {
        self.health.stats()
    }

    /// Returns the offset of the oldest event that the journal has; that of the next one where it has none.
    pub(crate) fn oldest(&self) -> u64 {
        self.view.stats().oldest.max(1)
    }

    /// Returns the offset from which on nothing has gone by the journal's bounds in all: whoever begins with the oldest event
    /// misses nothing before it.
    pub(in crate::hub) fn complete_from(&self) -> u64 {
        let stats = self.view.stats();
        stats.oldest.max(stats.floor).max(1)
    }

    /// Returns the offset below which events of the topics of a filter may have gone by bounds.
    pub(crate) fn retained_below(&self, filter: &Filter) -> u64 {
        self.view.retained_below(filter)
    }

    /// Returns the offset of the first event that was taken at a time or later, milliseconds since 1970; the one behind the
    /// last where there is none.
    pub(in crate::hub) fn since(&self, recorded: i64) -> Result<u64, JournalError> {
        self.with_reader(|reader| reader.since(recorded))
    }

    /// Returns the version that a stream has in the journal.
    pub(in crate::hub) fn stream_version(
        &self,
        ty: &str,
        id: &str,
    ) -> Result<Option<u64>, JournalError> {
        self.with_reader(|reader| reader.stream_version(ty, id))
    }

    /// Lets go of what is kept for others: events of it were deleted.
    pub(in crate::hub) fn forget(&self) {
        self.cache.clear();
        // Release: pairs with the Acquire in `deletions`. Who sees the number finds nothing of before in the cache.
        self.deletions.fetch_add(1, Ordering::Release);
    }

    /// Returns how often events were deleted: what was read before is not to be kept.
    #[cfg(feature = "gateway")]
    pub(crate) fn deletions(&self) -> u64 {
        // Acquire: pairs with the Release in `forget`.
        self.deletions.load(Ordering::Acquire)
    }

    /// Looks at state that is committed. What is put through it is lost. Where reading fails it may be called again.
    pub(in crate::hub) fn state(
        &self,
        look: &mut dyn FnMut(&mut dyn StateTx),
    ) -> Result<(), JournalError> {
        self.with_reader(|reader| reader.state(look))
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
        self.with_reader(|reader| piece.fill(reader, &scan))?;
        piece.add_holes(self.voids.holes(&piece.looked_at()));
        Ok(())
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
        let (from, clearings) = match self.cache.find(filter, range.start, aligned) {
            Found::Piece(piece) => return Ok(piece),
            Found::ReadFrom(from, clearings) => (from, clearings),
        };
        let piece = Arc::new(self.read_kept(filter, from..range.end)?);
        let end = piece.looked_at().end;
        self.cache.keep(filter, &piece, end < range.end, clearings);
        if end > range.start {
            return Ok(piece);
        }
        // Large events before it filled the piece. There may be as many of them as the pieces are apart: it is read from the
        // place itself.
        let end = range.end;
        let piece = Arc::new(self.read_kept(filter, range)?);
        let is_full = piece.looked_at().end < end;
        self.cache.keep(filter, &piece, is_full, clearings);
        Ok(piece)
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
        read: impl FnMut(&mut dyn JournalReader) -> Result<R, JournalError>,
    ) -> Result<R, JournalError> {
        let outcome = self.try_with_reader(read);
        self.health.note(&outcome);
        outcome
    }

    fn try_with_reader<R>(
        &self,
        mut read: impl FnMut(&mut dyn JournalReader) -> Result<R, JournalError>,
    ) -> Result<R, JournalError> {
        let mut tries = 1;
        loop {
            let mut lent = self.lend()?;
            let Some(reader) = lent.reader.as_deref_mut() else {
                return Err(JournalError::Closed);
            };
            match read(reader) {
                Ok(found) => {
                    lent.is_fine = true;
                    return Ok(found);
                }
                Err(JournalError::Io { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn lend(&self) -> Result<Lent<'_>, JournalError> {
        loop {
            let mut lent = self.take_place();
            if lent.reader.is_some() {
                return Ok(lent);
            }
            // Without the lock: opening one reads the disk.
            match self.view.reader() {
                Ok(reader) => {
                    let mut readers = self.readers.lock();
                    (readers.opening, readers.lent) = (readers.opening - 1, readers.lent + 1);
                    lent.reader = Some(reader);
                    drop(readers);
                    return Ok(lent);
                }
                Err(error) => {
                    drop(lent);
                    let mut readers = self.readers.lock();
                    // Another thread has one, which is as good when it comes back.
                    if readers.idle.is_empty() {
                        if readers.lent == 0 {
                            return Err(error);
                        }
                        self.given_back.wait(&mut readers);
                    }
                }
            }
        }
    }

    /// Takes a reader that nobody has, or leave to open one.
    fn take_place(&self) -> Lent<'_> {
        let mut readers = self.readers.lock();
        loop {
            let reader = readers.idle.pop();
            match &reader {
                Some(_) => readers.lent += 1,
                None if readers.lent + readers.opening < READERS_MAX => readers.opening += 1,
                None => {
                    self.given_back.wait(&mut readers);
                    continue;
                }
            }
            return Lent {
                reads: self,
                reader,
                is_fine: false,
            };
        }
    }
}

/// A reader that is lent; it goes back when this is dropped, unless it failed.
struct Lent<'r> {
    reads: &'r JournalReads,
    /// There until it is dropped; `None` while it is opened.
    reader: Option<Box<dyn JournalReader>>,
    is_fine: bool,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut readers = self.reads.readers.lock();
        match self.reader {
            Some(_) => readers.lent -= 1,
            None => readers.opening -= 1,
        }
        if self.is_fine && readers.idle.len() < IDLE_READERS_MAX {
            readers.idle.extend(self.reader.take());
        }
        drop(readers);
        // All of them: where it is not given back, each has to find out that there is none to wait for.
        self.reads.given_back.notify_all();
    }
}

impl fmt::Debug for JournalReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalReads")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}
