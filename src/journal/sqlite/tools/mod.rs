//! What is done with the files of a journal beside running it.

mod files;

pub use files::{BackedUp, Damage, JournalInfo, Progress, SqliteFiles, Verified};
