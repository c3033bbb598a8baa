//! The server: built from settings, bound to a port, run on its threads.

pub(in crate::gateway) mod builder;
pub(in crate::gateway) mod config;
pub(in crate::gateway) mod handle;
pub(in crate::gateway) mod shared;
pub(in crate::gateway) mod threads;
