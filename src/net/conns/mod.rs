//! The table of connections.

pub(in crate::net) mod address;
pub(in crate::net) mod conn;
pub(in crate::net) mod phase;
pub(in crate::net) mod plan;
pub(in crate::net) mod readers;
pub(in crate::net) mod stream_id;
pub(in crate::net) mod streams;
pub(in crate::net) mod table;
