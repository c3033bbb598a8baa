//! The checkpointer: a thread that copies the log into the database, and the committer's part of it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use rusqlite::{Connection, InterruptHandle};

use super::baton::Baton;
use super::holders;
use crate::deadline;
use crate::journal::CommitError;
use crate::journal::sqlite::faults::{self, Fault, Step};

const THREAD: &str = "eventring-checkpoint";
/// Before each page of the log.
const FRAME_HEADER: u64 = 24;
/// Of the log.
const LOG_HEADER: u64 = 32;
/// The time that readers have to be done: several times what a read transaction may take.
const READERS_WAIT: Duration = Duration::from_millis(20);
/// The same once they were interrupted.
const INTERRUPTED_WAIT: Duration = Duration::from_millis(200);
/// Between two tries that did not work out, so that not every commit waits for them.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
/// The time for which another process holds the log before it is said: a query in a shell is no news.
const HELD_SAID: Duration = Duration::from_secs(1);
/// After a checkpoint that found no space.
const NO_SPACE_WAIT: Duration = Duration::from_secs(1);

/// Between two interrupts of a checkpoint that is to end.
const STOP_WAIT: Duration = Duration::from_millis(1);

/// The lengths of the log at which something is done, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal::sqlite) struct WalLimits {
    /// So much that is not copied yet, and the thread copies it.
    pub(in crate::journal::sqlite) passive: u64,
    /// So little that is not copied yet, and the committer copies the rest itself.
    pub(in crate::journal::sqlite) rest: u64,
    /// From here on the committer begins the log anew, however much it has to copy.
    pub(in crate::journal::sqlite) restart: u64,
    /// From here on readers that hold the log are interrupted.
    pub(in crate::journal::sqlite) interrupt: u64,
}

impl Default for WalLimits {
    fn default() -> Self {
        Self {
            passive: 4 << 20,
            rest: 512 << 10,
            restart: 16 << 20,
            interrupt: 64 << 20,
        }
    }
}

/// Keeps the log short.
///
/// [`committed`](Self::committed), [`poison`](Self::poison) and [`close`](Self::close) are the committer's, between two
/// commits; the rest may be asked by any thread.
pub(in crate::journal::sqlite) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// After a try to begin the log anew that had somebody in its way, and whether readers were interrupted for it.
    held: Option<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    next_try: Instant,
    urgent: bool,
}

/// The part of a checkpointer that any thread may ask.
#[derive(Clone)]
pub(in crate::journal::sqlite) struct CheckpointView(Arc<Shared>);

struct Shared {
    /// One connection for all checkpoints: two at once would be in each other's way. Whoever has it checkpoints.
    connection: Mutex<Connection>,
    interrupt: InterruptHandle,
    database: PathBuf,
    baton: Arc<Baton>,
    limits: WalLimits,
    frame_bytes: u64,
    /// Frames of the log at the last commit.
    frames: AtomicU64,
    /// Frames of them that were copied when a checkpoint last ended.
    copied: AtomicU64,
    /// Checkpoints so far that copied anything.
    checkpoints: AtomicU64,
    /// Set under the connection's lock or before it is asked for: who has it looks before each checkpoint.
    stopped: AtomicBool,
    thread: Mutex<Thread>,
    wake: Condvar,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Thread {
    wanted: bool,
    stop: bool,
}

#[derive(Default)]
struct Failures {
    poisoned: Option<String>,
    no_space: Option<String>,
    /// Since when a checkpoint could not be finished although no reader of this process was in its way.
    held_since: Option<Instant>,
}

/// The findings of a checkpoint.
#[derive(Clone, Copy, Debug)]
struct Checkpointed {
    /// Somebody was in the way.
    busy: bool,
    /// Frames of the log, and those of them that are copied.
    frames: u64,
    copied: u64,
}

/// The result of beginning the log anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restarted {
    Done,
    /// The thread is copying, or the disk refused.
    NotNow,
    /// Readers were in the way: finding that out took time.
    Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Passive,
    Restart,
    Truncate,
}

