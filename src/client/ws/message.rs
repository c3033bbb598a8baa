//! One message of the subscribe protocol: members of a JSON object, or the header of a binary event.

use thiserror::Error;

use super::item::{WsData, WsEvent};
use crate::json::{JsonError, Members};

/// Version of the header of binary events that is understood.
const BINARY_VERSION: u8 = 1;

/// A message that is none of the subscribe protocol's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Text that is no JSON object, or is over a bound of those.
    #[error("a message is not a JSON object: {0}; is the URL right?")]
    NotAnObject(#[source] JsonError),
    /// A member that is missing, or is not what it has to be.
    #[error("{kind}: {member} is missing or wrong")]
    Member {
        /// The type of the message; empty for one whose type is wrong.
        kind: String,
        /// The member.
        member: &'static str,
    },
    /// A binary event that ends before its header does, or whose header is not text.
    #[error("the header of a binary event is broken: {member}")]
    Header {
        /// The part that is not there, or not UTF-8.
        member: &'static str,
    },
}

/// The members of a JSON message, each as it stands.
#[derive(Debug)]
pub(super) struct Message<'t> {
    pub(super) kind: String,
    members: Members<'t>,
}

impl<'t> Message<'t> {
    pub(super) fn read(text: &'t [u8]) -> Result<Self, MessageError> {
        let members = Members::read(text).map_err(MessageError::NotAnObject)?;
        let mut message = Self {
            kind: String::new(),
            members,
        };
        message.kind = message.text("type")?;
        Ok(message)
    }

    /// A member that has to be there, and a string.
    pub(super) fn text(&self, member: &'static str) -> Result<String, MessageError> {
        self.optional_text(member)?
            .ok_or_else(|| self.wrong(member))
    }

    /// A member that has to be a string if it is there.
    pub(super) fn optional_text(
        &self,
        member: &'static str,
    ) -> Result<Option<String>, MessageError> {
        let Some(value) = self.members.get(member) else {
            return Ok(None);
        };
        let text = value.string().ok_or_else(|| self.wrong(member))?;
        Ok(Some(text.into_owned()))
    }

    /// A member that has to be a number of milliseconds.
    pub(super) fn number(&self, member: &'static str) -> Result<u64, MessageError> {
        let value = self.members.get(member);
        value
            .and_then(|value| value.whole())
            .ok_or_else(|| self.wrong(member))
    }

    /// The event in it; whether it has an id is another question.
    pub(super) fn event(&self) -> Result<WsEvent, MessageError> {
        Ok(WsEvent {
            id: String::new(),
            topic: self.text("topic")?,
            event: self.text("event")?,
            data: self.data()?,
        })
    }

    /// The payload: text where a content type stands beside it, JSON as it is elsewhere.
    fn data(&self) -> Result<WsData, MessageError> {
        let Some(data) = self.members.get("data") else {
            return Ok(WsData::None);
        };
        Ok(match self.optional_text("datacontenttype")? {
            Some(content_type) => WsData::Text {
                content_type,
                text: self.text("data")?,
            },
            None => WsData::Json(data.raw().to_owned()),
        })
    }

    fn wrong(&self, member: &'static str) -> MessageError {
        MessageError::Member {
            kind: self.kind.clone(),
            member,
        }
    }
}

/// Reads a binary event; `None`: it has a version of another time. The id is empty where it has none.
pub(super) fn read_binary(message: &[u8]) -> Result<Option<WsEvent>, MessageError> {
    let Some((&BINARY_VERSION, mut rest)) = message.split_first() else {
        return Ok(None);
    };
    let mut part = |member| part(&mut rest).ok_or(MessageError::Header { member });
    let (id, topic) = (part("id")?, part("topic")?);
    let (event, content_type) = (part("type")?, part("content type")?);
    Ok(Some(WsEvent {
        id,
        topic,
        event,
        data: WsData::Binary {
            content_type,
            bytes: rest.to_vec(),
        },
    }))
}

/// Takes a text after its length in two bytes.
fn part(rest: &mut &[u8]) -> Option<String> {
    let (len, after) = rest.split_first_chunk()?;
    let (part, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    *rest = after;
    std::str::from_utf8(part).ok().map(str::to_owned)
}
