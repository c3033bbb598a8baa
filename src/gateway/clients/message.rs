//! A message for clients: one frame, encoded once, shared by all who get it.

use std::sync::Arc;

use crate::event::{AsEvent, Event};
use crate::gateway::encode::ws::write_event;
use crate::wire::ws::{Opcode, frame};

/// A message as it goes over the wire, encoded once however many clients get it. A copy shares it.
///
/// An [`Event`] becomes the JSON object that `GET /api/v1/ws` sends, without an `id`: it has no position.
///
/// ```
/// use eventring::event::Event;
/// use eventring::gateway::SocketMessage;
///
/// let event = Event::builder("orders.new", "created").json("{\"n\":1}").build()?;
/// let message = SocketMessage::from(event);
/// assert_eq!(
///     &message.frame()[2..],
///     br#"{"type":"event","topic":"orders.new","event":"created","data":{"n":1}}"#
/// );
/// assert_eq!(SocketMessage::from("hi").frame(), b"\x81\x02hi");
/// # Ok::<(), eventring::event::EventError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketMessage(Arc<[u8]>);

impl SocketMessage {
    /// Makes a text message.
    pub fn text(text: &str) -> Self {
        Self::of(Opcode::Text, text.as_bytes())
    }

    /// Makes a binary message.
    pub fn binary(data: &[u8]) -> Self {
        Self::of(Opcode::Binary, data)
    }

    /// Makes a message of an event.
    pub fn event(event: impl AsEvent) -> Self {
        let mut bytes = Vec::new();
        write_event(None, event.as_event(), &mut bytes);
        Self(bytes.into())
    }

    /// The frame (RFC 6455, 5.2).
    pub fn frame(&self) -> &[u8] {
        &self.0
    }

    pub(in crate::gateway) fn shared(&self) -> &Arc<[u8]> {
        &self.0
    }

    fn of(opcode: Opcode, data: &[u8]) -> Self {
        let mut bytes = Vec::new();
        frame(&mut bytes, opcode, data);
        Self(bytes.into())
    }
}

impl From<&str> for SocketMessage {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<&[u8]> for SocketMessage {
    fn from(data: &[u8]) -> Self {
        Self::binary(data)
    }
}

impl From<Event> for SocketMessage {
    fn from(event: Event) -> Self {
        Self::event(event)
    }
}

impl From<&Event> for SocketMessage {
    fn from(event: &Event) -> Self {
        Self::event(event)
    }
}

impl From<&Self> for SocketMessage {
    fn from(message: &Self) -> Self {
        message.clone()
    }
}
