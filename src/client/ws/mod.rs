//! Events and requests over one WebSocket, and the next one: the subscribe protocol, a client's half.

mod client;
mod item;
mod message;
mod options;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod session;
mod target;

pub use client::{RequestError, WsClient};
pub use item::{WsData, WsEvent, WsItem, WsNotice};
pub use message::MessageError;
pub use options::{WsClientBuilder, WsOptions};
