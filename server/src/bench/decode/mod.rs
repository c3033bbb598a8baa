//! Decoding of what the server sends to one client: Server-Sent Events, compressed or not, and WebSocket.

mod answer;
mod buffers;
mod event_stream;
mod gunzip;
mod message;
mod response;
mod socket;

pub(super) use answer::Answer;
pub(super) use buffers::Buffers;
pub(super) use message::Message;
