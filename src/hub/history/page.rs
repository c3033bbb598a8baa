//! A page of the past.

use crate::event::{Event, Position};
use crate::journal::Hole;

/// Events that are counted for a total at most.
pub(super) const TOTAL_MAX: u64 = 100_000;

/// A page of the past: events, and where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventPage {
    /// The events, in the order that was asked for.
    pub events: Vec<HistoryEvent>,
    /// The cursor of the next page, which goes into an address as it is; `None` where there are no more.
    pub next: Option<String>,
    /// There are more events, or there may be: so much was looked at for one page, or is in it.
    pub has_more: bool,
    /// The number of events in all, where it was asked for.
    pub total: Option<HistoryTotal>,
    /// The newest position that the page knows of. All descending pages of one question have the same.
    pub as_of: Position,
    /// Ranges of offsets among those looked at whose events are missing: damaged, lost by a crash, no longer kept. Where the
    /// topics that are asked for take or took one whose events are in memory only, the first one has the reason
    /// [`Memory`](crate::journal::HoleReason::Memory) and bounds where such events may have been: from the first to the last
    /// offset of the page that the ring has no more and that the page has no event of.
    pub holes: Vec<Hole>,
}

/// An event of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryEvent {
    /// The position of the event.
    pub position: Position,
    /// The time at which the hub took it, milliseconds since 1970.
    pub recorded: i64,
    /// A copy of the event.
    pub event: Event,
}

/// A number of events that is counted so far and no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryTotal {
    /// All were counted.
    Exactly(u64),
    /// So many were counted: 100,000, or fewer where so much was looked at for them.
    AtLeast(u64),
}
