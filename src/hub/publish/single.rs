//! Publishing: one event, one at a position or version that must be right, or a batch.

use std::ops::Range;

use smallvec::SmallVec;

use crate::event::{ErrorKind, EventBatch, EventError, EventRef, Position};

use super::ExpectedVersion;
use super::publisher::heap_bytes;
use crate::hub::Hub;
use crate::hub::PublishError;
use crate::hub::wait::PublishGuard;
use crate::hub::wait::{Woken, notify_all};

impl Hub {
    /// Publishes one event and returns where it stands. Nothing is allocated for a small event.
    ///
    /// # Errors
    ///
    /// [`PublishError::Invalid`] for an event beyond the hub's limits, [`PublishError::Closed`].
    pub fn publish<'e>(&self, event: impl Into<EventRef<'e>>) -> Result<Position, PublishError> {
        self.publish_expecting(ExpectedVersion::Any, event)
    }

    /// Publishes one event if its stream has the version that is expected.
    ///
    /// # Errors
    ///
    /// [`PublishError::Version`] where it has another one, [`StreamsNotKept`](PublishError::StreamsNotKept) where the
    /// hub keeps none; else as [`publish`](Self::publish).
    pub fn publish_expecting<'e>(
        &self,
        expected: ExpectedVersion,
        event: impl Into<EventRef<'e>>,
    ) -> Result<Position, PublishError> {
        let event = event.into();
        self.check(event)?;
        let shared = &*self.shared;
        let mut publisher = shared.publisher.lock();
        let guard = shared.wake_router.guard(publisher.next_sequence());
        let published = publisher.publish(event, expected);
        shared.release(publisher);
        let offset = published?;
        if let Some(guard) = guard {
            wake(guard, offset..offset + 1, |_| event);
        }
        Ok(self.at(offset))
    }

    /// Publishes one event at a position that must be exactly the next.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::event::{Event, Position};
    /// use eventring::hub::{Hub, PublishError};
    ///
    /// let hub = Hub::new();
    /// let event = Event::new("a", "t").to_event().unwrap();
    /// let next = Position { epoch: hub.epoch(), offset: hub.head() + 1 };
    /// assert_eq!(hub.publish_at(next, &event), Ok(next));
    /// // Somebody else's event may be there already: nothing is published then.
    /// assert!(matches!(hub.publish_at(next, &event), Err(PublishError::Position { .. })));
    /// ```
    ///
    /// # Errors
    ///
    /// [`PublishError::Position`] says which one is next; else as [`publish`](Self::publish).
    pub fn publish_at<'e>(
        &self,
        position: Position,
        event: impl Into<EventRef<'e>>,
    ) -> Result<Position, PublishError> {
        let event = event.into();
        self.check(event)?;
        let shared = &*self.shared;
        let mut publisher = shared.publisher.lock();
        publisher.check()?;
        let expected = self.at(publisher.next_offset());
        if position != expected {
            return Err(PublishError::Position {
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

    /// Publishes the events of a batch, contiguous and visible at once, or none of them. Returns their offsets.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::event::{Event, EventBatch};
    /// use eventring::hub::Hub;
    ///
    /// let mut batch = EventBatch::new();
    /// for n in 0..3 {
    ///     batch.push(Event::new("imports", "row").text(&n.to_string()).build()?);
    /// }
    /// assert_eq!(Hub::new().publish_batch(&batch)?, 1..4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PublishError::TooMany`] and [`TooLarge`](PublishError::TooLarge) beyond half of the hub's capacity and of its
    /// `ring_bytes`; [`Invalid`](PublishError::Invalid) names the event; [`Closed`](PublishError::Closed).
    pub fn publish_batch(&self, batch: &EventBatch) -> Result<Range<u64>, PublishError> {
        self.publish_all(batch.len(), |index| batch.at(index))
    }

    /// Publishes events from an iterator as [`publish_batch`](Self::publish_batch) does.
    ///
    /// # Errors
    ///
    /// As [`publish_batch`](Self::publish_batch).
    pub fn publish_batch_iter<'e, E: Into<EventRef<'e>>>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> Result<Range<u64>, PublishError> {
        let limit = self.batch_events_max();
        let mut refs: SmallVec<[EventRef<'e>; 16]> = SmallVec::new();
        for event in events {
            if refs.len() == limit {
                return Err(PublishError::TooMany {
                    events: limit + 1,
                    limit,
                });
            }
            refs.push(event.into());
        }
        self.publish_all(refs.len(), |index| refs[index])
    }

    fn publish_all<'e>(
        &self,
        len: usize,
        event: impl Fn(usize) -> EventRef<'e>,
    ) -> Result<Range<u64>, PublishError> {
        let limit = self.batch_events_max();
        if len > limit {
            return Err(PublishError::TooMany { events: len, limit });
        }
        let (mut bytes, mut heap) = (0, 0);
        for index in 0..len {
            let event = event(index);
            self.check(event).map_err(|error| error.with_index(index))?;
            bytes += event.record().len();
            heap += heap_bytes(event);
        }
        let limit = self.shared.ring_bytes / 2;
        if bytes > limit {
            return Err(PublishError::TooLarge { bytes, limit });
        }
        let shared = &*self.shared;
        let mut publisher = shared.publisher.lock();
        let guard = shared.wake_router.guard(publisher.next_sequence());
        let published = publisher.publish_batch(len, heap, &event);
        shared.release(publisher);
        let offsets = published?;
        if let Some(guard) = guard {
            wake(guard, offsets.clone(), event);
        }
        Ok(offsets)
    }

    /// The builder of an event may have had other limits.
    #[inline]
    fn check(&self, event: EventRef<'_>) -> Result<(), PublishError> {
        let limit = self.shared.limits.payload_bytes;
        // The record is longer than its data: nearly always that is all there is to look at.
        if event.record().len() <= limit {
            return Ok(());
        }
        check_data(event.data().len(), limit)
    }
}

#[cold]
fn check_data(actual: usize, limit: usize) -> Result<(), PublishError> {
    if actual <= limit {
        return Ok(());
    }
    Err(EventError::new(ErrorKind::TooLarge { limit, actual }, "data").into())
}

/// Wakes those who sleep on events that were published. The lock is released, so that others publish meanwhile.
fn wake<'e>(guard: PublishGuard<'_>, offsets: Range<u64>, event: impl Fn(usize) -> EventRef<'e>) {
    let mut woken = Woken::new();
    for (index, offset) in offsets.enumerate() {
        guard.wake_for(offset - 1, event(index), &mut woken);
    }
    drop(guard);
    notify_all(&woken);
}

impl PublishError {
    fn with_index(self, index: usize) -> Self {
        match self {
            Self::Invalid(error) => Self::Invalid(error.with_index(index)),
            other => other,
        }
    }
}
