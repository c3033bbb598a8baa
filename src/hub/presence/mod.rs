//! Presence: who is subscribed to a topic or listed there without a subscription, and who watches that.

mod changes;
mod handle;
mod set;
mod watch;

pub use changes::{PresenceChange, Present};
pub use handle::{PresenceConfig, PresenceEvent, PresenceHandle};
pub use watch::{PresenceUpdate, PresenceWatch};

pub(in crate::hub) use changes::{ChangeLog, Wakeups};
pub(in crate::hub) use set::PresenceSet;
pub(in crate::hub) use watch::Watcher;
