//! Waiting: spinning, sleeping, being woken, and the fences by which nobody sleeps through.

mod fence;
mod notify;
mod select;
mod strategy;
#[cfg(feature = "async")]
mod task_waker;
mod wait_list;
mod waiter;

pub(in crate::ring) use fence::FencePair;
pub use fence::Fencing;
pub use notify::Notify;
#[cfg(any(feature = "hub", feature = "_loom"))]
#[allow(unused_imports, reason = "for the hub, and its models")]
pub(crate) use notify::notify_and_drop;
pub use select::Select;
pub use strategy::WaitStrategy;
#[cfg(feature = "async")]
pub(crate) use task_waker::TaskWaker;
#[cfg(feature = "async")]
pub(in crate::ring) use wait_list::WaitEntry;
pub(in crate::ring) use wait_list::WaitList;
pub(in crate::ring) use waiter::Awaited;
pub use waiter::Waiter;
