//! Publishing with settings: what decides whether a publish waits, and for what.

use std::ops::Range;
use std::time::Instant;

use super::{Outcome, PublishOptions, RoomTicket, batch};
use crate::event::EventRef;
use crate::hub::HubPublishError;
use crate::hub::shared::Shared;
use crate::journal::{Durability, StateFn};

/// Publishes events and waits for what comes of them.
pub(in crate::hub) fn publish_all<'e>(
    shared: &Shared,
    len: usize,
    event: impl Fn(usize) -> EventRef<'e>,
    options: &PublishOptions,
    state: Option<StateFn<'static>>,
) -> Result<Range<u64>, HubPublishError> {
    submit_all(shared, len, event, options, None, state)
}

/// Publishes events without waiting.
pub(in crate::hub) fn submit_all<'e>(
    shared: &Shared,
    len: usize,
    event: impl Fn(usize) -> EventRef<'e>,
    options: &PublishOptions,
    _ticket: Option<&RoomTicket>,
    state: Option<StateFn<'static>>,
) -> Result<Range<u64>, HubPublishError> {
    if options
        .durability
        .is_some_and(|asked| asked > Durability::None)
    {
        return Err(HubPublishError::DurabilityUnavailable);
    }
    if state.is_some() {
        return Err(HubPublishError::NoJournal);
    }
    batch::many(shared, len, options.expected, event)
}

/// Returns what has come of a publish.
pub(in crate::hub) fn outcome(shared: &Shared, offsets: &Range<u64>) -> Option<Outcome> {
    (offsets.end <= shared.ring.head() + 1).then_some(Outcome::Visible)
}

/// Waits for the outcome of a publish.
pub(in crate::hub) fn wait_outcome(
    shared: &Shared,
    offsets: &Range<u64>,
    _deadline: Option<Instant>,
) -> Outcome {
    outcome(shared, offsets).unwrap_or(Outcome::Timeout)
}
