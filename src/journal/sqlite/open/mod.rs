//! Opening: the directory, the connection, the schema, and what a process before has left.

mod boot;
mod connect;
mod directory;
mod recover;
mod schema;
mod views;

use std::path::Path;

pub(super) use boot::boot;
pub(super) use connect::{check_version, checkpoints, look, reader, set_synchronous, writer};
pub(super) use directory::{DATABASE, Identity, REPAIRING, flush, prepare, refuse_half_repaired};
pub(super) use recover::{
    UNFLUSHED, UNFLUSHED_OFFSETS, begin, holes, last_chunk, recover, write_hole,
};
pub(super) use schema::{ensure, identify, unusable};

use crate::journal::JournalError;

/// Says that a file or directory could not be used.
pub(super) fn failed(path: &Path, reason: impl ToString) -> JournalError {
    JournalError::Directory {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
