//! Why streams end.

use std::fmt;

/// Why a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The client closed it.
    Closed,
    /// The connection broke: the client or the network reset it.
    Reset,
    /// The client took nothing for the write timeout.
    Stalled,
    /// Half-sent frames took too much memory, and the rest of its own was one more.
    HalfSent,
    /// The right to read ended.
    Expired,
    /// The server stops; the client has got everything.
    Stopping,
    /// The server stopped before the client had got everything.
    StopDeadline,
    /// The client was too slow and had asked to be disconnected then.
    TooSlow,
    /// The connection had reached the greatest age that the server allows.
    Aged,
    /// Somebody who manages the server disconnected it.
    Disconnected,
    /// Its endpoint was removed.
    Removed,
    /// Its topic was deleted.
    TopicDeleted,
    /// The hub was closed.
    HubClosed,
}

impl EndReason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Closed,
        Self::Reset,
        Self::Stalled,
        Self::HalfSent,
        Self::Expired,
        Self::Stopping,
        Self::StopDeadline,
        Self::TooSlow,
        Self::Aged,
        Self::Disconnected,
        Self::Removed,
        Self::TopicDeleted,
        Self::HubClosed,
    ];

    /// The name in metrics and logs: lower case with underscores.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Stalled => "stalled",
            Self::HalfSent => "half_sent",
            Self::Expired => "expired",
            Self::Stopping => "stopping",
            Self::StopDeadline => "stop_deadline",
            Self::TooSlow => "too_slow",
            Self::Aged => "aged",
            Self::Disconnected => "disconnected",
            Self::Removed => "removed",
            Self::TopicDeleted => "topic_deleted",
            Self::HubClosed => "hub_closed",
        }
    }

    /// Returns whether what was sent is all that was to be sent, so that a peer may be told that it is.
    pub(in crate::net) fn is_orderly(self) -> bool {
        !self.is_cut() && !matches!(self, Self::Reset | Self::StopDeadline)
    }

    /// Returns whether the server cut a client that was too slow.
    pub(in crate::net) fn is_cut(self) -> bool {
        matches!(self, Self::Stalled | Self::HalfSent | Self::TooSlow)
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_name_each_reason_by_itself() {
        let names: std::collections::BTreeSet<&str> =
            EndReason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), EndReason::ALL.len());
        assert_eq!(EndReason::HalfSent.name(), "half_sent");
        assert_eq!(EndReason::TopicDeleted.name(), "topic_deleted");
    }
}
