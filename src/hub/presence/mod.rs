//! Presence: who is subscribed to a topic or listed there without a subscription, and who watches that.

mod changes;
mod handle;
mod set;

pub use changes::{PresenceChange, PresenceUpdate, PresenceWatch, Present};
pub use handle::{PresenceConfig, PresenceEvent, PresenceHandle};

pub(in crate::hub) use changes::{ChangeLog, Wakeups, Watcher};
pub(in crate::hub) use set::PresenceSet;
