//! A copy of a journal in a directory of its own.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::files::{SqliteFiles, beside};
use super::{Progress, failed};
use crate::journal::JournalError;
use crate::journal::sqlite::open::{self, DATABASE};

/// The name of a copy that is not whole yet: nobody takes it for a journal.
const PART: &str = "journal.sqlite.part";
/// Bytes that are copied between two looks at how far it is.
const STEP_BYTES: u64 = 4 << 20;

/// A backup that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackedUp {
    /// Bytes of the copy.
    pub bytes: u64,
    /// The offset of the last event in it; 0: none.
    pub last: u64,
}

impl SqliteFiles {
    /// Copies the journal into a new directory, as it is at one moment, and flushes it. Opened, the copy is a new log with an
    /// epoch of its own: positions of the one that was copied mean nothing there.
    ///
    /// A running server writes on meanwhile; its log of writes cannot begin anew before the copy is done, and grows.
    ///
    /// # Errors
    ///
    /// The directory is there already, or cannot be made or written: what was made of it is removed. [`Damaged`](JournalError::Damaged) where
    /// pages cannot be read: [`verify`](Self::verify) says what is lost.
    pub fn backup(
        &mut self,
        directory: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<BackedUp, JournalError> {
        let made = DirBuilder::new().mode(0o700).create(directory);
        made.map_err(|error| open::failed(directory, error))?;
        let part = directory.join(PART);
        let copied = self
            .settled(|files| {
                for left in ["", "-wal", "-shm"] {
                    let _ = fs::remove_file(beside(&part, left));
                }
                files.copy(&part, progress)
            })
            .and_then(|last| named(&part, directory, last).map_err(|e| open::failed(directory, e)));
        if copied.is_err() {
            // It was made here, and nobody takes half a copy for a whole one.
            let _ = fs::remove_dir_all(directory);
        }
        copied
    }

    /// Returns the last offset of the copy.
    fn copy(
        &mut self,
        path: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<u64, JournalError> {
        let number = |connection: &Connection, sql: &str| {
            connection.query_row(sql, [], |row| row.get::<_, i64>(0))
        };
        let page_bytes = number(&self.connection, "PRAGMA page_size").map_err(failed)? as u64;
        let pages = i32::try_from(STEP_BYTES.div_ceil(page_bytes)).unwrap_or(i32::MAX);
        let mut copy = Connection::open(path).map_err(failed)?;
        // Half a copy is thrown away, and a whole one is flushed below.
        let quick = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF";
        copy.execute_batch(quick).map_err(failed)?;
        // With a transaction open the pages stay as they are: without it each commit of somebody else begins the copy anew.
        self.connection.execute_batch("BEGIN").map_err(failed)?;
        let copied = number(&self.connection, "SELECT ifnull(max(last), 0) FROM chunk")
            .and_then(|last| {
                let backup = Backup::new(&self.connection, &mut copy)?;
                while backup.step(pages)? != StepResult::Done {
                    let at = backup.progress();
                    let left = u64::try_from(at.remaining).unwrap_or(0);
                    let total = u64::try_from(at.pagecount).unwrap_or(0);
                    progress(Progress {
                        bytes: total.saturating_sub(left) * page_bytes,
                        bytes_total: total * page_bytes,
                        events: 0,
                    });
                }
                Ok(last as u64)
            })
            .map_err(failed);
        let ended = self.connection.execute_batch("ROLLBACK").map_err(failed);
        let last = copied?;
        ended?;
        // It has no mark, and needs none: everything is in it. No file is the one that it says it was.
        let whole = "UPDATE meta SET value = 1 WHERE key = 'clean'; \
                     UPDATE meta SET value = 0 WHERE key IN ('unflushed', 'inode', 'device'); \
                     UPDATE meta SET value = 1 WHERE key = 'born'";
        copy.execute_batch("PRAGMA journal_mode=WAL")
            .map_err(failed)?;
        copy.execute_batch(whole).map_err(failed)?;
        copy.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .map_err(failed)?;
        copy.close().map_err(|(_, error)| failed(error))?;
        Ok(last)
    }
}

/// Gives a copy that is whole its name, once all of it is on the disk.
fn named(part: &Path, directory: &Path, last: u64) -> io::Result<BackedUp> {
    fs::set_permissions(part, fs::Permissions::from_mode(0o600))?;
    let file = File::open(part)?;
    file.sync_all()?;
    fs::rename(part, directory.join(DATABASE))?;
    open::flush(directory)?;
    // Of the name of the directory itself.
    let parent = directory.canonicalize()?.parent().map(Path::to_owned);
    parent.map_or(Ok(()), |parent| open::flush(&parent))?;
    let bytes = file.metadata()?.len();
    Ok(BackedUp { bytes, last })
}
