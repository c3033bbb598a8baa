//! Publishing one event, at whatever position or at one that must be the next.

use std::ops::Range;
use std::sync::Arc;

use crate::event::{ErrorKind, EventError, EventLimits, EventRef, Position};

use super::submit::Publish;
use super::{ExpectedVersion, PublishOptions};
use crate::hub::HubPublishError;
use crate::hub::journal::HubJournal;
use crate::hub::shared::Shared;
use crate::hub::wait::{PublishGuard, Woken, is_committing, notify_all};

/// Publishes one event if its stream has the version that is expected.
#[inline]
pub(in crate::hub) fn one(
    shared: &Arc<Shared>,
    expected: ExpectedVersion,
    event: EventRef<'_>,
) -> Result<Position, HubPublishError> {
    if let Some(journal) = &shared.journal {
        let passed = match expected {
            ExpectedVersion::Any => pass(shared, journal, event),
            _ => None,
        };
        return match passed {
            Some(position) => Ok(position),
            None => journaled(shared, expected, None, event),
        };
    }
    // Outside the lock: it looks at nothing that another publisher changes.
    check_size(&shared.limits, event)?;
    let mut publisher = shared.publisher.lock();
    // Before the event can be seen: a receiver that wakes meanwhile must not take it for judged.
    let guard = shared.wake_router.guard(publisher.next_sequence());
    let published = publisher.publish(event, expected);
    shared.release(publisher);
    let offset = published?;
    if let Some(guard) = guard {
        wake(guard, offset..offset + 1, |_| event);
    }
    Ok(shared.position(offset))
}

/// Publishes one event if the position is exactly the next.
pub(in crate::hub) fn one_at(
    shared: &Arc<Shared>,
    position: Position,
    event: EventRef<'_>,
) -> Result<Position, HubPublishError> {
    if shared.journal.is_some() {
        return journaled(shared, ExpectedVersion::Any, Some(position), event);
    }
    check_size(&shared.limits, event)?;
    let mut publisher = shared.publisher.lock();
    // A closed hub has no next position: that it is closed is what the caller has to know.
    publisher.check()?;
    let expected = shared.position(publisher.next_offset());
    if position != expected {
        return Err(HubPublishError::Position {
            expected,
            got: position,
        });
    }
    let guard = shared.wake_router.guard(publisher.next_sequence());
    let published = publisher.publish(event, ExpectedVersion::Any);
    shared.release(publisher);
    let offset = published?;
    if let Some(guard) = guard {
        wake(guard, offset..offset + 1, |_| event);
    }
    Ok(position)
}

/// Publishes one event that nobody has to write, if readers may see it at once; `None`: it takes the long way, on which it
/// is said what is wrong with it.
#[inline]
fn pass(shared: &Shared, journal: &HubJournal, event: EventRef<'_>) -> Option<Position> {
    // What has a stream is always written. On the journal's thread even what need not wait is refused, so that it does
    // not depend on who else publishes.
    if event.stream().is_some() || is_committing() || check_size(&shared.limits, event).is_err() {
        return None;
    }
    let mut publisher = shared.publisher.lock();
    let guard = shared.wake_router.guard(publisher.next_sequence());
    let passed = publisher.pass(event, journal.durability());
    // Looked at inside the lock, as in `Shared::release`.
    let has_sleepers = passed.is_some() && shared.ring.has_downstream_sleepers();
    drop(publisher);
    let (offset, tell) = passed?;
    if tell {
        journal.tell();
    }
    if has_sleepers {
        shared.ring.wake_downstream();
    }
    if let Some(guard) = guard {
        wake(guard, offset..offset + 1, |_| event);
    }
    Some(shared.position(offset))
}

/// Publishes one event in a hub with a journal, and waits for its commit.
#[inline(never)]
fn journaled(
    shared: &Arc<Shared>,
    expected: ExpectedVersion,
    at: Option<Position>,
    event: EventRef<'_>,
) -> Result<Position, HubPublishError> {
    let options = PublishOptions::default().expected(expected);
    let publish = Publish::new(1, |_| event, &options);
    let offsets = Publish { at, ..publish }.wait(shared)?;
    Ok(shared.position(offsets.start))
}

/// Checks an event against the hub's limits: those of its builder may have been others.
#[inline]
pub(super) fn check_size(limits: &EventLimits, event: EventRef<'_>) -> Result<(), HubPublishError> {
    let limit = limits.payload_bytes;
    // The record is longer than its data: nearly always that is all there is to look at.
    if event.record().len() <= limit {
        return Ok(());
    }
    check_data(event.data().len(), limit)
}

#[cold]
fn check_data(actual: usize, limit: usize) -> Result<(), HubPublishError> {
    if actual <= limit {
        return Ok(());
    }
    Err(EventError::new(ErrorKind::TooLarge { limit, actual }, "data").into())
}

/// Wakes those who sleep on events that were published. The lock is released, so that others publish meanwhile.
pub(super) fn wake<'e>(
    guard: PublishGuard<'_>,
    offsets: Range<u64>,
    event: impl Fn(usize) -> EventRef<'e>,
) {
    let mut woken = Woken::new();
    for (index, offset) in offsets.enumerate() {
        // The event of an offset has the sequence before it.
        guard.wake_for(offset - 1, event(index), &mut woken);
    }
    // First what was published counts as judged, so that those who are woken may pass it; then foreign code, which may
    // take long, and may publish.
    drop(guard);
    notify_all(&woken);
}
