//! The embedded journal: SQLite in WAL mode, in a directory of its own.

mod faults;
mod files;
mod journal;
mod open;
mod options;
mod read;
mod retention;
mod rows;
mod tools;
mod upkeep;
mod view;
mod wal;
mod write;

pub use journal::SqliteJournal;
pub use options::{JournalCompression, SqliteOptions};
pub use tools::{BackedUp, Damage, JournalInfo, Progress, Repair, Repaired, SqliteFiles, Verified};
