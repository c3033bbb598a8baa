//! Sans-IO protocols: bytes in, bytes and events out.
//!
//! Nothing here owns a socket, reads a clock or starts a thread. Input may be cut at any byte,
//! every buffer has a bound, and an error says which part of the input was wrong and at which byte.
//! That makes the same code usable from a reactor, a blocking client, a test table and a fuzzer.
//!
//! - `brotli`, with the feature of that name: compression for one reader.
//! - [`deflate`]: compression done once for many readers, and gzip.
//! - [`http`]: HTTP/1.1 request and response heads, bodies of known length and chunked, the query
//!   part of a target.
//! - [`proxy`]: the PROXY protocol, version 2.
//! - [`sse`]: Server-Sent Events, both directions.
//! - [`ws`]: WebSocket, handshake, frames and messages.
#![cfg_attr(
    all(
        feature = "gateway",
        feature = "pipeline",
        feature = "client",
        feature = "async"
    ),
    doc = "\n\nIn the guide: [`frameworks`](crate::guide::program::frameworks) writes frames with it; [`limits`](crate::guide::operate::limits) has its bounds."
)]
#![forbid(unsafe_code)]

#[cfg(feature = "brotli")]
pub mod brotli;
pub mod deflate;
pub mod http;
mod number;
pub mod proxy;
pub mod sse;
pub mod ws;
