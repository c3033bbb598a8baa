//! Checkpoints: how far readers have come, by name, kept in the hub's journal.

mod checkpoint;
#[allow(clippy::module_inception, reason = "a file has the name of its type")]
mod checkpoints;
mod error;
mod policy;
mod row;
mod writer;

pub use checkpoint::{Checkpoint, NamedCheckpoint};
pub use checkpoints::Checkpoints;
pub use error::CheckpointError;
pub use policy::CheckpointPolicy;
pub use writer::CheckpointWriter;
