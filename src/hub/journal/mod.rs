//! A hub's journal: who drives it, what waits for it, and what comes of a round that fails.

mod counters;
mod driver;
mod handle;
mod histogram;
mod hub_journal;
mod kept_topics;
mod plan;
mod settings;
#[allow(
    unreachable_pub,
    reason = "its models, in a crate of their own, see all of it"
)]
mod turn;
#[allow(
    unreachable_pub,
    reason = "its models, in a crate of their own, see all of it"
)]
mod void_ranges;
mod voids;
mod work;

pub use handle::{JournalHandle, TransactDone, TransactError};
pub use histogram::Histogram;

pub(in crate::hub) use hub_journal::{HubJournal, queue};
pub(in crate::hub) use kept_topics::{
    change as topic_change, default_is_none, load as load_topics,
};
pub(in crate::hub) use settings::JournalSettings;
pub(in crate::hub) use voids::Voids;
pub(in crate::hub) use work::{QueuedWork, Then, Transaction, Truncation};
