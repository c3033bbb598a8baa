//! The journal's contract, held by the journals of this crate.
#![cfg(feature = "journal")]

mod memory;
mod own;
#[cfg(feature = "sqlite")]
mod sqlite;
