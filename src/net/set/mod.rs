//! What the reactors of one server share, and how other threads speak to them.

pub(in crate::net) mod clients;
pub(in crate::net) mod handle;
pub(in crate::net) mod inbox;
pub(in crate::net) mod latency;
pub(in crate::net) mod reactor_set;
pub(in crate::net) mod stats;
