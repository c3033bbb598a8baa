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
//! | `Server`, `ServerConfig` | serves a hub over HTTP, Server-Sent Events and WebSocket; its settings | `gateway` |
//! | `SseClient`, `WsClient` | read events over Server-Sent Events or a WebSocket, and come back | `client` |
//!
//! # Floors and features
//!
//! A module uses only what lies below it, and a feature adds one floor with what it stands on.
//! Without any feature the crate is the ring, on `crossbeam-utils` alone.
//!
//! | feature | module | what it is |
//! | --- | --- | --- |
//! | (always) | `ring` | one writer, any number of cursors, values read in place |
//! | `json` | `json` | the one reader of JSON that comes from outside |
//! | `event` | `event` | events and their binary record, JSON, topics, patterns, positions |
//! | `wire` | `wire` | HTTP/1.1, Server-Sent Events and WebSocket as functions on bytes |
//! | `client` (default) | `client` | reads event streams across connections, over SSE or a WebSocket |
//! | `reactor` | `reactor` | the mio loop: sockets, frame logs, timers |
//! | `hub` | `hub` | publishing, positions, in-process subscriptions |
//! | `pipeline` (default) | `pipeline` | callbacks, backpressure, batches and pipelines on a hub |
//! | `gateway` (default) | `gateway` | HTTP routes and streams on a hub |
//! | `gateway`, `client` and `async` (all default) | `guide` | how to use it all, one page a task |

mod deadline;
#[cfg(all(not(feature = "_loom"), any(feature = "hub", feature = "reactor")))]
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

#[cfg(feature = "reactor")]
pub mod reactor;

#[cfg(feature = "hub")]
pub mod hub;

#[cfg(feature = "pipeline")]
pub mod pipeline;

#[cfg(feature = "gateway")]
pub mod gateway;

// It speaks of all of it, and links there.
#[cfg(all(feature = "gateway", feature = "client", feature = "async"))]
pub mod guide;

// The front page: what most programs name.
#[cfg(feature = "client")]
pub use client::{SseClient, WsClient};
#[cfg(feature = "event")]
pub use event::{Event, Filter, Position};
#[cfg(feature = "gateway")]
pub use gateway::{Server, ServerConfig};
#[cfg(feature = "hub")]
pub use hub::{Delivery, Hub, Receiver, Subscription};
