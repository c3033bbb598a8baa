//! The journal on SQLite: opening, committing, what is due between commits, closing.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use super::faults::{Fault, Step};
use super::files::{DirectoryLock, Mark, MarkFile, Reserve};
use super::open::{self, Identity};
use super::options::SqliteOptions;
use super::retention::{self, Gone, Retaining, Sweep, There, Work};
use super::upkeep::{Merged, Next, Upkeep};
use super::view::{SqliteView, View};
use super::wal::{self, Baton, Checkpointer, WalLimits};
use super::write::{Failed, Writer};
use crate::deadline;
use crate::journal::{
    CommitError, CommitFailure, CommitRound, Journal, JournalError, JournalState, JournalView,
    Recovered, TopicPolicy,
};

/// The time for which what was written without a flush stays so.
const FLUSH_WITHIN: Duration = Duration::from_millis(20);
/// Bytes of events that are written before it is looked again how many pages are in use; and the same as a part of what
/// is in use already, since a look costs as much as a small commit.
const MEASURE_AFTER: u64 = 64 << 10;
const MEASURE_PART: u64 = 128;
/// Bytes of events after which a commit makes a step of retention itself: less than what a step deletes, so that it keeps up.
const RETAIN_AFTER: u64 = 1 << 20;
/// Steps of retention that a commit makes, at most, until twice as much has gone as came: it catches up.
const RETAIN_STEPS: u32 = 16;
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

