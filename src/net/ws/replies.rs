//! What a service answers to a message.

use crate::net::http::published::Published;
use crate::net::service::Service;
use crate::wire::ws::{CloseCode, MessageKind, Opcode, frame, wrap};

/// Takes a service's answers to one message, in order.
///
/// They leave between two frames of whatever else the socket is being sent. While more than
/// [`Limits::private_bytes`](crate::net::Limits::private_bytes) of them wait, the socket is not read.
pub struct Replies<'a, S: Service> {
    out: &'a mut Vec<u8>,
    pub(super) parked: Vec<Published<S::Receipt>>,
    pub(super) change: Option<S::Change>,
    pub(super) close: Option<(CloseCode, String)>,
}

impl<'a, S: Service> Replies<'a, S> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            parked: Vec::new(),
            change: None,
            close: None,
        }
    }

    /// Sends a message.
    pub fn message(&mut self, kind: MessageKind, data: &[u8]) {
        frame(self.out, kind.opcode(), data);
    }

    /// Sends a text message that `write` appends; it must be UTF-8.
    pub fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        wrap(self.out, Opcode::Text, write);
    }

    /// Sends frames that are encoded already, whole ones.
    pub fn frames(&mut self, frames: &[u8]) {
        self.out.extend_from_slice(frames);
    }

    /// Sends what [`Requests::settle`](crate::net::Requests::settle) makes of an outcome, once it is known.
    pub fn published(&mut self, published: Published<S::Receipt>) {
        self.parked.push(published);
    }

    /// Changes what the socket receives. What was answered so far leaves first.
    pub fn subscribe(&mut self, change: S::Change) {
        self.change = Some(change);
    }

    /// Ends the connection after what was answered so far.
    pub fn close(&mut self, code: CloseCode, reason: impl Into<String>) {
        self.close.get_or_insert((code, reason.into()));
    }
}
