//! Logs in this process: plain SQLite, and the journal.

mod ours;
mod raw;

pub use ours::{Ours, open as open_journal, open_bounded};
pub use raw::{Raw, Schema};

use rusqlite::Connection;

use crate::Result;
use crate::events::Events;

/// A log that takes a run of events in one commit.
pub trait Log {
    /// Appends `count` events of the pool, from a number on, and returns when they are as safe as the log was opened for.
    fn append(&mut self, events: &Events, first: u64, count: u64) -> Result<()>;
    /// Reads all, and returns how many there were.
    fn replay(&mut self) -> Result<u64>;
    /// Reads one event, by its number from 0.
    fn get(&mut self, number: u64) -> Result<Vec<u8>>;
    /// Merges what there is to merge, and returns the bytes in use.
    fn settle(&mut self) -> Result<u64>;
    /// Forgets what was read before.
    fn cool(&mut self) -> Result<()>;
}

/// The bytes of the pages that a database uses: its file does not get shorter when pages are given up.
fn used_bytes(connection: &Connection) -> Result<u64> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let pages = number("PRAGMA page_count")? - number("PRAGMA freelist_count")?;
    Ok((pages * number("PRAGMA page_size")?) as u64)
}
