//! Publishing many events at once: contiguous, visible together, or not at all.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::event::{AsEvent, EventRef};

use super::publisher::heap_bytes;
use super::single::{check_size, wake};
use super::submit::Publish;
use super::{ExpectedVersion, PublishOptions};
use crate::hub::HubPublishError;
use crate::hub::shared::Shared;

/// Publishes the events of an iterator, or none of them.
pub(in crate::hub) fn many_from<E: AsEvent>(
    shared: &Arc<Shared>,
    events: impl Iterator<Item = E>,
) -> Result<Range<u64>, HubPublishError> {
    let limit = shared.batch_events_max();
    // Collected first: the iterator is foreign code, which must not run under the lock, and the ring has to know how
    // many slots to open.
    let mut all: SmallVec<[E; 16]> = SmallVec::new();
    for event in events {
        // Here and not after it: an iterator may have no end.
        if all.len() == limit {
            return Err(HubPublishError::TooMany {
                events: limit + 1,
                limit,
            });
        }
        all.push(event);
    }
    // Viewed once, and here: a view is foreign code as well, and may be of another event each time.
    let views: SmallVec<[EventRef<'_>; 16]> = all.iter().map(AsEvent::as_event).collect();
    let options = PublishOptions::default();
    Publish::new(views.len(), |index| views[index], &options).wait(shared)
}

/// Publishes `len` events, or none of them, in a hub without a journal.
pub(super) fn many<'e>(
    shared: &Shared,
    len: usize,
    expected: ExpectedVersion,
    event: impl Fn(usize) -> EventRef<'e>,
) -> Result<Range<u64>, HubPublishError> {
    // Half of what the ring keeps: a batch that evicted all there was would show a gap to every reader at once.
    let limit = shared.batch_events_max();
    if len > limit {
        return Err(HubPublishError::TooMany { events: len, limit });
    }
    let (mut bytes, mut heap) = (0, 0);
    // All are checked before the first is written, and outside the lock.
    for index in 0..len {
        let event = event(index);
        check_size(&shared.limits, event).map_err(|error| error.with_index(index))?;
        bytes += event.record().len();
        heap += heap_bytes(event);
    }
    let limit = shared.batch_bytes_max();
    if bytes > limit {
        return Err(HubPublishError::TooLarge { bytes, limit });
    }
    let mut publisher = shared.publisher.lock();
    // Before the events can be seen, as with a single one.
    let guard = shared.wake_router.guard(publisher.next_sequence());
    let published = publisher.publish_batch(len, heap, expected, &event);
    shared.release(publisher);
    let offsets = published?;
    if let Some(guard) = guard {
        wake(guard, offsets.clone(), event);
    }
    Ok(offsets)
}
