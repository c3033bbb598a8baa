//! The journal's contract, held by the journals of this crate.
#![cfg(feature = "journal")]

#[cfg(feature = "sqlite")]
mod compacted;
#[cfg(feature = "sqlite")]
mod compressed;
mod export;
#[cfg(feature = "sqlite")]
mod files;
mod memory;
mod own;
#[cfg(feature = "sqlite")]
mod repair;
#[cfg(feature = "sqlite")]
mod retention;
#[cfg(feature = "sqlite")]
mod sqlite;
