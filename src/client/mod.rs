//! A client of event streams: it connects, reads, comes back and resumes.
//!
//! [`SseClient`] is for any server that speaks Server-Sent Events as the HTML standard has them, over
//! plain HTTP/1.1. Against eventring it loses nothing that is kept: it resumes with `Last-Event-ID`, and
//! what the server says is gone comes as an item.
//!
//! # Examples
//!
//! ```no_run
//! use eventring::client::{Item, SseClient};
//!
//! let mut client = SseClient::open("http://127.0.0.1:8080/api/v1/events/stream?topic=orders.*")?;
//! loop {
//!     match client.next_item()? {
//!         Item::Event(event) => println!("{}: {}", event.id, event.data),
//!         Item::Gap(gap) => eprintln!("missing: {}", gap.data),
//!         Item::Reset(reset) => eprintln!("begin anew: {}", reset.data),
//!         Item::Lost(lost) => eprintln!("{}; again in {:?}", lost.cause, lost.again_in),
//!         Item::Connected => {}
//!     }
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod backoff;
mod builder;
mod conn;
mod error;
mod item;
mod link;
mod sse;
mod stop;
#[cfg(feature = "async")]
mod task;
mod url;

pub use builder::ClientBuilder;
pub use conn::Connection;
pub use error::{ConnectError, ReadError};
pub use item::{Cause, ClientError, Item, Lost, SseEvent};
pub use sse::{SseClient, SseClientBuilder, SseOptions};
pub use stop::Stopper;
#[cfg(feature = "async")]
pub use task::{ClientItems, SseItems};
pub use url::{Url, UrlError, escape};
