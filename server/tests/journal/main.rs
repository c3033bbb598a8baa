//! The server with its journal: real files, real signals, a real disk that is full.

#[path = "../common/mod.rs"]
mod common;

mod broken_disk;
mod clock;
mod copied;
mod directory;
mod full_disk;
mod kills;
mod random;
mod restarts;
mod retention;
