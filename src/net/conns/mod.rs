//! The table of connections.

pub(in crate::net) mod conn;
pub(in crate::net) mod streams;
