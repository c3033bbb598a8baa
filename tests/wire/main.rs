//! The protocols, without a socket: HTTP/1.1, Server-Sent Events, WebSocket, deflate.
#![cfg(feature = "wire")]

#[path = "../common/counting.rs"]
mod counting;

mod alloc;
mod client;
mod deflate;
mod http;
mod sse;
mod ws;
