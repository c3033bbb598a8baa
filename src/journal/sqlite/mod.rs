//! The embedded journal: SQLite in WAL mode, in a directory of its own.

#![allow(
    dead_code,
    unused_imports,
    reason = "the journal on top of it is not there yet"
)]

mod faults;
mod files;
mod wal;
