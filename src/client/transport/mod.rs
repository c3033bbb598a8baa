//! Connections: where they come from, their bytes and answers, and how another thread ends them.

mod connection;
mod network;
mod stop;
mod system;

pub use connection::Connection;
pub(super) use network::Network;
#[cfg(test)]
pub(super) use network::Transport;
pub use stop::Stopper;
pub(super) use system::System;
