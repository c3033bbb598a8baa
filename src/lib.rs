#![cfg_attr(feature = "gateway", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "gateway"),
    doc = "An embeddable, lock-free event-streaming core."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//!
//! # Front page
//!
//! Most programs name no more than these; what else there is stands in the modules.
//!
//! | name | what it is | feature |
//! | --- | --- | --- |
//! | `Hub` | publishes events, in one order, to all who subscribe | `hub` |
//! | `Event` | an event: id, topic, type, data and more | `event` |
//! | `Subscription`, `Filter` | what a receiver wants, and from where on; topics and patterns | `hub`, `event` |
//! | `Receiver`, `Delivery` | receives what its subscription wants; an event and where it stands | `hub` |
//! | `Position` | where an event stands in the hub's total order: what one resumes with | `event` |
//! | `Gap` | how much a receiver missed, exactly: an outcome, not a failure | `hub` |
//! | `Server`, `ServerConfig` | serves a hub over HTTP, Server-Sent Events and WebSocket; its settings | `gateway` |
//! | `SseClient`, `WsClient` | read events over Server-Sent Events or a WebSocket, and come back | `client` |
//!
//! # Floors and features
//!
//! A module uses only what lies below it, and a feature adds one floor with what it stands on.
//! Without any feature the crate is the ring, on `crossbeam-utils` alone.
//!
//! | feature | default | module | adds | needs | crates |
//! | --- | --- | --- | --- | --- | --- |
//! | (none) | | `ring` | one writer or several, any number of cursors, values read in place | | `crossbeam-utils` |
//! | `json` | yes | `json` | the one reader of JSON that comes from outside | | `thiserror` |
//! | `event` | yes | `event` | events and their binary record, JSON, topics, patterns, filters, positions | `json` | `base64`, `jiff`, `smallvec`, `thiserror`, `uuid` |
//! | `wire` | yes | `wire` | HTTP/1.1, Server-Sent Events, WebSocket and gzip as functions on bytes | | `base64`, `crc32fast`, `flate2`, `httparse`, `memchr`, `sha1`, `thiserror` |
//! | `journal` | yes | `journal` | where events outlive the process: the trait, a journal in memory, its contract | `event` | `crc32c`, `parking_lot`, `thiserror` |
//! | `hub` | yes | `hub` | publishing, positions, in-process subscriptions | `journal` | `arc-swap`, `parking_lot` |
//! | `fanout` | yes | | which bytes each stream gets next, below the gateway: frame logs, classes, readers | `wire` | `rustix`, `smallvec` |
//! | `net` | yes | | the mio loop below the gateway: sockets, protocols, timers | `wire` | `httpdate`, `mio`, `rustix`, `socket2` |
//! | `client` | yes | `client` | reads event streams over SSE or a WebSocket; comes back and resumes | `json`, `wire` | `getrandom`, `httpdate`, `percent-encoding`, `rustix`, `socket2`, `url` |
//! | `pipeline` | yes | `pipeline` | callbacks, backpressure, batches and pipelines on a hub | `hub`, `wire` | |
//! | `gateway` | yes | `gateway` | HTTP routes, SSE and WebSocket streams on a hub, metrics, a dashboard | `fanout`, `hub`, `net` | `ipnet`, `memchr`, `prometheus-client`, `schemars`, `serde`, `serde_json`, `smallvec`, `strsim`, `tracing` |
//! | `async` | yes | | futures and streams of what `ring`, `hub` and `client` wait for, on any runtime | | `futures-core` |
//! | `serde` | | | `Event::json` and `data_as`: data of the program's own types | `event` | `serde`, `serde_json` |
//! | `brotli` | | | Brotli for streams that ask for it, beside gzip | `wire` | `brotli` |
//! | `sqlite` | | | the embedded journal: SQLite, built from source with a C compiler | `journal` | `flate2`, `rusqlite`, `rustix` |
//! | `tls` | | | TLS on the server's sockets, by rustls with ring | `net` | `rustls` |
//!
//! Features only add. A program that takes a part says which: `default-features = false, features = ["hub"]`.
//! The guide, one page a task, is there with `gateway`, `pipeline`, `client` and `async`.

#[cfg(any(feature = "fanout", feature = "net"))]
mod counter;
mod deadline;
#[cfg(all(not(feature = "_loom"), any(feature = "hub", feature = "net")))]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "its models, in a crate of their own, see all of it"
)]
mod mailbox;
// For its models, which stand in a crate of their own.
#[cfg(feature = "_loom")]
#[doc(hidden)]
pub mod mailbox;
#[cfg(any(feature = "fanout", feature = "net"))]
#[cfg_attr(
    not(all(feature = "fanout", feature = "net")),
    allow(dead_code, reason = "one writes into it, the other sends from it")
)]
mod outbox;
pub mod ring;
#[cfg(any(feature = "event", feature = "wire"))]
mod settings;
mod sync;

#[cfg(feature = "json")]
#[cfg_attr(
    not(feature = "event"),
    allow(dead_code, unused_imports, reason = "a client alone reads no events")
)]
pub mod json;

#[cfg(feature = "event")]
pub mod event;

#[cfg(feature = "wire")]
pub mod wire;

#[cfg(feature = "client")]
pub mod client;

// What users name of these two is re-exported by `gateway`, whose floors they are.
#[cfg(feature = "fanout")]
#[cfg_attr(
    not(feature = "gateway"),
    allow(dead_code, unused_imports, reason = "the gateway drives it")
)]
#[allow(unreachable_pub, reason = "`pub` is what the gateway sees of it")]
mod fanout;

#[cfg(feature = "net")]
#[cfg_attr(
    not(feature = "gateway"),
    allow(dead_code, unused_imports, reason = "the gateway drives it")
)]
#[allow(unreachable_pub, reason = "`pub` is what the gateway sees of it")]
mod net;

#[cfg(feature = "journal")]
pub mod journal;

#[cfg(feature = "hub")]
pub mod hub;

// Those parts of it that have models, without the rest: it would be built once a mutant.
#[cfg(all(feature = "_loom", not(feature = "hub")))]
#[doc(hidden)]
#[path = "hub/models.rs"]
pub mod hub;

#[cfg(feature = "pipeline")]
pub mod pipeline;

#[cfg(feature = "gateway")]
pub mod gateway;

// It speaks of all of it, and links there.
#[cfg(all(
    feature = "gateway",
    feature = "pipeline",
    feature = "client",
    feature = "async"
))]
pub mod guide;

// The front page: what most programs name.
#[cfg(feature = "client")]
pub use client::{SseClient, WsClient};
#[cfg(feature = "event")]
pub use event::{Event, Filter, Position};
#[cfg(feature = "gateway")]
pub use gateway::{Server, ServerConfig};
#[cfg(feature = "hub")]
pub use hub::{Delivery, Gap, Hub, Receiver, Subscription};
