//! Clients of event streams: they connect, read, come back and resume.
//!
//! [`SseClient`] is for any server that speaks Server-Sent Events as the HTML standard has them, over
//! plain HTTP/1.1. [`WsClient`] is for eventring's WebSocket, on which one can also publish. Against
//! eventring they lose nothing that is kept: they resume after the last id, and what the server says
//! is gone comes as an item.
//!
//! # Examples
//!
//! ```no_run
//! use eventring::client::{SseItem, SseClient};
//!
//! let mut client = SseClient::open("http://127.0.0.1:8080/api/v1/events/stream?topic=orders.*")?;
//! loop {
//!     match client.next_item()? {
//!         SseItem::Event(event) => println!("{}: {}", event.id, event.data),
//!         SseItem::Gap(gap) => eprintln!("missing: {}", gap.data),
//!         SseItem::Reset(reset) => eprintln!("begin anew: {}", reset.data),
//!         SseItem::Disconnected(end) => eprintln!("{}; again in {:?}", end.cause, end.again_in),
//!         // That it is connected, and what later versions tell.
//!         _ => {}
//!     }
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    all(
        feature = "gateway",
        feature = "pipeline",
        feature = "client",
        feature = "async"
    ),
    doc = "\n\nIn the guide: [`client`](crate::guide::client); other languages: [`languages`](crate::guide::languages)."
)]
#![forbid(unsafe_code)]

mod backoff;
mod client_builder;
mod error;
mod item;
mod random;
mod reconnect;
#[cfg(test)]
mod simulation;
mod sse;
#[cfg(feature = "async")]
mod task;
mod transport;
mod url;
mod ws;

pub use self::url::{Url, UrlError, escape};
pub use client_builder::{ClientBuilder, SseClientBuilder, WsClientBuilder};
pub use error::{ConnectError, ReadError};
pub use item::{Cause, ClientError, Disconnected, SseEvent, SseItem};
pub use sse::SseClient;
#[cfg(feature = "async")]
pub use task::{ClientItems, SseItems, WsItems};
pub use transport::{Connection, Stopper};
#[cfg(any(test, fuzzing))]
pub use ws::oracle;
pub use ws::{MessageError, WsClient, WsData, WsEvent, WsItem, WsNotice, WsRequestError};
