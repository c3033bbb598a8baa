//! Subscribing and receiving: a registry of subscriptions, and the cursors that read for them.

mod control;
mod cursor;
mod entry;
mod gap_reason;
mod open;
mod receiver;
mod registry;
mod resume;
mod start;
mod subscription;

pub use control::{Control, Controls, Item};
pub use cursor::{Cursor, HubWaiter};
pub use entry::SubscriptionStats;
pub use gap_reason::GapReason;
pub use receiver::{Delivery, Receiver};
#[cfg(feature = "async")]
pub use receiver::{ItemStream, ReceiverStream};
pub use registry::ID_BYTES_MAX;
pub use resume::{Reset, ResetReason};
pub use subscription::{StartFrom, Subscription};

pub(in crate::hub) use entry::SubscriptionEntry;
pub(in crate::hub) use open::{end, open};
pub(in crate::hub) use registry::Registry;
pub(crate) use resume::ResumeId;
