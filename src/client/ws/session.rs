//! Protocol state of a WebSocket client: what messages mean, where it resumes, and when it comes back.

use std::time::Duration;

use super::item::{WsEvent, WsItem, WsNotice};
use super::message::{Message, MessageError, read_binary};
use crate::wire::ws::MessageKind;

/// State of the subscribe protocol across connections: the id to resume after, and the server's last words.
#[derive(Debug, Default)]
pub(super) struct Session {
    last_event_id: String,
    bye: Option<Bye>,
}

/// The server's last words.
#[derive(Debug)]
pub(super) struct Bye {
    pub(super) reason: String,
    /// The wait that the server asks for.
    pub(super) wait: Duration,
}

impl Session {
    pub(super) fn after(last_event_id: String) -> Self {
        Self {
            last_event_id,
            bye: None,
        }
    }

    pub(super) fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Takes what the server said at the end of this connection.
    pub(super) fn take_bye(&mut self) -> Option<Bye> {
        self.bye.take()
    }

    /// Takes a message; `None`: there is nothing in it to hand out.
    pub(super) fn take(
        &mut self,
        kind: MessageKind,
        data: &[u8],
    ) -> Result<Option<WsItem>, MessageError> {
        match kind {
            MessageKind::Text => self.take_text(data),
            MessageKind::Binary => {
                let Some(mut event) = read_binary(data)? else {
                    return Ok(None);
                };
                let id = Some(event.id).filter(|id| !id.is_empty());
                event.id = self.moved(id);
                Ok(Some(WsItem::Event(event)))
            }
        }
    }

    fn take_text(&mut self, text: &[u8]) -> Result<Option<WsItem>, MessageError> {
        let message = Message::read(text)?;
        let whole = || String::from_utf8_lossy(text).into_owned();
        Ok(Some(match message.kind.as_str() {
            "event" => {
                let event = message.event()?;
                let id = self.moved(message.optional_text("id")?);
                WsItem::Event(WsEvent { id, ..event })
            }
            "gap" | "reset" => {
                let id = self.moved(message.optional_text("id")?);
                let notice = WsNotice { id, data: whole() };
                match message.kind.as_str() {
                    "gap" => WsItem::Gap(notice),
                    _ => WsItem::Reset(notice),
                }
            }
            // Where a stream begins that has no id yet. One that resumes has it: after a cut between
            // this and the `reset` behind it, nobody would hear of that.
            "welcome" => {
                if self.last_event_id.is_empty() {
                    self.last_event_id = message.text("id")?;
                }
                return Ok(None);
            }
            "heartbeat" => {
                self.last_event_id = message.text("id")?;
                return Ok(None);
            }
            "bye" => {
                self.bye = Some(Bye {
                    reason: message.text("reason")?,
                    wait: Duration::from_millis(message.number("retry_ms")?),
                });
                return Ok(None);
            }
            "presence" => match message.text("event")?.as_str() {
                "reset" => WsItem::PresenceReset {
                    at: message.number("at")?,
                },
                event => WsItem::Presence {
                    joined: event == "join",
                    who: message.text("who")?,
                    at: message.number("at")?,
                },
            },
            // Their ids are those of events that may still be on their way: nothing to resume from.
            "subscribed" | "unsubscribed" | "caught_up" | "published" | "pong" | "error" => {
                WsItem::Answer(whole())
            }
            // Of a later version of the protocol.
            _ => return Ok(None),
        }))
    }

    /// Notes an id, if the message has one, and returns the last.
    fn moved(&mut self, id: Option<String>) -> String {
        if let Some(id) = id {
            self.last_event_id = id;
        }
        self.last_event_id.clone()
    }
}
