//! The server over TLS.

#[path = "../common/mod.rs"]
mod common;

mod connections;
mod peer;
