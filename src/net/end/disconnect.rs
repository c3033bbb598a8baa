//! Why the server ends a stream.

use crate::net::end::reason::EndReason;

/// The reason for which the server ends a stream, as its client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The server stops.
    Stopping,
    /// The right to read has ended.
    Expired,
    /// The stream was too slow.
    TooSlow,
    /// The connection is as old as it may become.
    Aged,
    /// Somebody said so.
    Disconnected,
    /// Its endpoint is gone.
    Removed,
    /// Its topic was deleted.
    TopicDeleted,
    /// Nothing is published any more.
    HubClosed,
}

impl From<DisconnectReason> for EndReason {
    fn from(why: DisconnectReason) -> Self {
        match why {
            DisconnectReason::Stopping => Self::Stopping,
            DisconnectReason::Expired => Self::Expired,
            DisconnectReason::TooSlow => Self::TooSlow,
            DisconnectReason::Aged => Self::Aged,
            DisconnectReason::Disconnected => Self::Disconnected,
            DisconnectReason::Removed => Self::Removed,
            DisconnectReason::TopicDeleted => Self::TopicDeleted,
            DisconnectReason::HubClosed => Self::HubClosed,
        }
    }
}
