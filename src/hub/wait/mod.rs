//! Waiting: receivers on wait lists by class, and who of them a publish wakes.

mod parker;
mod waiter;
mod wake;

pub(in crate::hub) use parker::Parker;
pub(in crate::hub) use waiter::{WaitList, WaitState, Waiter, Woken, notify_all};
pub(in crate::hub) use wake::{PublishGuard, WakeRouter};
