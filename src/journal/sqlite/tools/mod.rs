//! What is done with the files of a journal beside running it.

mod files;
mod repair;
mod swap;

pub use files::{BackedUp, Damage, JournalInfo, Progress, SqliteFiles, Verified};
pub use repair::{Repair, Repaired};
