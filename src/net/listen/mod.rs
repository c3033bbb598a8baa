//! From addresses to connections.

pub(in crate::net) mod accept;
pub(in crate::net) mod addresses;
pub(in crate::net) mod listeners;
pub(in crate::net) mod unix;