impl Open {
    fn commit(&mut self, round: &mut CommitRound<'_>, view: &Arc<View>) -> Result<(), CommitError> {
        self.retaining.resume();
        // Without anything to write a round is a question whether it could be written.
        let is_probe = round.events.is_empty() && round.work.is_empty() && round.holes.is_empty();
        if is_probe && !round.flush {
            return self.writable().and_then(|()| self.is_within_bounds());
        }
        // What holds something back may be moved, and settings changed: only events are refused.
        if is_probe || !round.events.is_empty() {
            self.is_within_bounds()?;
        }
        let last = round.events.last().map_or(self.last, |event| event.offset);
        let prev = self.last;
        // Offsets that may be gone with the power must not be given out again: that there are any is flushed before the
        // first of them is shown, and how far they go is bounded.
        let is_first = !round.flush && !self.is_unflushed_known;
        let flush = round.flush || is_first || last - self.flushed > open::UNFLUSHED_OFFSETS;
        self.transact(flush, view, |writer| {
            if is_first {
                writer.write_with(|connection, _| {
                    let sql = "INSERT OR REPLACE INTO meta VALUES(?1, 1)";
                    connection.execute(sql, [open::UNFLUSHED])
                })?;
            }
            match is_probe {
                true => writer.write_mark(),
                false => writer.write(round, prev),
            }
        })?;
        self.is_unflushed_known |= is_first;
        self.last = last;
        if flush {
            self.flushed = last;
        }
        let first = round
            .events
            .first()
            .map(|event| (event.offset, event.recorded));
        view.committed(first, round.events.len() as u64, last, flush);
        let records = round.events.iter().map(|event| event.event.record().len());
        let bytes = records.sum::<usize>() as u64;
        self.upkeep.committed(bytes);
        self.retaining.committed(&round.events);
        self.unmeasured += bytes;
        // Damage above a mark that could not be moved would not be told: no reason to fail what is committed.
        let _ = self.mark.write(self.last, self.flushed);
        self.checkpointer
            .committed(wal::committed(), Instant::now());
        // Between rounds there may be no time, for as long as they come.
        self.unretained += bytes;
        if self.is_measure_due() {
            self.measure(view);
        }
        if self.unretained >= RETAIN_AFTER.min(self.measure_after()) {
            let written = std::mem::take(&mut self.unretained);
            let (now, before) = (Instant::now(), self.retaining.freed());
            for _ in 0..RETAIN_STEPS {
                self.retain(now, view);
                if !self.retaining.is_passing() || self.retaining.freed() - before >= 2 * written {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Says whether the bounds leave room for events.
    fn is_within_bounds(&self) -> Result<(), CommitError> {
        match self.retaining.exceeded() {
            Some(reason) => Err(CommitError::new(CommitFailure::NoSpace, reason)),
            None => Ok(()),
        }
    }

    /// Runs one transaction, and says what its failure means.
    fn transact(
        &mut self,
        flush: bool,
        view: &View,
        write: impl FnOnce(&mut Writer) -> Result<(), Failed>,
    ) -> Result<(), CommitError> {
        self.writable()?;
        let written = self.try_transact(flush, view, write);
        written.map_err(|failed| self.failed(failed, view))
    }

    /// Runs one transaction. What its failure means for the journal is the caller's to say.
    fn try_transact(
        &mut self,
        flush: bool,
        view: &View,
        write: impl FnOnce(&mut Writer) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let mut waits = false;
        let result = loop {
            match self.writer.begin(flush) {
                Err(failed) if failed.fault == Fault::Wait => {
                    // Somebody's shell: nothing failed, and it is said who everybody waits for.
                    waits = true;
                    view.set_state(JournalState::HeldByOther {
                        reason: "another process writes to the database".to_owned(),
                    });
                }
                begun => break begun,
            }
        };
        let result = result.and_then(|()| write(&mut self.writer));
        let result = result.and_then(|()| {
            loop {
                match self.writer.commit() {
                    Err(failed) if failed.fault == Fault::Wait => waits = true,
                    committed => break committed,
                }
            }
        });
        match result {
            Ok(()) => {
                if self.full.take().is_some() || waits {
                    self.show_state(view);
                }
                match flush {
                    // It flushed everything before it, too.
                    true => self.unflushed = None,
                    false => {
                        self.unflushed.get_or_insert_with(Instant::now);
                    }
                }
                Ok(())
            }
            Err(failed) => {
                if waits {
                    self.show_state(view);
                }
                Err(failed)
            }
        }
    }

    /// Says whether there is room.
    fn show_state(&self, view: &View) {
        view.set_state(match self.full.as_ref().or(self.exceeded.as_ref()) {
            Some(reason) => JournalState::Full {
                reason: reason.clone(),
            },
            None => JournalState::Writable,
        });
    }

    /// Says whether it may be written at all.
    fn writable(&mut self) -> Result<(), CommitError> {
        if let Some(reason) = &self.poisoned {
            return Err(CommitError::new(CommitFailure::Poisoned, reason.clone()));
        }
        // A checkpoint that failed has poisoned it as a commit does.
        match self.checkpointer.poisoned() {
            Some(error) => {
                self.poison(error.reason.clone());
                Err(error)
            }
            None => Ok(()),
        }
    }

    /// Writes nothing more. What was only written was shown, and may be lost without the machine or this process having ended:
    /// its offsets are not given out again, which is all that can still be said of it.
    fn poison(&mut self, reason: String) {
        self.poisoned = Some(reason);
        if self.flushed < self.last {
            let below = self.mark.mark().reserved.max(self.last + 1);
            let _ = self.mark.reserve(below);
        }
    }

    fn failed(&mut self, failed: Failed, view: &View) -> CommitError {
        // A statement that had to wait was undone: that is all that its events need to know.
        let failure = failed.fault.failure().unwrap_or(CommitFailure::Aborted);
        let reason = failed.reason;
        match failure {
            CommitFailure::NoSpace => {
                self.full = Some(reason.clone());
                self.free_reserve();
                self.show_state(view);
                // What can be copied into the database makes room at the front of the log.
                self.checkpointer.maintain(Instant::now());
            }
            CommitFailure::Poisoned => {
                self.checkpointer.poison();
                self.poison(reason.clone());
                view.set_state(JournalState::Poisoned {
                    reason: reason.clone(),
                });
            }
            CommitFailure::Aborted => {}
        }
        CommitError::new(failure, reason)
    }

    /// Gives up the room that is kept for a full disk; returns whether there was any.
    fn free_reserve(&mut self) -> bool {
        // Taken back at once, it would be missing for what it was given up for.
        self.reserve_again = Some(deadline::after(Instant::now(), RESERVE_AGAIN));
        self.reserve.free()
    }

    fn maintain(&mut self, now: Instant, view: &Arc<View>) -> Option<Duration> {
        self.writable().ok()?;
        self.checkpointer.maintain(now);
        if let Some(since) = self.unflushed {
            let due = deadline::after(since, FLUSH_WITHIN);
            if now < due {
                return Some(due - now);
            }
            match self.transact(true, view, Writer::write_mark) {
                Ok(()) => self.settle(view),
                // Whole chunks go on a full disk, too.
                Err(error) if error.failure == CommitFailure::NoSpace => {
                    let retained = self.retain(now, view);
                    return [retained, self.unflushed.map(|_| FLUSH_WITHIN)]
                        .into_iter()
                        .flatten()
                        .min();
                }
                Err(_) => return self.unflushed.map(|_| FLUSH_WITHIN),
            }
        }
        if self.is_measure_due() {
            self.measure(view);
        }
        // Whole chunks go on a full disk, too: there is room kept for that.
        let retained = self.retain(now, view);
        if retained == Some(Duration::ZERO) {
            return retained;
        }
        if self.full.is_some() {
            return retained;
        }
        if !self.reserve.is_held() && self.reserve_again.is_none_or(|at| at <= now) {
            let filled = self.reserve.fill_with_room_to_spare();
            self.reserve_again = filled.is_err().then(|| deadline::after(now, RESERVE_AGAIN));
        }
        let due = [retained, self.keep_up(now, view)];
        due.into_iter().flatten().min()
    }

    fn truncate(
        &mut self,
        topic: &str,
        below: u64,
        streams: bool,
        view: &View,
    ) -> Result<(), CommitError> {
        let below = below.min(self.last + 1);
        let mut floors = None;
        let retaining = std::mem::take(&mut self.retaining);
        let done = self.transact(true, view, |writer| {
            let raise =
                |connection: &_, _: &mut _| retaining.truncate(connection, topic, below, streams);
            floors = writer.write_with(raise)?;
            writer.write_mark()
        });
        self.retaining = retaining;
        done?;
        self.settle(view);
        let Some(floors) = floors else {
            // A walk may find that some have nothing below them any more.
            self.retaining.sweep();
            let reason = "too many topics are truncated already";
            return Err(CommitError::new(CommitFailure::Aborted, reason));
        };
        self.retaining.truncated(topic, below, floors, view);
        Ok(())
    }

    /// Writes every row anew that has events that have gone, and then the whole database.
    fn erase(&mut self, view: &Arc<View>) -> Result<(), CommitError> {
        let mut sweep = Sweep::everything();
        let mut is_done = false;
        while !is_done {
            let (floors, last) = (Arc::clone(self.retaining.floors()), self.last);
            let mut gone = Gone::default();
            self.transact(true, view, |writer| {
                let step = |connection: &_, builder: &mut _| {
                    retention::secure(connection)?;
                    sweep.step(connection, builder, &floors, last)
                };
                (gone, is_done) = writer.write_with(step)?;
                writer.write_mark()
            })?;
            let oldest = retention::oldest(self.writer.connection(), &floors);
            view.removed(gone.events, gone.bytes, oldest.unwrap_or_default());
            self.settle(view);
        }
        let floors = Arc::clone(self.retaining.floors());
        self.transact(true, view, |writer| {
            writer.write_with(|connection, _| retention::erase_names(connection, &floors))
        })?;
        self.settle(view);
        self.writable()?;
        let erased = self.writer.vacuum();
        erased.map_err(|failed| self.failed(failed, view))
    }

    /// One step of retention, where there is any to do. Returns when there is more, if nothing else happens.
    fn retain(&mut self, now: Instant, view: &Arc<View>) -> Option<Duration> {
        // State may have gone, which nobody counts.
        if self.exceeded.is_some() {
            self.measure(view);
        }
        let there = self.there(view);
        let work = match self.retaining.due(there, now) {
            Ok(Work::Build) => {
                self.retaining.build(view, now);
                return Some(Duration::ZERO);
            }
            Ok(work) => work,
            Err(wait) => return wait,
        };
        let looked = self
            .retaining
            .look(work, self.writer.connection(), there, now);
        let Ok(looked) = looked else {
            self.retaining.failed(view, false, now);
            return None;
        };
        let flushed = self.unflushed;
        let mut outcome = None;
        let mut retaining = std::mem::take(&mut self.retaining);
        let done = self.try_transact(false, view, |writer| {
            let step = |connection: &_, builder: &mut _| {
                retaining.step((work, &looked), connection, builder, there, view, now)
            };
            outcome = Some(writer.write_with(step)?);
            Ok(())
        });
        self.retaining = retaining;
        // A crash before it is flushed finds the events where they were.
        self.unflushed = flushed;
        match (done, outcome) {
            (Ok(()), Some(outcome)) => {
                if outcome.has_freed() {
                    self.measure(view);
                }
                let bytes = self.measured;
                let there = There { bytes, ..there };
                let oldest = retention::oldest(self.writer.connection(), outcome.floors());
                let oldest = oldest.unwrap_or_default();
                self.retaining.done(outcome, oldest, there, view, now);
            }
            (done, _) => {
                let is_unreadable = matches!(&done, Err(failed) if failed.is_unreadable);
                self.retaining.failed(view, is_unreadable, now);
                match done {
                    // There is room kept for that.
                    Err(failed) if failed.fault == Fault::NoSpace => {
                        if self.free_reserve() {
                            self.retaining.resume();
                            return Some(Duration::ZERO);
                        }
                    }
                    // Readers say what is damaged, and nothing was written: no reason to write nothing more.
                    Err(_) if is_unreadable => {
                        if self.retaining.evade(&looked) {
                            return Some(Duration::ZERO);
                        }
                    }
                    Err(failed) => _ = self.failed(failed, view),
                    Ok(()) => {}
                }
                return None;
            }
        }
        let exceeded = self.retaining.exceeded().map(str::to_owned);
        if exceeded != std::mem::replace(&mut self.exceeded, exceeded.clone()) {
            self.show_state(view);
        }
        self.checkpointer
            .committed(wal::committed(), Instant::now());
        match self.retaining.due(self.there(view), now) {
            Ok(_) => Some(Duration::ZERO),
            Err(due) => due,
        }
    }

    fn there(&self, view: &View) -> There {
        There {
            bytes: self.measured,
            events: view.events(),
            last: self.last,
        }
    }

    fn is_measure_due(&self) -> bool {
        self.unmeasured >= self.measure_after()
    }

    fn measure_after(&self) -> u64 {
        MEASURE_AFTER.max(self.measured / MEASURE_PART)
    }

    /// Notes a flush that was no round.
    fn settle(&mut self, view: &View) {
        self.flushed = self.last;
        view.flushed();
        let _ = self.mark.write(self.last, self.flushed);
        self.checkpointer
            .committed(wal::committed(), Instant::now());
    }

    /// One step of merging, where there is any to do.
    fn keep_up(&mut self, now: Instant, view: &View) -> Option<Duration> {
        let mut upkeep = std::mem::take(&mut self.upkeep);
        let connection = self.writer.connection();
        let retaining = &mut self.retaining;
        let more = match upkeep.next(connection, &mut || retaining.limits(connection, now)) {
            Ok(Next::Idle) => None,
            Ok(Next::More) => Some(Duration::ZERO),
            Ok(Next::Write(step)) => {
                let flushed = self.unflushed;
                let mut merged = None;
                let (events, last) = (view.events(), self.last);
                let done = self.try_transact(false, view, |writer| {
                    let write = |connection: &_, builder: &mut _| {
                        let merged = upkeep.write(&step, connection, builder)?;
                        if !step.is_merge() {
                            let there = events.saturating_sub(merged.gone().events);
                            retention::write_events(connection, there, last)?;
                        }
                        Ok(merged)
                    };
                    merged = Some(writer.write_with(write)?);
                    Ok(())
                });
                // Moving what is flushed leaves nothing that has to be: a crash before it finds it where it was.
                self.unflushed = flushed;
                if done.is_ok() && merged == Some(Merged::Written) && step.is_merge() {
                    view.merged();
                }
                let merged = merged.filter(|_| done.is_ok());
                if let Some(topic) = upkeep.done(step, merged) {
                    self.retaining.compacted(&topic, self.last);
                }
                self.went(merged.map(Merged::gone).unwrap_or_default(), view);
                let is_done = done.is_ok();
                match done {
                    // It can wait until there is room. Nobody is refused for it, and nobody would say that there is room again.
                    Ok(())
                    | Err(
                        Failed {
                            fault: Fault::NoSpace,
                            ..
                        }
                        | Failed {
                            is_unreadable: true,
                            ..
                        },
                    ) => {}
                    Err(failed) => _ = self.failed(failed, view),
                }
                self.checkpointer
                    .committed(wal::committed(), Instant::now());
                is_done.then_some(Duration::ZERO)
            }
            // What cannot be read is not merged: readers say what is missing.
            Err(_) => {
                upkeep.pause();
                None
            }
        };
        view.set_compaction(upkeep.compaction());
        self.upkeep = upkeep;
        more
    }

    /// Notes that events have gone since newer ones have their keys.
    fn went(&mut self, gone: Gone, view: &View) {
        if gone.events > 0 {
            let oldest = retention::oldest(self.writer.connection(), self.retaining.floors());
            // Where it cannot be read the next pass looks again.
            if let Ok(oldest) = oldest {
                view.removed(gone.events, gone.bytes, oldest);
            }
            self.measure(view);
        }
    }

    /// Looks how many pages are in use.
    fn measure(&mut self, view: &View) {
        let connection = self.writer.connection();
        let number = |sql: &str| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([], |row| row.get::<_, i64>(0))
        };
        if let (Ok(pages), Ok(free)) =
            (number("PRAGMA page_count"), number("PRAGMA freelist_count"))
        {
            self.measured = (pages - free).max(0) as u64 * self.page_bytes;
            self.unmeasured = 0;
            view.set_bytes(self.measured);
        }
    }

    fn close(&mut self, view: &View) -> Result<(), CommitError> {
        let (events, last) = (view.events(), self.last);
        let mut retaining = std::mem::take(&mut self.retaining);
        let done = self.transact(true, view, |writer| {
            writer.write_with(|connection, _| {
                retaining.close(connection, Instant::now())?;
                retention::write_events(connection, events, last)?;
                let sql = "INSERT OR REPLACE INTO meta VALUES('clean', 1)";
                connection.prepare_cached(sql)?.execute([]).map(|_| ())
            })
        });
        self.retaining = retaining;
        done?;
        let _ = self.mark.write(self.last, self.last);
        self.checkpointer.close()
    }
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJournal")
            .field("path", &self.view.path)
            .field("recovered", &self.recovered)
            .finish_non_exhaustive()
    }
}
