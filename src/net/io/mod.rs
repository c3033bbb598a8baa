//! Reading and writing of sockets.

pub(in crate::net) mod readiness;
pub(in crate::net) mod send;
pub(in crate::net) mod transport;
