//! The HTTP driver: requests out of bytes, answers in their order.

pub(in crate::net) mod answer;
mod answers;
mod begin;
mod clock;
pub(in crate::net) mod driver;
mod flush;
mod input;
pub(in crate::net) mod parked;
pub(in crate::net) mod published;
pub(in crate::net) mod requests;
pub(in crate::net) mod state;
pub(in crate::net) mod unfinished;
