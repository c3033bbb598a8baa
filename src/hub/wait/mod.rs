//! Waiting: receivers on wait lists by class, and who of them a publish wakes; publishers for outcomes, the journal's thread.

#[cfg(feature = "async")]
mod alarms;
#[allow(
    unreachable_pub,
    reason = "its models, in a crate of their own, see all of it"
)]
mod completions;
#[allow(
    unreachable_pub,
    reason = "its models, in a crate of their own, see all of it"
)]
mod judging;
mod parker;
#[allow(
    unreachable_pub,
    reason = "its models, in a crate of their own, see all of it"
)]
pub(in crate::hub) mod signal;
#[allow(
    unreachable_pub,
    reason = "its models, in a crate of their own, see all of it"
)]
mod waiter;
mod wake;

#[cfg(feature = "async")]
pub(in crate::hub) use alarms::{Alarm, Alarms};
pub(in crate::hub) use completions::Completions;
pub(in crate::hub) use parker::Parker;
pub(in crate::hub) use signal::{Committing, is_committing};
pub(in crate::hub) use waiter::{WaitList, WaitState, Waiter, Woken, notify_all};
pub(in crate::hub) use wake::{PublishGuard, WakeRouter};
