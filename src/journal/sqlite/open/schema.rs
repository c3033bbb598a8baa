//! The tables, and whether a file has them.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, Transaction};

use super::connect;
use crate::journal::JournalError;

/// "EVRG": says whose file it is.
const APPLICATION: i64 = 0x4556_5247;
/// The schema that this version writes. Older ones are read, too: rows of the first have no checksum of their bodies, which
/// are checked frame by frame then, none before the third are deflated, and there are no floors.
const SCHEMA: u32 = 3;

/// `body` is last in its row, so that who looks at the rest of it reads none of its pages. A topic is a number in chunks
/// and spans; names decide, in both directions.
const TABLES: &str = "
CREATE TABLE chunk(
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, prev INTEGER NOT NULL, count INTEGER NOT NULL,
    recorded_first INTEGER NOT NULL, recorded_last INTEGER NOT NULL,
    topics BLOB NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE span(
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, chunks BLOB NOT NULL, topics BLOB NOT NULL,
    lists BLOB NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE TABLE topic(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE stream(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE stream_version(
    stream INTEGER NOT NULL, version INTEGER NOT NULL, offset INTEGER NOT NULL,
    PRIMARY KEY(stream, version)) STRICT, WITHOUT ROWID;
CREATE TABLE state(
    name TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(name, key)) STRICT, WITHOUT ROWID;
CREATE TABLE hole(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason INTEGER NOT NULL) STRICT;
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// The table that the third schema added. Topic 0: all of them.
const FLOORS: &str = "
CREATE TABLE IF NOT EXISTS floor(
    topic INTEGER PRIMARY KEY, retained INTEGER NOT NULL, retained_streams INTEGER NOT NULL,
    truncated INTEGER NOT NULL, truncated_streams INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;
";

/// Looks whose file it is, and makes the tables of a new one. Nothing is changed in a file that is not ours, and no row of
/// one that is: recovery takes an older one over.
///
/// # Errors
///
/// [`Foreign`](JournalError::Foreign), [`TooNew`](JournalError::TooNew), or what the system says.
pub(in crate::journal::sqlite) fn ensure(
    connection: &Connection,
    path: &Path,
    page_bytes: u32,
) -> Result<(), JournalError> {
    let failed = |error| unusable(path, &error);
    let is_new = identify(connection, path)?.is_none();
    if is_new {
        // It counts before the first page is written.
        connection
            .pragma_update(None, "page_size", page_bytes)
            .map_err(failed)?;
    }
    if set_wal(connection).map_err(failed)? != "wal" {
        return Err(super::failed(
            path,
            "the file system cannot share memory, which WAL needs",
        ));
    }
    connect::settle_writer(connection).map_err(failed)?;
    if is_new {
        connect::set_synchronous(connection, true).map_err(failed)?;
        let make = format!(
            "BEGIN IMMEDIATE; {TABLES} {FLOORS} PRAGMA application_id={APPLICATION}; PRAGMA user_version={SCHEMA}; COMMIT"
        );
        connection.execute_batch(&make).map_err(failed)?;
    }
    Ok(())
}

/// Sets WAL mode; returns the mode that it has then. A new file is written to when the statement ends, behind its only row:
/// whoever asks for that row alone is not told that the write failed, and a file whose header is not there takes its log along.
fn set_wal(connection: &Connection) -> rusqlite::Result<String> {
    let mut statement = connection.prepare("PRAGMA journal_mode=WAL")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    Ok(mode)
}

/// Looks whose file it is. Returns its schema; `None`: it is a new one.
///
/// # Errors
///
/// As [`ensure`].
pub(in crate::journal::sqlite) fn identify(
    connection: &Connection,
    path: &Path,
) -> Result<Option<u32>, JournalError> {
    let foreign = |reason| foreign(path, reason);
    let failed = |error| unusable(path, &error);
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id").map_err(failed)?;
    let schema = number("PRAGMA user_version").map_err(failed)?;
    let tables = number("SELECT count(*) FROM sqlite_master").map_err(failed)?;
    // A new file, or one whose maker ended before it had made the tables.
    let is_new = (application, schema, tables) == (0, 0, 0);
    if !is_new && application != APPLICATION {
        return Err(foreign("a database of another program"));
    }
    match u32::try_from(schema) {
        Ok(0) if !is_new => Err(foreign("it has no schema")),
        Ok(found) if found > SCHEMA => Err(JournalError::TooNew {
            path: path.to_owned(),
            found,
            known: SCHEMA,
        }),
        Ok(found) => Ok(Some(found).filter(|_| !is_new)),
        Err(_) => Err(foreign("its schema is no number of ours")),
    }
}

fn foreign(path: &Path, reason: &str) -> JournalError {
    JournalError::Foreign {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Says why a file cannot be used.
pub(in crate::journal::sqlite) fn unusable(path: &Path, error: &rusqlite::Error) -> JournalError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => foreign(path, "not a database"),
        Some(ErrorCode::DatabaseCorrupt) => JournalError::Damaged {
            reason: format!("{}: {error}", path.display()),
        },
        _ => super::failed(path, error),
    }
}

/// Makes an older file one of this schema. Who knows the older one only would take the rows that are written from here on
/// for damaged.
pub(super) fn take_over(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(FLOORS)?;
    let schema = tx.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))?;
    match schema {
        SCHEMA => Ok(()),
        _ => tx.pragma_update(None, "user_version", SCHEMA),
    }
}
