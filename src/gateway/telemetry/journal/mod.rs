//! A hub's journal: its numbers, its state in one word, and what the log says of it.

mod condition;
mod read_watch;
mod retention_watch;
mod snapshot;
mod watch;

pub(in crate::gateway) use self::condition::JournalCondition;
pub(in crate::gateway) use self::snapshot::{JournalSnapshot, NUMBERS};
pub(in crate::gateway) use self::watch::JournalWatch;
