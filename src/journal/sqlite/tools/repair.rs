//! Takes out of a journal what is damaged, and puts the files that it was in aside.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::files::pages::{self, Page};
use super::files::{Progress, SqliteFiles, Verified, beside, failed};
use super::swap::{NEW, Swap};
use crate::event::{Epoch, EventRef};
use crate::journal::chunk::{ChunkBuilder, Frame, Frames, Inflater, Numbers};
use crate::journal::sqlite::files::DirectoryLock;
use crate::journal::sqlite::open::{self, DATABASE, Identity, REPAIRING};
use crate::journal::sqlite::rows;
use crate::journal::sqlite::write::{insert_chunk, stream_name};
use crate::journal::{Hole, HoleReason, JournalError};

/// Tables that are copied as they are. Spans are made anew by whoever opens the journal.
const TABLES: &[&str] = &[
    "topic",
    "stream",
    "stream_version",
    "state",
    "hole",
    "floor",
    "meta",
];
/// Bytes of rows in one transaction.
const ROUND_BYTES: u64 = 16 << 20;

/// The repair of a journal that nobody has open.
///
/// Everything that can be read is copied into a new database, which takes the place of the old one; ranges of events that cannot be
/// are written down as damaged, and readers are told. Nothing is deleted: the files that were there lie in the folder that
/// [`Repaired`] names, until somebody who has looked removes them. There has to be room for both.
///
/// # Examples
///
/// ```
/// use eventring::journal::{Repair, SqliteJournal};
///
/// # let dir = std::env::temp_dir().join(format!("eventring-doc-repair-{}", std::process::id()));
/// drop(SqliteJournal::open(&dir)?);
/// let mut repair = Repair::open(&dir)?;
/// let found = repair.verify(&mut |_| {})?;
/// if !found.is_whole() {
///     let repaired = repair.apply("repair-1", None, &mut |_| {})?;
///     println!("what was there is in {}", repaired.aside.display());
/// }
/// # drop(repair);
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), eventring::journal::JournalError>(())
/// ```
#[derive(Debug)]
pub struct Repair {
    files: SqliteFiles,
    /// Nobody opens it meanwhile.
    _lock: DirectoryLock,
}

/// A repair that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// The folder with the files that were there.
    pub aside: PathBuf,
    /// Events that were copied.
    pub events: u64,
    /// Rows that were written anew, without what of them is damaged.
    pub rewritten: u64,
    /// Ranges of events that are missing now, and told to readers.
    pub missing: Vec<Range<u64>>,
    /// Tables that could not be read to their end, or of whose rows some belong to nothing any more.
    pub incomplete: Vec<String>,
    /// Events whose time was after the one that is allowed.
    pub rebased: u64,
}

impl Repair {
    /// Takes the journal of a directory. A repair that was interrupted while it exchanged the files comes to its end first.
    ///
    /// # Errors
    ///
    /// [`Locked`](JournalError::Locked) while somebody has it open, and as [`SqliteFiles::open`].
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, JournalError> {
        let directory = directory.as_ref();
        let is_begun = directory.join(REPAIRING).is_file();
        if !is_begun && !directory.join(DATABASE).is_file() {
            // It says what is missing, and makes nothing.
            SqliteFiles::open(directory)?;
        }
        let lock = DirectoryLock::take(directory)?;
        let begun =
            Swap::begun(directory).and_then(|begun| begun.map_or(Ok(()), |swap| swap.finish()));
        begun.map_err(|error| open::failed(directory, error))?;
        Ok(Self {
            files: SqliteFiles::open_as(directory, None)?,
            _lock: lock,
        })
    }

