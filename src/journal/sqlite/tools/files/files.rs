//! The files of a journal, opened to be looked at.

use std::fmt;
use std::fs;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::failed;
use crate::event::{Epoch, Filter};
use crate::journal::sqlite::files::{DirectoryLock, Mark, MarkFile};
use crate::journal::sqlite::open::{self, DATABASE};
use crate::journal::sqlite::read::SqliteReader;
use crate::journal::sqlite::retention::Floors;
use crate::journal::sqlite::view::View;
use crate::journal::sqlite::wal::Baton;
use crate::journal::{Hole, HoleReason, JournalError, JournalReader, Scan};

/// The files of a journal, to look at: a server may be writing to them meanwhile. Nothing of them is changed, and no lock is
/// taken that anybody would wait for.
///
/// What is looked at is what was there when it was opened; what comes behind it is not. A journal that was not closed in order
/// is read with all that its log of writes has. Only where such a log lies there without the index beside it (`-shm`), SQLite
/// makes one.
///
/// # Examples
///
/// ```
/// use eventring::Event;
/// use eventring::journal::{CommitRound, Journal, RoundEvent, SqliteFiles, SqliteJournal};
///
/// # let dir = std::env::temp_dir().join(format!("eventring-doc-files-{}", std::process::id()));
/// let mut journal = SqliteJournal::open(&dir)?;
/// let event = Event::builder("orders", "created").build().unwrap();
/// let mut round = CommitRound::default();
/// round.events.push(RoundEvent::new(1, 1_000, event.as_ref()));
/// journal.commit(&mut round).unwrap();
///
/// let mut files = SqliteFiles::open(&dir)?;
/// assert_eq!(files.offsets(), 1..2);
/// assert_eq!(files.used_by(), Some(std::process::id()));
/// assert!(files.verify(false, &mut |_| {})?.is_whole());
/// # drop(journal);
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), eventring::journal::JournalError>(())
/// ```
pub struct SqliteFiles {
    pub(in crate::journal::sqlite::tools) directory: PathBuf,
    pub(in crate::journal::sqlite::tools) database: PathBuf,
    pub(in crate::journal::sqlite::tools) connection: Connection,
    pub(super) schema: u32,
    pub(in crate::journal::sqlite::tools) offsets: Range<u64>,
    pub(in crate::journal::sqlite::tools) holes: Vec<Hole>,
    /// Of the log that is there; `None`: there is none, or it cannot be read.
    pub(in crate::journal::sqlite::tools) mark: Option<Mark>,
    /// Closed in order, or used.
    pub(super) is_clean: bool,
    way: Way,
    /// The files as they were when they were opened.
    stamp: [Stamp; 2],
    epoch: Epoch,
    used_by: Option<u32>,
}

/// Times that work on files is done again because somebody has opened or closed the journal meanwhile.
const SETTLES: usize = 5;

/// The sign of a file by which it is noticed that somebody has written to it: its number, its length, and the time of the last change.
type Stamp = Option<(u64, u64, i64, i64)>;

/// The way in which the database can be read without changing anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Somebody uses it, or made no index for its log: as any reader does.
    Shared,
    /// Without a log of writes: the file is all there is.
    Alone,
    /// With a log of writes that nobody has open: SQLite keeps an index of it in memory.
    WithLog,
}

