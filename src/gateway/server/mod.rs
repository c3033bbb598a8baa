//! The server: built from settings, bound to a port, run on its threads.

pub(in crate::gateway) mod builder;
pub(in crate::gateway) mod config;
pub(in crate::gateway) mod error;
pub(in crate::gateway) mod handle;
#[expect(
    clippy::module_inception,
    reason = "`Server` stands where one looks for it"
)]
pub(in crate::gateway) mod server;
pub(in crate::gateway) mod shared;
pub(in crate::gateway) mod threads;