    /// Looks what is damaged, in depth.
    ///
    /// # Errors
    ///
    /// As [`SqliteFiles::verify`].
    pub fn verify(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<Verified, JournalError> {
        self.files.verify(true, progress)
    }

    /// Makes the journal anew of all that can be read, and moves what was there into a folder of this name within its own. With
    /// `not_after`, milliseconds since 1970, events that were taken later count as taken then, and the log gets an epoch of its
    /// own: for a clock that was ahead, which would hold back the times of all events to come.
    ///
    /// # Errors
    ///
    /// The folder is there already; something cannot be written: the journal is as it was then, unless
    /// [`is_interrupted`](Self::is_interrupted).
    pub fn apply(
        &mut self,
        name: &str,
        not_after: Option<i64>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Repaired, JournalError> {
        let directory = self.files.directory.clone();
        let aside = directory.join(name);
        let told = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| open::failed(&path, error)
        };
        let made = DirBuilder::new().mode(0o700).create(&aside);
        made.map_err(told(&aside))?;
        let new = aside.join(NEW);
        let copied = self.copy(&new, &aside, not_after, progress);
        let repaired = copied.inspect_err(|_| {
            // Half a copy, in a folder that was made for it.
            let _ = fs::remove_dir_all(&aside);
        })?;
        Swap::new(&directory, &aside).run().map_err(told(&aside))?;
        Ok(repaired)
    }

    /// Returns whether an error came while files were exchanged, and they could not be put back: the journal cannot be opened until
    /// another [`open`](Self::open) has ended it.
    pub fn is_interrupted(&self) -> bool {
        self.files.directory.join(REPAIRING).exists()
    }

    fn copy(
        &self,
        new: &Path,
        aside: &Path,
        not_after: Option<i64>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Repaired, JournalError> {
        let from = self.files.connect()?;
        let page_bytes = from.query_row("PRAGMA page_size", [], |row| row.get::<_, u32>(0));
        let to = open::writer(new, None).map_err(failed)?;
        open::ensure(&to, new, page_bytes.map_err(failed)?)?;
        // Until it takes the place of the other one nobody needs it.
        to.execute_batch("PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=1000; BEGIN")
            .map_err(failed)?;
        let mut copy = Copy {
            from: &from,
            to: &to,
            not_after,
            before: self.files.offsets.start.saturating_sub(1),
            in_round: 0,
            builder: ChunkBuilder::default(),
            inflater: Inflater::default(),
            topics: HashMap::new(),
            highest: 0,
            done: Repaired {
                aside: aside.to_owned(),
                events: 0,
                rewritten: 0,
                missing: Vec::new(),
                incomplete: Vec::new(),
                rebased: 0,
            },
        };
        for table in TABLES {
            copy.table(table)?;
        }
        copy.chunks(&self.files, progress)?;
        copy.orphans().map_err(failed)?;
        if let Some(mark) = self.files.mark.filter(|_| not_after.is_none()) {
            // What was flushed and is not in the log.
            copy.missing(self.files.offsets.end..mark.flushed.saturating_add(1));
        }
        let done = copy.done;
        for range in &done.missing {
            let hole = Hole::new(range.clone(), HoleReason::Damaged);
            open::write_hole(&to, &hole).map_err(failed)?;
        }
        let identity = Identity::of(new).map_err(|error| open::failed(new, error))?;
        let mut meta = vec![
            ("inode", identity.inode as i64),
            ("device", identity.device as i64),
            ("born", identity.born as i64),
        ];
        if not_after.is_some() {
            // A new log: nothing that was promised in the old one counts.
            meta.extend([
                ("epoch", Epoch::random().0 as i64),
                ("clean", 1),
                ("unflushed", 0),
            ]);
        }
        for (key, value) in meta {
            let sql = "INSERT OR REPLACE INTO meta VALUES(?1, ?2)";
            to.execute(sql, params![key, value]).map_err(failed)?;
        }
        to.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
            .map_err(failed)?;
        to.close().map_err(|(_, error)| failed(error))?;
        let flushed = File::open(new).and_then(|file| file.sync_all());
        flushed.map_err(|error| open::failed(new, error))?;
        for left in ["-wal", "-shm"] {
            // Of the copy, and empty.
            let _ = fs::remove_file(beside(new, left));
        }
        Ok(done)
    }
}

/// One copy of what can be read.
struct Copy<'c> {
    from: &'c Connection,
    to: &'c Connection,
    not_after: Option<i64>,
    /// The last offset that was looked at.
    before: u64,
    /// Bytes in the transaction.
    in_round: u64,
    builder: ChunkBuilder,
    inflater: Inflater,
    /// The numbers of topics and of streams, which begin with a zero byte.
    topics: HashMap<String, i64>,
    /// The highest number of a topic in rows that were copied.
    highest: u64,
    done: Repaired,
}

impl Copy<'_> {
    /// Takes out rows that belong to a name that is lost, and says that something went with them.
    fn orphans(&mut self) -> rusqlite::Result<()> {
        for (table, of) in [
            (
                "floor",
                "topic <> 0 AND topic NOT IN (SELECT id FROM topic)",
            ),
            ("stream_version", "stream NOT IN (SELECT id FROM stream)"),
        ] {
            let gone = self
                .to
                .execute(&format!("DELETE FROM {table} WHERE {of}"), [])?;
            if gone > 0 && !self.done.incomplete.iter().any(|known| known == table) {
                self.done.incomplete.push(table.to_owned());
            }
        }
        Ok(())
    }

