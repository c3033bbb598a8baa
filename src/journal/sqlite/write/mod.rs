//! Writing: rounds to rows, names to numbers, state in savepoints.

mod names;
mod tables;
mod writer;

pub(super) use tables::StateTables;
#[cfg(test)]
pub(super) use writer::insert;
pub(super) use writer::{Failed, Writer, insert_chunk, stream_name};