impl SqliteFiles {
    /// Opens the journal of a directory.
    ///
    /// # Errors
    ///
    /// [`Directory`](JournalError::Directory), [`Foreign`](JournalError::Foreign) where there is no journal,
    /// [`TooNew`](JournalError::TooNew), [`SqliteTooOld`](JournalError::SqliteTooOld), or
    /// [`Damaged`](JournalError::Damaged) where not even its end can be read.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, JournalError> {
        let used_by = DirectoryLock::holder(directory.as_ref());
        let used_by = used_by.map_err(|error| open::failed(directory.as_ref(), error))?;
        open::refuse_half_repaired(directory.as_ref())?;
        Self::open_as(directory.as_ref(), used_by)
    }

    /// Opens them for whoever holds the lock, or knows who does.
    pub(in crate::journal::sqlite::tools) fn open_as(
        directory: &Path,
        used_by: Option<u32>,
    ) -> Result<Self, JournalError> {
        open::check_version()?;
        // A URI, and whoever reads a message elsewhere, knows no working directory.
        let directory = fs::canonicalize(directory).map_err(|e| open::failed(directory, e))?;
        let database = directory.join(DATABASE);
        if !database.is_file() {
            return Err(JournalError::Foreign {
                reason: format!("it has no {DATABASE}"),
                path: directory,
            });
        }
        // Before anything is read: what it says was committed then is there.
        let mark = MarkFile::look(&directory)?;
        // Before the way is chosen: what comes behind it is seen.
        let stamp = stamps(&database);
        let way = Way::of(&database, used_by);
        let connection = way.open(&database);
        let connection = connection.map_err(|error| open::unusable(&database, &error))?;
        let schema = open::identify(&connection, &database)?;
        let schema = schema.ok_or_else(|| JournalError::Foreign {
            path: database.clone(),
            reason: "it was never opened to its end: a server makes it whole".to_owned(),
        })?;
        let number = |sql: &str| {
            let found = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            found.optional().map_err(failed)
        };
        let meta = |key: &str| number(&format!("SELECT value FROM meta WHERE key = '{key}'"));
        let epoch = Epoch(meta("epoch")?.unwrap_or(0) as u64);
        let is_clean = used_by.is_some() || meta("clean")? == Some(1);
        let last = open::last_chunk(&connection).map_err(failed)?.last;
        // One that says that others came before it is not the first: they have vanished.
        let first = number("SELECT iif(prev = 0, first, 1) FROM chunk ORDER BY first LIMIT 1");
        let first = first.ok().flatten().map_or(1, |first| first as u64);
        let holes = open::holes(&connection).map_err(failed)?;
        Ok(Self {
            // A log that has lost even its epoch had this one.
            mark: mark.filter(|mark| mark.epoch == epoch || epoch.0 == 0),
            offsets: first.min(last + 1)..last + 1,
            directory,
            database,
            connection,
            schema,
            holes,
            is_clean,
            way,
            stamp,
            epoch,
            used_by,
        })
    }

    /// Returns the epoch of its log.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Returns the offsets from the first event to behind the last one.
    pub fn offsets(&self) -> Range<u64> {
        self.offsets.clone()
    }

    /// Returns the process that had it open when this was opened, 0 where it does not say which; `None`: nobody had.
    pub fn used_by(&self) -> Option<u32> {
        self.used_by
    }

    /// Opens a reader of all its events, those of reserved topics included where every topic is asked for. It reads up to the end
    /// of [`offsets`](Self::offsets). Where nobody has the journal open it reads the file as it lies there: [`settle`](Self::settle)
    /// tells whether somebody has begun to write to it.
    ///
    /// # Errors
    ///
    /// See [`JournalError`].
    pub fn reader(&self) -> Result<Box<dyn JournalReader>, JournalError> {
        let connection = self.way.open(&self.database).map_err(failed)?;
        let path = self.database.clone();
        let baton = Arc::new(Baton::default());
        let view = Arc::new(View::new(path, None, baton, None, self.holes.clone()));
        let last = self.offsets.end - 1;
        view.found(last, None, 0);
        let floors = Floors::read(&connection, last + 1).map_err(failed)?;
        view.set_floors(Arc::new(floors));
        Ok(Box::new(SqliteReader::of_all(connection, &view)))
    }

    /// Opens another connection to look at it.
    pub(in crate::journal::sqlite::tools) fn connect(&self) -> Result<Connection, JournalError> {
        self.way.open(&self.database).map_err(failed)
    }

    /// Returns the offset behind pages that cannot be read, which begin behind an offset: a reader knows the way around them.
    pub(in crate::journal::sqlite::tools) fn behind_damage(
        &self,
        before: u64,
    ) -> Result<u64, JournalError> {
        let mut reader = self.reader()?;
        let all = Filter::all();
        let scan = Scan::new(&all, before + 1..self.offsets.end).events_max(1);
        let read = reader.read(&scan, &mut |_| ControlFlow::Break(()))?;
        let damaged = read
            .holes
            .iter()
            .filter(|hole| hole.reason == HoleReason::Damaged);
        let behind = damaged.map(|hole| hole.range.end).max();
        Ok(behind.unwrap_or(read.next).max(before + 2))
    }

    /// Returns the offsets that the mark beside the log says were flushed, and that are not in it: an end that was lost.
    pub fn lost_end(&self) -> Range<u64> {
        let end = self.offsets.end;
        let flushed = self.mark.map_or(end, |mark| mark.flushed.saturating_add(1));
        // What a start of the server has found out already is told to readers.
        let holes = self.holes.iter();
        let known =
            holes.filter(|hole| hole.reason == HoleReason::Damaged && hole.range.contains(&end));
        let start = known.map(|hole| hole.range.end).max().unwrap_or(end);
        start..flushed.max(start)
    }

    /// Looks whether somebody has opened the journal of a stopped server since, and makes sure that what is read next is read as it
    /// can be then. Returns whether it is so: what was read since the last call may be of two moments, and has to be read again, by
    /// a new [`reader`](Self::reader).
    ///
    /// # Errors
    ///
    /// See [`JournalError`].
    pub fn settle(&mut self) -> Result<bool, JournalError> {
        let stamp = stamps(&self.database);
        if self.way == Way::Shared || self.stamp == stamp {
            return Ok(false);
        }
        let used_by = DirectoryLock::holder(&self.directory);
        self.used_by = used_by.map_err(|error| open::failed(&self.directory, error))?;
        self.way = Way::of(&self.database, self.used_by);
        self.stamp = stamp;
        self.connection = self.way.open(&self.database).map_err(failed)?;
        Ok(true)
    }

    /// Does what reads the files; once more if they were written to meanwhile in a way that reading took no notice of.
    pub(super) fn settled<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.settle()?;
        for _ in 0..SETTLES {
            let done = work(self);
            if !self.settle()? {
                return done;
            }
        }
        Err(JournalError::Io {
            reason: "somebody opens and closes the journal while it is read: try again".to_owned(),
        })
    }
}

