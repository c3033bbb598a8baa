//! A hub's journal: who drives it, what waits for it, and what comes of a round that fails.

mod figures;
mod handle;
mod histogram;
mod hub_journal;

pub use handle::{JournalHandle, TransactDone, TransactError};
pub use histogram::Histogram;

pub(in crate::hub) use hub_journal::{HubJournal, JournalSettings};
