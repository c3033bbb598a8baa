//! Servers that people run, over loopback: started by the bench, each alone, and ended with it.

mod nats;
mod postgres;
mod redis;
mod server;

pub use nats::{Nats, Store};
pub use postgres::Postgres;
pub use redis::{Fsync, Redis};
