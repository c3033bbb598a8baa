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
    said: Said<S>,
    /// The message has waited for room for as long as it may.
    last_try: bool,
}

/// The part of a service's answers to one message that is no bytes.
pub(super) struct Said<S: Service> {
    pub(super) parked: Vec<Published<S::Receipt>>,
    pub(super) change: Option<S::Change>,
    pub(super) close: Option<(CloseCode, String)>,
    /// The message waits for room.
    pub(super) waits: bool,
}

impl<'a, S: Service> Replies<'a, S> {
    pub(super) fn new(out: &'a mut Vec<u8>, last_try: bool) -> Self {
        Self {
            out,
            said: Said {
                parked: Vec::new(),
                change: None,
                close: None,
                waits: false,
            },
            last_try,
        }
    }

    pub(super) fn into_said(self) -> Said<S> {
        self.said
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
        self.said.parked.push(published);
    }

    /// Has the message wait for room for what it publishes: it is given again when there may be, and nothing more is read
    /// meanwhile.
    pub fn wait_for_room(&mut self) {
        self.said.waits = true;
    }

    /// Returns whether the message has waited for room for as long as it may
    /// ([`Limits::publish_timeout`](crate::net::Limits::publish_timeout)): it has to be answered now.
    pub fn is_last_try(&self) -> bool {
        self.last_try
    }

    /// Changes what the socket receives. What was answered so far leaves first.
    pub fn subscribe(&mut self, change: S::Change) {
        self.said.change = Some(change);
    }

    /// Ends the connection after what was answered so far.
    pub fn close(&mut self, code: CloseCode, reason: impl Into<String>) {
        self.said.close.get_or_insert((code, reason.into()));
    }
}
