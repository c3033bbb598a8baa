//! Subscribing and receiving: a registry of subscriptions, and the cursors that read for them.

mod control;
mod cursor;
mod open;
mod receiver;
mod registry;
mod subscription;

pub use control::{Control, Controls, Item};
pub use cursor::{Cursor, HubWaiter};
pub use receiver::{Delivery, Receiver};
#[cfg(feature = "async")]
pub use receiver::{NextItemAsync, ReceiverStream, RecvAsync};
pub use registry::{ID_BYTES_MAX, SubscriptionStats};
pub use subscription::{Start, Subscription};

pub(in crate::hub) use control::overlap;
pub(in crate::hub) use registry::{Registry, SubscriptionEntry};
