//! What is done with the files of a journal beside running it.

mod files;
mod repair;

pub use files::{BackedUp, Damage, JournalInfo, Progress, SqliteFiles, Verified};
pub use repair::{Repair, Repaired};
