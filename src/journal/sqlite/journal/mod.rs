//! The journal on SQLite: opening it, and what a hub asks of it.

mod commit;
mod maintain;
mod retain;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use super::faults::{Fault, Step};
use super::files::{DirectoryLock, Mark, MarkFile, Reserve};
use super::open::{self, Identity};
use super::options::SqliteOptions;
use super::retention::{self, Retaining};
use super::upkeep::Upkeep;
use super::view::{SqliteView, View};
use super::wal::{self, Baton, Checkpointer, WalLimits};
use super::write::Writer;
use crate::deadline;
use crate::journal::{
    CommitError, CommitFailure, CommitRound, Journal, JournalError, JournalView, Recovered,
    TopicPolicy,
};

/// The time for which what was written without a flush stays so.
const FLUSH_WITHIN: Duration = Duration::from_millis(20);
/// Between two tries to take up room for a full disk again.
const RESERVE_AGAIN: Duration = Duration::from_secs(10);

/// A journal in a directory: one SQLite database, in WAL mode, and a few small files.
///
/// A round is one transaction, flushed to the disk if any of its events is [durable](crate::journal::Durability::Durable).
/// One process at a time has a directory; another one is told who. What it keeps, and how it recovers, is told in
/// `docs/design/journal.md`.
///
/// # Examples
///
/// ```
/// use eventring::event::Event;
/// use eventring::journal::{CommitRound, Journal, RoundEvent, SqliteJournal};
///
/// # let dir = std::env::temp_dir().join(format!("eventring-doc-{}", std::process::id()));
/// let mut journal = SqliteJournal::open(&dir)?;
/// let event = Event::builder("orders", "created").build().unwrap();
/// let mut round = CommitRound::default();
/// round.events.push(RoundEvent::new(1, 1_000, event.as_ref()));
/// round.flush = true;
/// journal.commit(&mut round).unwrap();
/// drop(journal);
///
/// let journal = SqliteJournal::open(&dir)?;
/// assert_eq!(journal.recovered().last, 1);
/// # drop(journal);
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), eventring::journal::JournalError>(())
/// ```
pub struct SqliteJournal {
    recovered: Recovered,
    view: Arc<View>,
    /// `None`: it is closed.
    open: Option<Open>,
}

/// All that an open journal has. The lock is last: it is given back when nothing is open any more.
struct Open {
    writer: Writer,
    upkeep: Upkeep,
    retaining: Retaining,
    checkpointer: Checkpointer,
    mark: MarkFile,
    reserve: Reserve,
    page_bytes: u64,
    /// Bytes of events that were written since it was looked how many pages are in use, and what was found then.
    unmeasured: u64,
    measured: u64,
    /// Bytes of events that were written since it was looked whether some have to go.
    unretained: u64,
    last: u64,
    flushed: u64,
    /// Since when something is written and not flushed.
    unflushed: Option<Instant>,
    /// Set once it is flushed that there may be events that are not: known even if they go with the power.
    is_unflushed_known: bool,
    /// Not before then.
    reserve_again: Option<Instant>,
    /// Why nothing is written any more.
    poisoned: Option<String>,
    /// Why there is no room on the disk.
    full: Option<String>,
    /// Why events are refused although there is: what may not go exceeds the bounds.
    exceeded: Option<String>,
    _lock: DirectoryLock,
}