impl Checkpointer {
    /// Starts the thread. The connection is for checkpoints alone: it waits for nobody (`busy_timeout` 0), and closing it
    /// checkpoints nothing.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(in crate::journal::sqlite) fn start(
        connection: Connection,
        database: &Path,
        page_bytes: u64,
        baton: Arc<Baton>,
        limits: WalLimits,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            interrupt: connection.get_interrupt_handle(),
            connection: Mutex::new(connection),
            database: database.to_owned(),
            baton,
            limits,
            frame_bytes: page_bytes + FRAME_HEADER,
            frames: AtomicU64::new(0),
            copied: AtomicU64::new(0),
            checkpoints: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            thread: Mutex::default(),
            wake: Condvar::new(),
            failures: Mutex::default(),
        });
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || of_thread.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
            held: None,
        })
    }

    /// Says how many frames the log has after a commit, and does what is due: wakes the thread, or begins the log anew
    /// when it is long enough or nearly all of it is copied. What goes wrong here is told to the commits to come.
    pub(in crate::journal::sqlite) fn committed(&mut self, frames: u64, now: Instant) {
        // Relaxed: figures, and hints of when to look; what is copied is decided by SQLite's own locks.
        let before = self.shared.frames.swap(frames, Ordering::Relaxed);
        if frames < before {
            self.shared.copied.store(0, Ordering::Relaxed);
        }
        self.maintain(now);
    }

    /// Does what is due when nothing is committed: what did not work out is tried again.
    pub(in crate::journal::sqlite) fn maintain(&mut self, now: Instant) {
        let shared = &self.shared;
        let frames = shared.frames.load(Ordering::Relaxed);
        let copied = shared.copied.load(Ordering::Relaxed).min(frames);
        let (length, rest) = (shared.bytes(frames), (frames - copied) * shared.frame_bytes);
        if rest >= shared.limits.passive {
            shared.want();
        }
        let nearly_copied = copied > 0 && rest <= shared.limits.rest;
        let due =
            length >= shared.limits.restart || length >= shared.limits.passive && nearly_copied;
        let urgent = length >= shared.limits.interrupt;
        // Once it is urgent nobody waits for a try that was not.
        let waits = |held: Held| now < held.next_try && (held.urgent || !urgent);
        if !due || self.held.is_some_and(waits) {
            return;
        }
        let restarted = shared.restart(urgent, now);
        self.held = (restarted == Restarted::Held).then(|| Held {
            next_try: deadline::after(now, BETWEEN_TRIES),
            urgent,
        });
    }

    /// Returns why nothing may be written any more.
    pub(in crate::journal::sqlite) fn poisoned(&self) -> Option<CommitError> {
        let failures = self.shared.failures.lock();
        failures.poisoned.as_deref().map(faults::poisoned)
    }

    /// Ends it for good since a commit failed: once this returns nothing is copied any more.
    pub(in crate::journal::sqlite) fn poison(&mut self) {
        self.stop();
    }

    /// Copies what is left, cuts the log off and ends, at a clean close. Nothing is copied after poisoning.
    ///
    /// # Errors
    ///
    /// What is committed is in the log, and as safe as it was.
    pub(in crate::journal::sqlite) fn close(&mut self) -> Result<(), CommitError> {
        if let Some(error) = self.poisoned() {
            self.stop();
            return Err(error);
        }
        let shared = Arc::clone(&self.shared);
        {
            // Readers that are not done keep the log as it is; so does another process.
            let _alone = shared.baton.take(READERS_WAIT);
            shared.checkpoint(&mut shared.connection.lock(), Mode::Truncate);
        }
        self.stop();
        self.poisoned().map_or(Ok(()), Err)
    }

    /// Returns what any thread may ask.
    pub(in crate::journal::sqlite) fn view(&self) -> CheckpointView {
        CheckpointView(Arc::clone(&self.shared))
    }

    fn stop(&mut self) {
        // Release: pairs with the Acquire of whoever has the connection and is about to checkpoint.
        self.shared.stopped.store(true, Ordering::Release);
        {
            let mut thread = self.shared.thread.lock();
            thread.stop = true;
            self.shared.wake.notify_one();
        }
        // One that has looked at `stopped` and has not begun would not notice a single interrupt.
        while self.shared.connection.try_lock_for(STOP_WAIT).is_none() {
            self.shared.interrupt.interrupt();
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told by its hook, and left nothing half done that SQLite does not undo.
            let _ = thread.join();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl CheckpointView {
    /// Returns the bytes of the log that are in use.
    pub(in crate::journal::sqlite) fn wal_bytes(&self) -> u64 {
        let frames = self.0.frames.load(Ordering::Relaxed);
        self.0.bytes(frames)
    }

    /// Returns how often anything was copied.
    pub(in crate::journal::sqlite) fn checkpoints(&self) -> u64 {
        self.0.checkpoints.load(Ordering::Relaxed)
    }

    /// Returns why nothing may be written any more, for people.
    pub(in crate::journal::sqlite) fn poisoned(&self) -> Option<String> {
        self.0.failures.lock().poisoned.clone()
    }

    /// Returns why the log cannot be copied for want of space, for people.
    pub(in crate::journal::sqlite) fn no_space(&self) -> Option<String> {
        self.0.failures.lock().no_space.clone()
    }

    /// Returns who keeps the log from being begun anew, for people, where that is another process and no matter of a moment.
    pub(in crate::journal::sqlite) fn held_by_other(&self, now: Instant) -> Option<String> {
        let since = self.0.failures.lock().held_since?;
        if now.saturating_duration_since(since) < HELD_SAID {
            return None;
        }
        let mut index = self.0.database.clone().into_os_string();
        index.push("-shm");
        let who = holders::of(Path::new(&index));
        let who = who.unwrap_or_else(|| "another process".to_owned());
        Some(format!("wal held by {who}"))
    }
}

impl Shared {
    fn bytes(&self, frames: u64) -> u64 {
        match frames {
            0 => 0,
            _ => LOG_HEADER + frames * self.frame_bytes,
        }
    }

    fn run(&self) {
        loop {
            {
                let mut thread = self.thread.lock();
                while !thread.wanted && !thread.stop {
                    self.wake.wait(&mut thread);
                }
                if thread.stop {
                    return;
                }
                thread.wanted = false;
            }
            let checkpointed = self.checkpoint(&mut self.connection.lock(), Mode::Passive);
            if self.failures.lock().no_space.is_some() {
                self.wait(NO_SPACE_WAIT);
            } else if checkpointed.is_none_or(|it| it.copied < it.frames) {
                // Readers are in the way of the rest. It would be flushed again and again for nothing.
                self.wait(BETWEEN_TRIES);
            }
        }
    }

    /// Waits, unless it is to stop.
    fn wait(&self, time: Duration) {
        let until = deadline::after(Instant::now(), time);
        let mut thread = self.thread.lock();
        while !thread.stop && !self.wake.wait_until(&mut thread, until).timed_out() {}
    }

    fn want(&self) {
        // Who checkpoints is asked again by the next commit: nobody waits here.
        if let Some(mut thread) = self.thread.try_lock()
            && !thread.wanted
        {
            thread.wanted = true;
            self.wake.notify_one();
        }
    }

    /// Begins the log anew: all of it is copied, and nobody reads in it.
    fn restart(&self, urgent: bool, now: Instant) -> Restarted {
        let connection = match urgent {
            // Commits wait for the copying: the log must not grow on.
            true => Some(self.connection.lock()),
            false => self.connection.try_lock(),
        };
        let Some(mut connection) = connection else {
            return Restarted::NotNow;
        };
        let mut alone = self.baton.take(READERS_WAIT);
        if alone.is_none() && urgent {
            self.baton.interrupt();
            alone = self.baton.take(INTERRUPTED_WAIT);
        }
        if alone.is_none() {
            return Restarted::Held;
        }
        let Some(checkpointed) = self.checkpoint(&mut connection, Mode::Restart) else {
            return Restarted::NotNow;
        };
        let mut failures = self.failures.lock();
        if checkpointed.busy {
            failures.held_since.get_or_insert(now);
            return Restarted::Held;
        }
        failures.held_since = None;
        // The next commit begins it anew, and says how long it is then.
        self.frames.store(0, Ordering::Relaxed);
        self.copied.store(0, Ordering::Relaxed);
        Restarted::Done
    }

    /// Runs one, unless it was stopped. Takes the connection's guard so that nobody else is at it.
    fn checkpoint(
        &self,
        connection: &mut MutexGuard<'_, Connection>,
        mode: Mode,
    ) -> Option<Checkpointed> {
        // Acquire: pairs with the Release of `stop`, which interrupts one that begins just before.
        if self.stopped.load(Ordering::Acquire) {
            return None;
        }
        let pragma = match mode {
            Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            Mode::Restart => "PRAGMA wal_checkpoint(RESTART)",
            Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        let before = self.frames.load(Ordering::Relaxed);
        let copied_before = self.copied.load(Ordering::Relaxed);
        let ran = connection.query_row(pragma, [], |row| {
            // -1: it did not come to look, since another process was in the way.
            let frames = |column| {
                let frames = row.get::<_, i64>(column);
                frames.map(|frames| u64::try_from(frames).unwrap_or_default())
            };
            Ok(Checkpointed {
                busy: row.get(0)?,
                frames: frames(1)?,
                copied: frames(2)?,
            })
        });
        match ran {
            Ok(checkpointed) => {
                if checkpointed.copied > copied_before {
                    self.checkpoints.fetch_add(1, Ordering::Relaxed);
                }
                // All was copied, and a commit began the log anew before we came back to say so.
                let anew = self.frames.load(Ordering::Relaxed) < before;
                let copied = if anew { 0 } else { checkpointed.copied };
                self.copied.store(copied, Ordering::Relaxed);
                self.failures.lock().no_space = None;
                Some(checkpointed)
            }
            Err(error) => {
                let fault = Fault::of(connection, &error, Step::Checkpoint);
                self.failed(fault, &error);
                None
            }
        }
    }

    fn failed(&self, fault: Fault, error: &rusqlite::Error) {
        let reason = format!("checkpoint: {error}");
        let mut failures = self.failures.lock();
        match fault {
            Fault::NoSpace => failures.no_space = Some(reason),
            Fault::Poisoned | Fault::Aborted => {
                // Under the connection's lock: no checkpoint comes after it.
                self.stopped.store(true, Ordering::Release);
                failures.poisoned.get_or_insert(reason);
            }
            Fault::Wait => {}
        }
    }
}

impl fmt::Debug for Checkpointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

impl fmt::Debug for CheckpointView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpointer")
            .field("wal_bytes", &self.wal_bytes())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::journal::sqlite::files::tests::Directory;
    use crate::journal::sqlite::wal::frames;

    const PAGE: u64 = 4096;
    const LIMITS: WalLimits = WalLimits {
        passive: 64 << 10,
        rest: 16 << 10,
        restart: 256 << 10,
        interrupt: 1 << 20,
    };
    const NEVER: u64 = u64::MAX;
    /// Bytes of the log that a commit takes at most.
    const COMMIT: u64 = 16 * PAGE;
    const DEADLINE: Duration = Duration::from_secs(20);

    struct Log {
        directory: Directory,
        connection: Connection,
        baton: Arc<Baton>,
        checkpointer: Checkpointer,
    }

    fn connect(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
                 PRAGMA wal_autocheckpoint = 0;",
            )
            .unwrap();
        connection.busy_timeout(Duration::ZERO).unwrap();
        let config = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        connection.set_db_config(config, true).unwrap();
        connection
    }

    impl Log {
        fn new(name: &str, limits: WalLimits) -> Self {
            let directory = Directory::new(name);
            let path = directory.path().join("t.db");
            let connection = connect(&path);
            connection
                .execute_batch("CREATE TABLE t(n INTEGER PRIMARY KEY, body BLOB)")
                .unwrap();
            frames::watch(&connection);
            let baton = Arc::new(Baton::default());
            let of_checkpoints = connect(&path);
            let checkpointer =
                Checkpointer::start(of_checkpoints, &path, PAGE, Arc::clone(&baton), limits);
            Self {
                directory,
                connection,
                baton,
                checkpointer: checkpointer.unwrap(),
            }
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("t.db")
        }

        /// About five pages.
        fn commit(&mut self, now: Instant) {
            self.connection
                .execute("INSERT INTO t(body) VALUES(zeroblob(16000))", [])
                .unwrap();
            self.checkpointer.committed(frames::committed(), now);
        }

        fn length(&self) -> u64 {
            let name = self.directory.path().join("t.db-wal");
            fs::metadata(name).unwrap().len()
        }
    }

    fn try_count(connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
    }

    fn count(connection: &Connection) -> i64 {
        try_count(connection).unwrap()
    }

    /// Readers that take turns: without the baton a transaction is always open, and the log grows for as long.
    #[test]
    fn the_log_stays_short_while_readers_take_turns() {
        let mut log = Log::new("wal-short", LIMITS);
        let (path, baton) = (log.path(), Arc::clone(&log.baton));
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let done = &done;
            for _ in 0..3 {
                // Opening reads too: not beside commits here, since nothing holds the baton for it.
                let connection = connect(&path);
                count(&connection);
                let reader = baton.reader(connection.get_interrupt_handle());
                scope.spawn(move || {
                    let mut read = 0;
                    while !done.load(Ordering::Relaxed) {
                        let _held = reader.hold();
                        // One that is not given time for long is interrupted.
                        if let Ok(found) = try_count(&connection) {
                            assert!(found >= read);
                            read = found;
                        }
                    }
                });
            }
            let mut longest = 0;
            for _ in 0..400 {
                log.commit(Instant::now());
                longest = longest.max(log.checkpointer.view().wal_bytes());
            }
            done.store(true, Ordering::Relaxed);
            // The commit that goes over the limit is the last one before all is done for it.
            let most = LIMITS.interrupt + COMMIT;
            assert!(longest > LIMITS.passive && longest <= most, "{longest}");
            assert!(log.length() <= most, "{}", log.length());
        });
        log.checkpointer.close().unwrap();
        assert_eq!(log.length(), 0, "a clean close cuts it off");
        assert_eq!(count(&log.connection), 400);
    }

    #[test]
    fn the_thread_copies_by_itself_and_nothing_begins_anew_below_the_limit() {
        let limits = WalLimits {
            restart: NEVER,
            interrupt: NEVER,
            rest: 0,
            ..LIMITS
        };
        let mut log = Log::new("wal-passive", limits);
        while log.checkpointer.view().wal_bytes() < LIMITS.passive {
            log.commit(Instant::now());
        }
        let until = deadline::after(Instant::now(), DEADLINE);
        let size = |log: &Log| fs::metadata(log.path()).unwrap().len();
        while size(&log) < LIMITS.passive / 2 {
            assert!(Instant::now() < until, "{} copied", size(&log));
            thread::yield_now();
        }
        assert!(log.length() >= LIMITS.passive);
    }

    #[test]
    fn a_reader_that_does_not_let_go_is_interrupted() {
        let limits = WalLimits {
            interrupt: 300 << 10,
            ..LIMITS
        };
        let mut log = Log::new("wal-interrupt", limits);
        let (path, baton) = (log.path(), Arc::clone(&log.baton));
        let reading = AtomicBool::new(false);
        log.commit(Instant::now());
        thread::scope(|scope| {
            let read = scope.spawn(|| {
                let connection = connect(&path);
                let reader = baton.reader(connection.get_interrupt_handle());
                let _held = reader.hold();
                // It reads for hours, in one transaction.
                connection.query_row(
                    "WITH RECURSIVE n(i) AS (SELECT n FROM t UNION ALL SELECT i + 1 FROM n)
                     SELECT max(i) FROM n",
                    [],
                    |row| {
                        reading.store(true, Ordering::Relaxed);
                        row.get::<_, i64>(0)
                    },
                )
            });
            let until = deadline::after(Instant::now(), DEADLINE);
            while !read.is_finished() {
                assert!(Instant::now() < until);
                log.commit(Instant::now());
            }
            assert!(read.join().unwrap().is_err());
            assert!(!reading.load(Ordering::Relaxed), "it was not done");
        });
        log.commit(Instant::now());
        let bytes = log.checkpointer.view().wal_bytes();
        assert!(bytes <= limits.interrupt, "{bytes}");
    }

    /// A reader that does not know the baton is another process.
    #[test]
    fn who_holds_the_log_from_outside_is_said_and_let_alone() {
        let mut log = Log::new("wal-held", LIMITS);
        let mut now = Instant::now();
        log.commit(now);
        let outside = connect(&log.path());
        outside.execute_batch("BEGIN").unwrap();
        assert_eq!(count(&outside), 1);
        let view = log.checkpointer.view();
        let until = deadline::after(now, DEADLINE);
        let who = loop {
            assert!(Instant::now() < until);
            // The times of its tries; the thread, which may be copying, goes by the clock.
            now = deadline::after(now, BETWEEN_TRIES);
            log.commit(now);
            if let Some(who) = view.held_by_other(now) {
                break who;
            }
        };
        assert!(who.starts_with("wal held by"), "{who}");
        assert!(view.wal_bytes() > LIMITS.restart);
        assert_eq!(log.checkpointer.poisoned(), None);
        assert_eq!(count(&outside), 1, "it reads on");
        outside.execute_batch("COMMIT").unwrap();
        while view.held_by_other(now).is_some() {
            assert!(Instant::now() < until);
            now = deadline::after(now, BETWEEN_TRIES);
            log.checkpointer.maintain(now);
        }
        log.commit(now);
        assert!(view.wal_bytes() < LIMITS.passive, "{}", view.wal_bytes());
    }

    #[test]
    fn nothing_is_copied_after_poisoning() {
        let mut log = Log::new("wal-poisoned", LIMITS);
        log.checkpointer.poison();
        let before = fs::metadata(log.path()).unwrap().len();
        for _ in 0..100 {
            log.commit(Instant::now());
        }
        let _ = log.checkpointer.close();
        assert_eq!(fs::metadata(log.path()).unwrap().len(), before);
        assert!(log.length() > LIMITS.restart);
    }
}
