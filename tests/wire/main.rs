//! The protocols, without a socket: HTTP/1.1, Server-Sent Events, WebSocket, deflate.
#![cfg(feature = "wire")]

#[path = "../common/counting.rs"]
mod counting;
#[path = "../conformance/table.rs"]
mod table;

mod alloc;
mod client;
mod deflate;
mod http;
mod sse;
mod sse_table;
mod ws;
