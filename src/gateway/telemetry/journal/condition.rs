//! The state of a journal, as one word.

use crate::hub::Hub;
use crate::journal::JournalState;

/// The ability of a journal, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum JournalCondition {
    /// Events are taken.
    Writable,
    /// Events are taken; another process keeps the log of writes from getting shorter.
    Held,
    /// No space is left: it takes none until there is some.
    Full,
    /// A write failed in a way that leaves everything open: it takes none in this process.
    Poisoned,
    /// A commit takes longer than it may.
    Stalled,
    /// The journal is closed.
    Closed,
}

impl JournalCondition {
    pub(in crate::gateway) const ALL: [Self; 6] = [
        Self::Writable,
        Self::Held,
        Self::Full,
        Self::Poisoned,
        Self::Stalled,
        Self::Closed,
    ];

    /// The name in metrics and statistics.
    pub(in crate::gateway) fn name(self) -> &'static str {
        match self {
            Self::Writable => "writable",
            Self::Held => "held",
            Self::Full => "full",
            Self::Poisoned => "poisoned",
            Self::Stalled => "stalled",
            Self::Closed => "closed",
        }
    }

    /// Returns whether events can be published that ask for more than memory.
    pub(in crate::gateway) fn takes_events(self) -> bool {
        matches!(self, Self::Writable | Self::Held)
    }

    /// Finds it for a hub, with what there is to say of it, for people; `None`: the hub has no journal.
    pub(in crate::gateway) fn of(hub: &Hub) -> Option<(Self, String)> {
        let journal = hub.journal()?;
        Some(match (journal.state(), journal.stalled()) {
            (JournalState::Poisoned { reason }, _) => (Self::Poisoned, reason),
            (JournalState::Closed, _) => (Self::Closed, String::new()),
            (_, Some(since)) => (
                Self::Stalled,
                format!("a commit takes {} s already", since.as_secs()),
            ),
            (JournalState::Full { reason }, None) => (Self::Full, reason),
            (JournalState::HeldByOther { reason }, None) => (Self::Held, reason),
            (JournalState::Writable, None) => (Self::Writable, String::new()),
        })
    }
}
