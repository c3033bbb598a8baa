//! Event streams: what a request asks for, where it starts, how new events fan out to it.

mod events;
pub(in crate::gateway) mod fan_out;
pub(in crate::gateway) mod gone;
pub(in crate::gateway) mod hub_closed;
pub(in crate::gateway) mod last_value;
pub(in crate::gateway) mod look_up;
pub(in crate::gateway) mod open;
pub(in crate::gateway) mod options;
pub(in crate::gateway) mod presence;
pub(in crate::gateway) mod replay_start;
pub(in crate::gateway) mod request;
pub(in crate::gateway) mod routes;
pub(in crate::gateway) mod slow_policy;
pub(in crate::gateway) mod start;
