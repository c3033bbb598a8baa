//! Sockets: what they are, what is read from them and what is sent.

pub(in crate::net) mod input;
pub(in crate::net) mod poll;
pub(in crate::net) mod send;
pub(in crate::net) mod transport;
