//! Chunks one after the other, in read transactions that are short.

use std::ops::Range;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row};

use crate::deadline;
use crate::journal::sqlite::rows;

/// The time for which a transaction looks for more: while one is open, the log of writes of a running server grows.
const TIME: Duration = Duration::from_millis(20);
/// Rows between two looks at the clock.
const ROWS_A_LOOK: usize = 16;

/// The rows from an offset on, the one before it included where it goes beyond it: others are merged meanwhile.
const ROWS: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
                    FROM chunk WHERE first >= ifnull((SELECT first FROM \
                    (SELECT first, last FROM chunk WHERE first < ?1 ORDER BY first DESC LIMIT 1) WHERE last >= ?1), ?1) \
                    ORDER BY first";
/// The same where the one before cannot be read.
const BEHIND: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
                      FROM chunk WHERE first >= ?1 ORDER BY first";

/// The progress of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes that were looked at or copied.
    pub bytes: u64,
    /// Bytes in all, about.
    pub bytes_total: u64,
    /// Events that were looked at.
    pub events: u64,
}

/// The end of one transaction.
pub(in crate::journal::sqlite::tools) enum Page {
    /// There are more rows.
    More,
    /// Those were all.
    End,
}

/// Hands out rows of chunks, from the one on that has an offset, until the time is up or `each` says that it is enough.
pub(in crate::journal::sqlite::tools) fn rows(
    connection: &Connection,
    offsets: &Range<u64>,
    mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
) -> rusqlite::Result<Page> {
    match walk(connection, ROWS, offsets.start, &mut each) {
        // It is the first row that could not be read: perhaps the one before.
        Err((0, error)) if rows::is_damage(&error) => {
            let walked = walk(connection, BEHIND, offsets.start, &mut each);
            walked.map_err(|(_, error)| error)
        }
        walked => walked.map_err(|(_, error)| error),
    }
}

/// An error comes with the number of rows that were handed out before it.
fn walk(
    connection: &Connection,
    sql: &str,
    start: u64,
    each: &mut impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
) -> Result<Page, (usize, rusqlite::Error)> {
    let until = deadline::after(Instant::now(), TIME);
    let mut count = 0_usize;
    let mut statement = connection.prepare_cached(sql).map_err(|e| (0, e))?;
    // One statement is one read transaction.
    let start = i64::try_from(start).unwrap_or(i64::MAX);
    let mut found = statement.query([start]).map_err(|e| (0, e))?;
    while let Some(row) = found.next().map_err(|e| (count, e))? {
        // A row that was begun with counts: it may not be handed out again.
        count += 1;
        if each(row).map_err(|e| (count, e))? {
            return Ok(Page::End);
        }
        if count.is_multiple_of(ROWS_A_LOOK) && Instant::now() > until {
            return Ok(Page::More);
        }
    }
    Ok(Page::End)
}