impl SqliteJournal {
    /// Opens the journal of a directory, or makes one.
    ///
    /// # Errors
    ///
    /// [`Locked`](JournalError::Locked) while another process has it, [`Directory`](JournalError::Directory),
    /// [`Foreign`](JournalError::Foreign), [`TooNew`](JournalError::TooNew), [`SqliteTooOld`](JournalError::SqliteTooOld),
    /// or [`Damaged`](JournalError::Damaged) where not even the end of the log can be read. Nothing was changed then.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, JournalError> {
        Self::open_with(directory, &SqliteOptions::default())
    }

    /// Opens it with settings.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Retention`](JournalError::Retention) where a bound is 0.
    pub fn open_with(
        directory: impl AsRef<Path>,
        options: &SqliteOptions,
    ) -> Result<Self, JournalError> {
        let directory = directory.as_ref();
        let bounds = options.retention.validate();
        bounds.map_err(|source| JournalError::Retention { source })?;
        open::check_version()?;
        open::prepare(directory).map_err(|error| open::failed(directory, error))?;
        let lock = DirectoryLock::take(directory)?;
        open::refuse_half_repaired(directory)?;
        let path = directory.join(open::DATABASE);
        let failed = |error: rusqlite::Error| open::failed(&path, error);
        let mut reserve = Reserve::open(directory);
        let mut connection = open::writer(&path, options.vfs.as_deref()).map_err(failed)?;
        open::ensure(&connection, &path, options.page_bytes)?;
        let identity = Identity::of(&path).map_err(|error| open::failed(&path, error))?;
        let marks = MarkFile::open(directory)?;
        let mark = marks.as_ref().map(MarkFile::mark);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_millis() as i64);
        let (same_epoch, boot) = (options.same_epoch, open::boot());
        let recover = |connection: &mut Connection| {
            open::recover(connection, mark, identity, same_epoch, boot, now)
        };
        let mut is_freed = false;
        let found = match recover(&mut connection) {
            // A disk that is full must not keep anybody from reading: there is room kept for that. After anything else nobody
            // knows what is there: a flush that failed is not tried again.
            Err(error)
                if Fault::of(&connection, &error, Step::Commit) == Fault::NoSpace
                    && reserve.free() =>
            {
                is_freed = true;
                recover(&mut connection)
            }
            other => other,
        };
        let found = found.map_err(|error| recovery_failed(&path, &error))?;
        let recovered = found.recovered;
        let same = |marks: &MarkFile| marks.mark().epoch == recovered.epoch;
        let (marks, is_new) = match marks.filter(same) {
            Some(marks) => (marks, false),
            None => {
                let mark = Mark {
                    epoch: recovered.epoch,
                    last: recovered.last,
                    flushed: recovered.last,
                    reserved: 0,
                };
                (MarkFile::create(directory, mark)?, true)
            }
        };
        open::flush(directory).map_err(|error| open::failed(directory, error))?;
        if is_new {
            open::begin(&connection).map_err(failed)?;
        }
        let retaining = Retaining::open(
            &connection,
            options.retention,
            recovered.next,
            recovered.recorded,
            Instant::now(),
        );
        let retaining = retaining.map_err(failed)?;
        let oldest = retention::oldest(&connection, retaining.floors()).map_err(failed)?;
        let baton = Arc::new(Baton::default());
        let page_bytes = page_bytes(&connection).map_err(failed)?;
        wal::watch(&connection);
        let checkpointer = Checkpointer::start(
            open::checkpoints(&path, options.vfs.as_deref()).map_err(failed)?,
            &path,
            page_bytes,
            Arc::clone(&baton),
            WalLimits::default(),
        );
        let checkpointer = checkpointer.map_err(|error| open::failed(&path, error))?;
        let holes = recovered.holes.clone();
        let view = Arc::new(View::new(
            path,
            options.vfs.clone(),
            baton,
            Some(checkpointer.view()),
            holes,
        ));
        view.found(recovered.last, oldest, found.events);
        view.set_floors(Arc::clone(retaining.floors()));
        let mut open = Open {
            writer: Writer::new(connection, options.chunk_bytes, options.topics_cached),
            upkeep: Upkeep::new(found.spans_end, options.compression, options.compact_keys),
            retaining,
            checkpointer,
            mark: marks,
            reserve,
            page_bytes,
            unmeasured: 0,
            measured: 0,
            unretained: 0,
            last: recovered.last,
            flushed: recovered.last,
            unflushed: None,
            is_unflushed_known: false,
            reserve_again: is_freed.then(|| deadline::after(Instant::now(), RESERVE_AGAIN)),
            poisoned: None,
            full: None,
            exceeded: None,
            _lock: lock,
        };
        // A directory without room for it is as good as any until the disk is full.
        if !is_freed {
            let _ = open.reserve.fill();
        }
        open.measure(&view);
        Ok(Self {
            recovered,
            view,
            open: Some(open),
        })
    }
}

impl SqliteJournal {
    /// Does all that is due beside commits: retention, rewriting, merging, until nothing is left to do now. No pass takes more than a tenth
    /// of what is there; one follows the other here.
    ///
    /// # Errors
    ///
    /// The journal cannot be written: [`CommitError::failure`] says why.
    pub fn scavenge(&mut self) -> Result<(), CommitError> {
        let Some(open) = &mut self.open else {
            return Err(closed());
        };
        // What is not flushed yet is.
        let now = deadline::after(Instant::now(), FLUSH_WITHIN);
        open.retaining.resume();
        open.retaining.sweep();
        loop {
            let is_more = open.maintain(now, &self.view) == Some(Duration::ZERO);
            if !is_more && !open.retaining.go_on(now) {
                return open.writable();
            }
        }
    }

