//! The clients, of streams and of WebSockets: whatever cuts their connections, they have every event once and in
//! order, or are told.
#![cfg(all(feature = "gateway", feature = "client"))]

#[cfg(all(feature = "async", target_os = "linux"))]
#[path = "../common/alone.rs"]
mod alone;
#[cfg(feature = "async")]
#[path = "../common/hooks.rs"]
mod hooks;

mod proxy;
#[cfg(feature = "async")]
mod reentry;
mod sse;
mod storm;
mod ws;
