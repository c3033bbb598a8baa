//! The HTTP driver: requests out of bytes, answers in their order.

pub(in crate::net) mod answer;
pub(in crate::net) mod begin;
pub(in crate::net) mod input;
pub(in crate::net) mod parked;
pub(in crate::net) mod published;
pub(in crate::net) mod requests;
pub(in crate::net) mod unfinished;
