//! The presence of topics: who is subscribed, told as it changes.

pub(in crate::gateway) mod streams;
pub(in crate::gateway) mod watchers;
