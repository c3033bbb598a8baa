//! The publisher and the clients of a run, and the check of what each of them received.

mod client;
mod client_stats;
mod clients;
mod faults;
mod payload;
mod publisher;
mod sequence_check;

pub(super) use client::{Change, Client, Shared};
pub(super) use clients::{Clients, READ, TURN, nanos, seconds};
pub(super) use faults::Cuts;
pub(super) use payload::RunId;
pub(super) use publisher::Publisher;
