//! The start of a stream that only the journal can tell: a time, or the last so many events of some topics.

use crate::gateway::delivery::StreamFilter;

/// The start of a stream, as the reader of the journal has to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum StartNote {
    /// Only the journal can tell: the stream reads from offset 0 on.
    LookedUp(JournalStart),
    /// With the oldest event that there is: it is not told of what has gone before it was opened.
    Oldest {
        filter: StreamFilter,
        from: u64,
        /// The offset below which events of its topics have gone by bounds.
        retained_below: u64,
    },
}

/// A start that only the journal can tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct JournalStart {
    pub(in crate::gateway) filter: StreamFilter,
    pub(in crate::gateway) what: WhichEvents,
}

/// The events that a stream begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::gateway) enum WhichEvents {
    /// From the first one on that was taken at this time or later, milliseconds since 1970. What the ring says of it is
    /// `taken`, with this `floor`.
    Since {
        recorded: i64,
        taken: u64,
        floor: u64,
    },
    /// So many more before an offset.
    Last {
        left: u64,
        /// The first of those that are found.
        from: u64,
        /// Everything from here on was looked at.
        below: u64,
    },
}

impl JournalStart {
    pub(in crate::gateway) fn since(
        filter: &StreamFilter,
        recorded: i64,
        taken: u64,
        floor: u64,
    ) -> Self {
        Self {
            filter: filter.clone(),
            what: WhichEvents::Since {
                recorded,
                taken,
                floor,
            },
        }
    }

    pub(in crate::gateway) fn last(
        filter: &StreamFilter,
        left: u64,
        from: u64,
        below: u64,
    ) -> Self {
        Self {
            filter: filter.clone(),
            what: WhichEvents::Last { left, from, below },
        }
    }
}
