//! Items of a WebSocket client: events, notices, answers, and the life of the connection.

use super::super::item::Disconnected;

/// The next thing that a client hands out.
#[derive(Debug)]
#[non_exhaustive]
pub enum WsItem {
    /// A WebSocket came about. Subscriptions that were made by requests are gone: ask for them again.
    Connected,
    /// An event.
    Event(WsEvent),
    /// The server does not have, or left out, some of what was wanted.
    Gap(WsNotice),
    /// The server cannot resume from where the client was, as after a restart.
    Reset(WsNotice),
    /// Somebody joined or left the topics, for those who asked to be told.
    Presence {
        /// `true` if somebody joined, `false` if they left.
        joined: bool,
        /// The id of a stream or subscription.
        who: String,
        /// The number of the change: a list whose `at` is as high or higher knows of it.
        at: u64,
    },
    /// All that was told of who is present is void: a list whose `at` is this or higher has it all. Comes first, and where
    /// too much changed to tell, or this client took nothing.
    PresenceReset {
        /// The number of the last change that is not told.
        at: u64,
    },
    /// The answer to a request, as it came: an object of type `subscribed`, `unsubscribed`, `caught_up`,
    /// `published`, `pong` or `error`.
    Answer(String),
    /// The connection is gone; the next call waits, and connects again.
    Disconnected(Disconnected),
}

/// An event of a WebSocket, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WsEvent {
    /// The last event id as of this event: what a client resumes with.
    pub id: String,
    /// Its topic.
    pub topic: String,
    /// Its type.
    pub event: String,
    /// The payload.
    pub data: WsData,
}

/// The payload of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WsData {
    /// The event has no payload.
    #[default]
    None,
    /// JSON, byte for byte as it was published.
    Json(String),
    /// Text of another type.
    Text {
        /// Its content type.
        content_type: String,
        /// The text.
        text: String,
    },
    /// Bytes.
    Binary {
        /// Their content type; empty where the publisher gave none.
        content_type: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// A notice of the server about the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WsNotice {
    /// The last event id as of this notice.
    pub id: String,
    /// The message as it came, JSON: how much is missing, or why it cannot resume.
    pub data: String,
}
