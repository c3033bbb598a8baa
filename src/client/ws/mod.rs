//! Events and requests over one WebSocket, and the next one: the subscribe protocol, a client's half.

mod client;
mod item;
mod message;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod session;
mod target;

pub use client::{WsClient, WsRequestError};
pub use item::{WsData, WsEvent, WsItem, WsNotice};
pub use message::MessageError;