    /// Takes every byte of events that have gone out of the files, and closes the journal: what was truncated, went by a bound or was
    /// compacted can still be found in them until then. All rows with such events are written anew, whatever their share, and then the
    /// whole database: that needs as much room again in its directory, for the log of writes, and in that of SQLite's temporary files.
    ///
    /// Names of topics that no event has any more go as well. Streams keep their names and last versions, since those go on, and so do
    /// topics of which readers are still told that something is missing.
    ///
    /// Rows that are damaged stay as they are. Bytes that the file system or the disk has kept elsewhere are out of reach.
    ///
    /// # Errors
    ///
    /// No event is lost by it; bytes may be left.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::journal::{Journal, SqliteJournal};
    ///
    /// # let dir = std::env::temp_dir().join(format!("eventring-doc-erase-{}", std::process::id()));
    /// let mut journal = SqliteJournal::open(&dir)?;
    /// journal.truncate("people", 1_000, true).unwrap();
    /// journal.erase()?;
    /// # std::fs::remove_dir_all(&dir).unwrap();
    /// # Ok::<(), eventring::journal::JournalError>(())
    /// ```
    pub fn erase(mut self) -> Result<(), JournalError> {
        let failed = |reason: String| JournalError::Io { reason };
        let Some(open) = &mut self.open else {
            return Err(JournalError::Closed);
        };
        let erased = open.erase(&self.view);
        erased.map_err(|error| failed(error.to_string()))?;
        self.close()?;
        let log = self.view.path.with_extension("sqlite-wal");
        match std::fs::metadata(log).map(|log| log.len()) {
            Ok(bytes) if bytes > 0 => Err(failed(
                "another process reads the database, and keeps its log of writes".to_owned(),
            )),
            _ => Ok(()),
        }
    }
}

fn recovery_failed(path: &Path, error: &rusqlite::Error) -> JournalError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => JournalError::Damaged {
            reason: format!("{}: {error}", path.display()),
        },
        _ => open::failed(path, error),
    }
}

fn page_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))
        .map(|bytes| bytes as u64)
}

impl Journal for SqliteJournal {
    fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    fn view(&self) -> Arc<dyn JournalView> {
        Arc::new(SqliteView(Arc::clone(&self.view)))
    }

    fn reserve(&mut self, below: u64) -> Result<(), CommitError> {
        match &mut self.open {
            Some(open) => open.mark.reserve(below),
            None => Err(closed()),
        }
    }

    fn commit(&mut self, round: &mut CommitRound<'_>) -> Result<(), CommitError> {
        match &mut self.open {
            Some(open) => open.commit(round, &self.view),
            None => Err(closed()),
        }
    }

    fn maintain(&mut self, now: Instant) -> Option<Duration> {
        self.open.as_mut()?.maintain(now, &self.view)
    }

    fn set_topic(&mut self, topic: &str, policy: &TopicPolicy) -> Result<(), String> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.retaining.set_topic(topic, policy.retention, open.last);
        let is_compacted = open.upkeep.set_topic(topic, policy);
        self.view.topics.lock().set(topic, policy)?;
        match is_compacted {
            true => Ok(()),
            false => Err("its key is none that can be compacted by".to_owned()),
        }
    }

    fn truncate(&mut self, topic: &str, below: u64, streams: bool) -> Result<(), CommitError> {
        match &mut self.open {
            Some(open) => open.truncate(topic, below, streams, &self.view),
            None => Err(closed()),
        }
    }

    fn close(&mut self) -> Result<(), JournalError> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        let mut closed = open.close(&self.view);
        // By the first try the room that is kept for a full disk was given up for the second one.
        if matches!(&closed, Err(error) if error.failure == CommitFailure::NoSpace) {
            closed = open.close(&self.view);
        }
        self.view.close(closed.as_ref().err());
        closed.map_err(|error| JournalError::Io {
            reason: error.to_string(),
        })
    }
}

fn closed() -> CommitError {
    CommitError::new(CommitFailure::Aborted, "it is closed")
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJournal")
            .field("path", &self.view.path)
            .field("recovered", &self.recovered)
            .finish_non_exhaustive()
    }
}
