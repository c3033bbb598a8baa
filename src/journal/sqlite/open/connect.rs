//! Connections, each with the settings that its work needs.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::journal::JournalError;

/// The least version that loses no committed frames while one connection commits and another checkpoints.
const LEAST: (i32, &str) = (3_051_003, "3.51.3");
/// The time for which SQLite waits for another process, each time it is asked again.
const BUSY: Duration = Duration::from_millis(100);
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 64;
/// Pages that the connection keeps that commits, and each of the others, KiB: there may be many readers.
const WRITER_KIB: i64 = 8 << 10;
const READER_KIB: i64 = 1 << 10;

/// Refuses a library that loses data.
///
/// # Errors
///
/// [`SqliteTooOld`](JournalError::SqliteTooOld).
pub(in crate::journal::sqlite) fn check_version() -> Result<(), JournalError> {
    check(rusqlite::version_number(), rusqlite::version())
}

fn check(number: i32, found: &str) -> Result<(), JournalError> {
    match number < LEAST.0 {
        true => Err(JournalError::SqliteTooOld {
            found: found.to_owned(),
            least: LEAST.1,
        }),
        false => Ok(()),
    }
}

/// Opens the connection that commits. It is in WAL mode once the schema was looked at.
pub(in crate::journal::sqlite) fn writer(
    path: &Path,
    vfs: Option<&str>,
) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(path, vfs, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Opens the connection that checkpoints. It waits for nobody.
pub(in crate::journal::sqlite) fn checkpoints(
    path: &Path,
    vfs: Option<&str>,
) -> rusqlite::Result<Connection> {
    let connection = open(path, vfs, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(Duration::ZERO)?;
    settle(&connection, READER_KIB)?;
    // A checkpoint flushes the log before it copies, and the database before the log begins anew.
    set_synchronous(&connection, true)?;
    Ok(connection)
}

/// Opens a connection that reads.
pub(in crate::journal::sqlite) fn reader(
    path: &Path,
    vfs: Option<&str>,
) -> rusqlite::Result<Connection> {
    let connection = open(path, vfs, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    settle(&connection, READER_KIB)?;
    Ok(connection)
}

/// Opens a connection that looks at a file and changes nothing: `uri` is its path as a URI, with what SQLite is to know.
pub(in crate::journal::sqlite) fn look(uri: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = open(Path::new(uri), None, flags)?;
    connection.busy_timeout(BUSY)?;
    settle(&connection, READER_KIB)?;
    Ok(connection)
}

/// Makes it leave checkpoints alone: the automatic one throws its errors away, and one at closing copies from a log whose
/// flush may have failed. Memory maps turn an error of the disk into a signal.
fn settle(connection: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -cache_kib)
}

/// The same for the connection that commits, once its file is known to be a journal.
pub(super) fn settle_writer(connection: &Connection) -> rusqlite::Result<()> {
    settle(connection, WRITER_KIB)
}

/// Chooses whether a commit is flushed (`FULL`), or only written (`NORMAL`).
pub(in crate::journal::sqlite) fn set_synchronous(
    connection: &Connection,
    flush: bool,
) -> rusqlite::Result<()> {
    connection.execute_batch(match flush {
        true => "PRAGMA synchronous=FULL",
        false => "PRAGMA synchronous=NORMAL",
    })
}

fn open(path: &Path, vfs: Option<&str>, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match vfs {
        None => Connection::open_with_flags(path, flags)?,
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
    };
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Plans do not depend on bound values. Otherwise a statement whose limit is bound is compiled anew at each run: 25 us.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_loses_data_is_refused_by_its_version() {
        let refused = JournalError::SqliteTooOld {
            found: "3.51.2".to_owned(),
            least: "3.51.3",
        };
        let said = "SQLite 3.51.2 is older than 3.51.3, which loses nothing";
        assert_eq!(refused.to_string(), said);
        assert_eq!(check(3_051_002, "3.51.2"), Err(refused));
        for (number, version) in [(3_051_003, "3.51.3"), (3_052_000, "3.52.0")] {
            assert_eq!(check(number, version), Ok(()));
        }
        // The text and the number are one version.
        let parts = LEAST.1.split('.').map(|part| part.parse::<i32>().unwrap());
        assert_eq!(parts.fold(0, |all, part| all * 1_000 + part), LEAST.0);
        check_version().unwrap();
    }
}
