//! Keeps the log of writes (SQLite's WAL) short: who reads holds the baton, and who checkpoints takes it.
//!
//! A thread copies the log into the database while events are committed (`PASSIVE`, which waits for nobody). The log
//! begins anew only when all of it is copied and nobody reads in it, and with readers and commits at all times that never
//! happens by itself: between two commits the committer takes the readers' baton and makes it so (`RESTART`).

mod baton;
mod checkpoint;
mod frames;
mod holders;

pub(super) use baton::{Baton, BatonReader};
pub(super) use checkpoint::{CheckpointView, Checkpointer, WalLimits};
pub(super) use frames::{committed, watch};
