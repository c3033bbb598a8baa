//! Waiting: who sleeps, for what, and how nobody sleeps through.

mod fence;
mod select;
mod wait_list;
mod waiter;

pub(in crate::ring) use fence::FencePair;
pub use fence::Fencing;
pub use select::Select;
#[cfg(feature = "hub")]
pub(crate) use wait_list::notify_and_drop;
pub use wait_list::{Notify, WaitStrategy};
pub(in crate::ring) use wait_list::{WaitEntry, WaitList};
pub use waiter::Waiter;