impl Way {
    fn of(database: &Path, used_by: Option<u32>) -> Self {
        if used_by.is_some() {
            return Self::Shared;
        }
        match (wal_bytes(database), beside(database, "-shm").is_file()) {
            (0, _) => Self::Alone,
            (_, true) => Self::WithLog,
            (_, false) => Self::Shared,
        }
    }

    fn open(self, database: &Path) -> rusqlite::Result<Connection> {
        let asked = match self {
            Self::Shared => "",
            Self::Alone => "?immutable=1",
            Self::WithLog => "?readonly_shm=1",
        };
        open::look(&format!("file:{}{asked}", escaped(database)))
    }
}

/// The stamps of a database and of its log of writes.
fn stamps(database: &Path) -> [Stamp; 2] {
    use std::os::unix::fs::MetadataExt;
    [database.to_owned(), beside(database, "-wal")].map(|path| {
        let found = fs::metadata(path).ok()?;
        Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
    })
}

/// Writes a path as that of a URI.
fn escaped(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let bytes = path.as_os_str().as_bytes().iter();
    let parts = bytes.map(|byte| match byte {
        b'/' | b'-' | b'_' | b'.' => char::from(*byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("%{byte:02x}"),
    });
    parts.collect()
}

/// The file of SQLite beside a database.
pub(in crate::journal::sqlite::tools) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Bytes of the log of writes.
pub(super) fn wal_bytes(database: &Path) -> u64 {
    fs::metadata(beside(database, "-wal")).map_or(0, |found| found.len())
}

impl fmt::Debug for SqliteFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteFiles")
            .field("directory", &self.directory)
            .field("offsets", &self.offsets)
            .finish_non_exhaustive()
    }
}
