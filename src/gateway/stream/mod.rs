//! Event streams: what a request asks for, where it starts, how new events fan out to it.

mod catch_up;
mod classes;
mod fan_out;
pub(in crate::gateway) mod gone;
mod history;
mod hub_closed;
mod last_values;
mod open;
pub(in crate::gateway) mod options;
pub(in crate::gateway) mod parameters;
pub(in crate::gateway) mod presence;
pub(in crate::gateway) mod request;
pub(in crate::gateway) mod routes;
pub(in crate::gateway) mod start;
mod streaming;

pub(in crate::gateway) use self::history::History;
pub(in crate::gateway) use self::open::NewStream;
pub(in crate::gateway) use self::streaming::{Cursors, Streaming};