    /// Copies a table as far as it can be read: from its beginning, and from its end.
    fn table(&mut self, table: &str) -> Result<(), JournalError> {
        let sql = "SELECT count(*) FROM sqlite_master WHERE name = ?1";
        let is_there = self
            .from
            .query_row(sql, [table], |row| row.get::<_, i64>(0));
        if is_there.map_err(failed)? == 0 {
            return Ok(());
        }
        let by = match table {
            "stream_version" => ["stream, version", "stream DESC, version DESC"],
            "state" => ["name, key", "name DESC, key DESC"],
            "meta" => ["key", "key DESC"],
            _ => ["rowid", "rowid DESC"],
        };
        for order in by {
            let copied = self.rows(
                &format!("SELECT * FROM {table} NOT INDEXED ORDER BY {order}"),
                table,
            );
            match copied {
                Ok(()) => return Ok(()),
                Err(error) if rows::is_damage(&error) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        self.done.incomplete.push(table.to_owned());
        Ok(())
    }

    fn rows(&mut self, select: &str, table: &str) -> rusqlite::Result<()> {
        let mut statement = self.from.prepare(select)?;
        let columns = statement.column_count();
        let places = vec!["?"; columns].join(",");
        let insert = format!("INSERT OR IGNORE INTO {table} VALUES({places})");
        let mut insert = self.to.prepare(&insert)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let values: rusqlite::Result<Vec<Value>> = (0..columns).map(|at| row.get(at)).collect();
            // A value of another kind than its column's is damage, too: it stays aside.
            match values.and_then(|values| insert.execute(params_from_iter(values))) {
                Ok(_) => {}
                Err(error)
                    if error.sqlite_error_code()
                        == Some(rusqlite::ErrorCode::ConstraintViolation) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn chunks(
        &mut self,
        files: &SqliteFiles,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), JournalError> {
        let end = files.offsets.end;
        let total = fs::metadata(&files.database).map_or(0, |found| found.len());
        let mut bytes = 0;
        while self.before + 1 < end {
            let offsets = self.before + 1..end;
            let from = self.from;
            let page = pages::rows(from, &offsets, |row| {
                bytes += self.row(row)?;
                Ok(false)
            });
            match page {
                Ok(Page::More) => {}
                Ok(Page::End) => {
                    self.missing(self.before + 1..end);
                    self.before = end - 1;
                }
                Err(error) if rows::is_damage(&error) => {
                    let behind = files.behind_damage(self.before)?;
                    self.missing(self.before + 1..behind);
                    self.before = behind - 1;
                }
                Err(error) => return Err(failed(error)),
            }
            if self.in_round > ROUND_BYTES {
                self.to.execute_batch("COMMIT; BEGIN").map_err(failed)?;
                self.in_round = 0;
            }
            progress(Progress {
                bytes,
                bytes_total: total,
                events: self.done.events,
            });
        }
        Ok(())
    }

    fn missing(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        match self.done.missing.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.done.missing.push(range),
        }
    }

    /// Copies a row, or what of it is whole. Returns its bytes.
    fn row(&mut self, row: &Row<'_>) -> rusqlite::Result<u64> {
        let Some((header, topics)) = rows::header(row) else {
            // The next row that is whole says how far it went.
            return Ok(0);
        };
        if header.last <= self.before {
            return Ok(0);
        }
        self.missing(self.before + 1..header.prev.saturating_add(1));
        // It was given up, and is there after all: another page had led to it.
        if let Some(last) = self.done.missing.last_mut() {
            last.end = last.end.min(header.first.max(last.start));
        }
        self.done.missing.retain(|range| !range.is_empty());
        let body = rows::body(row)?;
        let mut inflater = std::mem::take(&mut self.inflater);
        let frames = inflater.frames(&header, body);
        let crc = rows::body_crc(row)?;
        let mut is_whole = (crc == 0 || crc32c::crc32c(body) == crc)
            && self.not_after.is_none_or(|at| header.recorded_last <= at);
        let known: Vec<u64> = Numbers::new(topics).collect();
        self.highest = self.highest.max(known.last().copied().unwrap_or(0));
        let mut missing = Vec::new();
        let mut numbers = Vec::new();
        let mut good: Vec<Frame<'_>> = Vec::new();
        for frame in Frames::new(header, frames) {
            let frame = match frame {
                Ok(frame) => frame,
                Err(range) => {
                    missing.push(range);
                    continue;
                }
            };
            let Ok(event) = EventRef::parse(frame.record) else {
                missing.push(frame.offset..frame.offset + 1);
                continue;
            };
            let number = self.number("topic", event.topic())? as u64;
            is_whole &= known.binary_search(&number).is_ok();
            numbers.push(number);
            if let (Some(version), Some(stream)) = (frame.version, event.stream()) {
                let mut name = String::new();
                stream_name(stream.ty, stream.id, &mut name);
                let stream = self.number("stream", &name)?;
                let sql = "INSERT OR REPLACE INTO stream_version VALUES(?1, ?2, ?3)";
                let mut insert = self.to.prepare_cached(sql)?;
                insert.execute(params![stream, version as i64, frame.offset as i64])?;
            }
            good.push(frame);
        }
        self.done.events += good.len() as u64;
        is_whole &= missing.is_empty() && good.len() as u64 == u64::from(header.count);
        if is_whole {
            let sql = "INSERT OR REPLACE INTO chunk VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            let columns = [0, 1, 2, 3, 4, 5, 6, 7, 9];
            let values: rusqlite::Result<Vec<Value>> =
                columns.iter().map(|at| row.get(*at)).collect();
            self.to
                .prepare_cached(sql)?
                .execute(params_from_iter(values?))?;
        } else {
            self.done.rewritten += 1;
            let latest = |recorded: i64| self.not_after.map_or(recorded, |at| recorded.min(at));
            self.builder.start(header.prev);
            self.builder
                .cover_from(header.first, latest(header.recorded_first));
            for (frame, number) in good.iter().zip(&numbers) {
                self.builder.topic(*number);
                self.done.rebased += u64::from(latest(frame.recorded) != frame.recorded);
                self.builder.push(Frame {
                    recorded: latest(frame.recorded),
                    ..*frame
                });
            }
            self.builder
                .cover_to(header.last, latest(header.recorded_last));
            insert_chunk(self.to, &self.builder.finish())?;
        }
        self.inflater = inflater;
        missing.into_iter().for_each(|range| self.missing(range));
        self.before = header.last;
        self.in_round += body.len() as u64;
        Ok(body.len() as u64)
    }

    /// Returns the number of a name in the new database, which gets one where the table has lost it.
    fn number(&mut self, table: &str, name: &str) -> rusqlite::Result<i64> {
        let key = match table {
            "topic" => name.to_owned(),
            _ => format!("\0{name}"),
        };
        if let Some(number) = self.topics.get(&key) {
            return Ok(*number);
        }
        let sql = format!("SELECT id FROM {table} WHERE name = ?1");
        let found = self.to.query_row(&sql, [name], |row| row.get::<_, i64>(0));
        let number = match found.optional()? {
            Some(number) => number,
            None => {
                // Rows of a name that was lost still mean its number.
                let (other, column) = match table {
                    "topic" => ("floor", "topic"),
                    _ => ("stream_version", "stream"),
                };
                let sql = format!(
                    "INSERT INTO {table} SELECT max(ifnull((SELECT max(id) FROM {table}), 0), \
                     ifnull((SELECT max({column}) FROM {other}), 0), ?2) + 1, ?1 RETURNING id"
                );
                let seen = match table {
                    "topic" => self.highest,
                    _ => 0,
                };
                self.to
                    .query_row(&sql, params![name, seen as i64], |row| row.get(0))?
            }
        };
        if self.topics.len() >= 1 << 16 {
            self.topics.clear();
        }
        self.topics.insert(key, number);
        Ok(number)
    }
}
