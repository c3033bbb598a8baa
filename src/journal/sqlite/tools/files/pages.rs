//! Chunks one after the other, in read transactions that are short.

use std::ops::Range;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row};

use crate::deadline;

/// The time for which a transaction looks for more: while one is open, the log of writes of a running server grows.
const TIME: Duration = Duration::from_millis(20);
/// Rows between two looks at the clock.
const ROWS_A_LOOK: usize = 16;

/// The rows from an offset on, the one before it included where it goes beyond it: others are merged meanwhile.
const ROWS: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
                    FROM chunk WHERE first >= ifnull((SELECT first FROM chunk WHERE first < ?1 AND last >= ?1 \
                    ORDER BY first DESC LIMIT 1), ?1) ORDER BY first";

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
pub(super) enum Page {
    /// There are more rows.
    More,
    /// Those were all.
    End,
}

/// Hands out rows of chunks, from the one on that has an offset, until the time is up or `each` says that it is enough.
pub(super) fn rows(
    connection: &Connection,
    offsets: &Range<u64>,
    mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
) -> rusqlite::Result<Page> {
    let until = deadline::after(Instant::now(), TIME);
    let mut statement = connection.prepare_cached(ROWS)?;
    // One statement is one read transaction.
    let mut found = statement.query([i64::try_from(offsets.start).unwrap_or(i64::MAX)])?;
    let mut count = 0_usize;
    while let Some(row) = found.next()? {
        if each(row)? {
            return Ok(Page::End);
        }
        count += 1;
        if count.is_multiple_of(ROWS_A_LOOK) && Instant::now() > until {
            return Ok(Page::More);
        }
    }
    Ok(Page::End)
}
