//! Numbers of `meta` on which it depends what goes.

use rusqlite::{Connection, OptionalExtension, params};

use crate::journal::sqlite::rows;

/// Bytes that went by floors of topics since the last walk that looked for them was done: a walk that was broken off is made again.
pub(super) const UNSWEPT: &str = "unswept";
/// The time of the clock that was believed last, milliseconds since 1970.
pub(super) const BELIEVED: &str = "believed";
/// The keys of `meta`: bytes of events with a stream that passes have looked at, and up to which offset; events, and up to which
/// offset; each with a checksum, since what goes depends on them.
pub(super) const EXEMPT: [&str; 3] = ["exempt", "exempt_to", "exempt_crc"];
const EVENTS: [&str; 3] = ["events", "events_to", "events_crc"];

/// Writes down how many events there are up to an offset, so that the next opening counts what is behind it only.
pub(in crate::journal::sqlite) fn write_events(
    connection: &Connection,
    events: u64,
    last: u64,
) -> rusqlite::Result<()> {
    write_checked(connection, EVENTS, [events, last])
}

/// Returns how many events there were up to an offset, as it was written down; `None`: it was not, or it is damaged.
pub(in crate::journal::sqlite) fn read_events(
    connection: &Connection,
) -> rusqlite::Result<Option<[u64; 2]>> {
    checked(connection, EVENTS)
}

/// Reads two numbers of `meta`; `None`: they are not there, or not as they were written.
pub(super) fn checked(
    connection: &Connection,
    keys: [&str; 3],
) -> rusqlite::Result<Option<[u64; 2]>> {
    let mut found = [None; 3];
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    for (key, found) in keys.into_iter().zip(&mut found) {
        let value = statement.query_row([key], |row| row.get::<_, i64>(0));
        *found = rows::unless_damaged(value.optional(), None)?;
    }
    let [Some(one), Some(other), Some(crc)] = found else {
        return Ok(None);
    };
    let numbers = [one as u64, other as u64];
    Ok((i64::from(checksum(numbers)) == crc).then_some(numbers))
}

pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<u64> {
    let sql = "SELECT value FROM meta WHERE key = ?1";
    let value = connection.query_row(sql, [key], |row| row.get::<_, i64>(0));
    Ok(value.optional()?.unwrap_or(0).max(0) as u64)
}

pub(super) fn is_there(connection: &Connection, key: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM meta WHERE key = ?1";
    connection.query_row(sql, [key], |row| row.get(0))
}

pub(super) fn set_meta(connection: &Connection, key: &str, value: u64) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO meta VALUES(?1, ?2)";
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute(params![key, value as i64]).map(|_| ())
}

pub(super) fn write_checked(
    connection: &Connection,
    keys: [&str; 3],
    numbers: [u64; 2],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO meta VALUES(?1, ?2)";
    let mut statement = connection.prepare_cached(sql)?;
    let values = [
        numbers[0] as i64,
        numbers[1] as i64,
        i64::from(checksum(numbers)),
    ];
    for (key, value) in keys.into_iter().zip(values) {
        statement.execute(params![key, value])?;
    }
    Ok(())
}

fn checksum(numbers: [u64; 2]) -> u32 {
    let crc = crc32c::crc32c(&numbers[0].to_le_bytes());
    crc32c::crc32c_append(crc, &numbers[1].to_le_bytes())
}
