//! Writing: rounds to rows, names to numbers, state in savepoints.

mod names;
mod tables;
mod writer;

pub(super) use tables::StateTables;
pub(super) use writer::{Failed, Writer, insert, stream_name};
