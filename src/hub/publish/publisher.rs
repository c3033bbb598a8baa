//! The publishing side: what happens under the hub's one lock.

use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::event::{EventRef, INLINE_BYTES};
use crate::journal::Durability;
use crate::ring;

use super::in_flight::InFlight;
use super::stream_versions::{ExpectedVersion, StreamVersions, VersionClaim};
use crate::hub::HubPublishError;
use crate::hub::slot::Slot;
use crate::hub::topics::Histories;
use crate::hub::topics::TopicMode;
use crate::hub::topics::TopicTable;
use crate::hub::topics::{self, TimeIndex};

/// Slots in a block of the ring: trimming gives back whole ones. Larger than the ring's own blocks is harmless.
const BLOCK: u64 = 64;
/// Events a topic that is swept: one in 16, so that a sweep is paid by many publishes, and a hub of 65,536 topics is
/// through in a million events.
const EVENTS_PER_SWEEP: usize = 16;

/// The publishing side of a hub. It stands behind the hub's lock, owns the ring's publisher, and publishes quietly:
/// whoever has the lock wakes the ring's readers behind it ([`Shared::release`](crate::hub::shared::Shared::release)).
/// Position, version and deduplication are one critical section: what decides about an event belongs between
/// [`Publisher::check`] and the write.
pub(in crate::hub) struct Publisher {
    pub(super) ring: ring::Publisher<Slot>,
    closed: bool,
    /// Bytes on the heap of all slots.
    pub(super) heap_bytes: usize,
    /// The bytes at which trimming starts.
    ring_bytes: usize,
    /// Events that `ring_bytes` cost.
    trimmed: u64,
    /// Events that are trimmed at once: a block, or the ring where it is smaller.
    step: u64,
    /// Events until the clock is looked at again, and how many there were to be when it was looked at last.
    unmarked: u32,
    per_mark: u32,
    per_mark_max: u32,
    /// The time at the last look at the clock, milliseconds since 1970.
    pub(super) recorded: i64,
    /// The events that are not committed yet; `None`: the hub has no journal.
    in_flight: Option<Box<InFlight>>,
    times: Arc<Mutex<TimeIndex>>,
    pub(in crate::hub) topics: TopicTable,
    pub(in crate::hub) streams: Option<StreamVersions>,
    pub(in crate::hub) histories: Option<Arc<Histories>>,
}

impl Publisher {
    pub(in crate::hub) fn new(
        ring: ring::Publisher<Slot>,
        ring_bytes: usize,
        topics: TopicTable,
        streams: Option<StreamVersions>,
        times: Arc<Mutex<TimeIndex>>,
    ) -> Self {
        let step = BLOCK.min((ring.capacity() as u64).next_power_of_two());
        Self {
            ring,
            closed: false,
            heap_bytes: 0,
            ring_bytes,
            trimmed: 0,
            step,
            unmarked: 1,
            per_mark: 1,
            per_mark_max: u32::MAX,
            recorded: 0,
            in_flight: None,
            times,
            topics,
            streams,
            histories: None,
        }
    }

    /// Has what is published wait for a journal.
    pub(in crate::hub) fn set_in_flight(&mut self, in_flight: InFlight) {
        self.in_flight = Some(Box::new(in_flight));
    }

    /// Returns what is not committed yet.
    ///
    /// # Panics
    ///
    /// In a hub without a journal: what asks belongs to the journal.
    pub(in crate::hub) fn in_flight(&self) -> &InFlight {
        self.in_flight.as_deref().expect("a hub with a journal")
    }

    /// As [`in_flight`](Self::in_flight).
    pub(in crate::hub) fn in_flight_mut(&mut self) -> &mut InFlight {
        self.in_flight.as_deref_mut().expect("a hub with a journal")
    }

    /// Undoes everything that is in flight and was to be written; returns the offsets, ascending.
    pub(in crate::hub) fn undo_in_flight(&mut self) -> Vec<u64> {
        let in_flight = self.in_flight.as_deref_mut().expect("a hub with a journal");
        in_flight.undo(&mut self.topics, self.streams.as_mut())
    }

    /// Returns the sequence up to which readers see. It changes under the publisher's lock only.
    pub(in crate::hub) fn visible(&self) -> u64 {
        match &self.in_flight {
            Some(in_flight) => in_flight.visible(),
            None => self.ring.next(),
        }
    }

    /// Notes when the driver has said that something was taken: nothing is said to be taken before it any more.
    pub(in crate::hub) fn note_recorded(&mut self, recorded: i64) {
        self.recorded = self.recorded.max(recorded);
    }

    /// Returns whether nothing more will be seen: it is closed, and nothing is in flight.
    pub(in crate::hub) fn is_finished(&self) -> bool {
        self.closed && self.visible() == self.ring.next()
    }

    /// Returns the sequence that the next event gets.
    pub(in crate::hub) fn next_sequence(&self) -> u64 {
        self.ring.next()
    }

    pub(in crate::hub) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Returns the offset that the next event gets.
    pub(in crate::hub) fn next_offset(&self) -> u64 {
        self.ring.next() + 1
    }

    pub(in crate::hub) fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    pub(in crate::hub) fn trimmed(&self) -> u64 {
        self.trimmed
    }

    pub(in crate::hub) fn check(&self) -> Result<(), HubPublishError> {
        if self.closed {
            Err(HubPublishError::Closed)
        } else {
            Ok(())
        }
    }

    /// Publishes one event and returns its offset.
    pub(in crate::hub) fn publish(
        &mut self,
        event: EventRef<'_>,
        expected: ExpectedVersion,
    ) -> Result<u64, HubPublishError> {
        self.check()?;
        if !self.topics.admits(event) {
            return Err(HubPublishError::UnknownTopic);
        }
        let claim = match &self.streams {
            Some(streams) => streams.claim(event, expected, &[])?,
            None if expected == ExpectedVersion::Any => None,
            None => return Err(HubPublishError::StreamsNotKept),
        };
        // Everything that refuses an event stands above.
        let sequence = self.put(event)?;
        if let (Some(streams), Some(claim)) = (&mut self.streams, claim) {
            streams.take(claim);
        }
        Ok(sequence + 1)
    }

    /// Publishes one event that belongs to no stream, if nobody has to write it and it can be shown at once; `None`: there
    /// is more to it, and nothing has happened. Returns its offset, and whether the driver has to be told.
    pub(super) fn pass(&mut self, event: EventRef<'_>, default: Durability) -> Option<(u64, bool)> {
        let in_flight = self.in_flight.as_deref()?;
        let passes = in_flight.may_pass(self.ring.next(), 1)
            && in_flight.check(false).is_ok()
            && self.topics.durability(event, default) == Durability::None
            && self.topics.admits(event);
        if self.closed || !passes {
            return None;
        }
        // A hub with a journal has a ring that rejects: nobody waits here.
        let next = self.put(event).ok()? + 1;
        self.ring.pass(next);
        let tell = self.in_flight_mut().pass(next);
        Some((next, tell))
    }

    /// Writes one event that nothing refuses any more but the ring. Returns its sequence.
    #[inline(always)]
    fn put(&mut self, event: EventRef<'_>) -> Result<u64, HubPublishError> {
        // What topics retain is copied before anything is trimmed or overwritten.
        self.save_history(1);
        self.make_room(heap_bytes(event));
        // A local: the closure cannot borrow `self`, which lends it the ring.
        let (mut heap, recorded) = (self.heap_bytes, self.recorded);
        let published = self.ring.publish_quietly_with(|slot| {
            slot.fill_with(Slot::new, |slot| {
                heap -= slot.heap_bytes();
                slot.set_unkept(event, recorded);
                heap += slot.heap_bytes();
            })
        });
        self.heap_bytes = heap;
        match published {
            Ok(sequence) => {
                // Figures and versions follow the store: an event that was not published must leave none behind.
                self.topics.count(event, sequence + 1);
                self.note_time(1);
                Ok(sequence)
            }
            Err(ring::PublishError::Closed(())) => Err(HubPublishError::Closed),
            Err(ring::PublishError::Full(()) | ring::PublishError::TimedOut(())) => {
                Err(HubPublishError::Full)
            }
        }
    }

    /// Publishes `len` events at once and returns their offsets. `bytes` is what their records take.
    pub(in crate::hub) fn publish_batch<'e>(
        &mut self,
        len: usize,
        bytes: usize,
        expected: ExpectedVersion,
        event: impl Fn(usize) -> EventRef<'e>,
    ) -> Result<Range<u64>, HubPublishError> {
        self.check()?;
        // All or nothing: every claim is checked, against those before it in the batch as well, and none is taken yet.
        let claims = self.claim_all(len, expected, &event)?;
        self.save_history(len as u64);
        self.make_room(bytes);
        let (mut heap, recorded) = (self.heap_bytes, self.recorded);
        // What follows in the batch, and versions, are asked for by a journal's driver alone: a hub in memory has none.
        let published = self.ring.publish_batch_quietly_with(len, |index, slot| {
            slot.fill_with(Slot::new, |slot| {
                heap -= slot.heap_bytes();
                slot.set_unkept(event(index), recorded);
                heap += slot.heap_bytes();
            })
        });
        self.heap_bytes = heap;
        match published {
            Ok(sequences) => {
                if let Some(streams) = &mut self.streams {
                    claims.into_iter().for_each(|claim| _ = streams.take(claim));
                }
                for (index, sequence) in sequences.clone().enumerate() {
                    self.topics.count(event(index), sequence + 1);
                }
                self.note_time(len);
                Ok(sequences.start + 1..sequences.end + 1)
            }
            Err(ring::BatchError::Closed) => Err(HubPublishError::Closed),
            Err(ring::BatchError::TooLarge { len, capacity }) => Err(HubPublishError::TooMany {
                events: len,
                limit: capacity,
            }),
            Err(
                ring::BatchError::Full
                | ring::BatchError::TimedOut
                | ring::BatchError::Short { .. },
            ) => Err(HubPublishError::Full),
        }
    }

    /// Checks topics and streams of a batch before anything of it is published.
    pub(super) fn claim_all<'e>(
        &self,
        len: usize,
        expected: ExpectedVersion,
        event: impl Fn(usize) -> EventRef<'e>,
    ) -> Result<SmallVec<[VersionClaim; 4]>, HubPublishError> {
        let mut claims = SmallVec::new();
        // A lazy hub takes any topic: nothing to look up for each event.
        if self.topics.mode == TopicMode::Explicit
            && (0..len).any(|index| !self.topics.admits(event(index)))
        {
            return Err(HubPublishError::UnknownTopic);
        }
        if let Some(streams) = &self.streams {
            let mut expected = expected;
            for index in 0..len {
                claims.extend(streams.claim(event(index), expected, &claims)?);
                // The first says where its stream stood; the others follow it, or stand in other streams.
                expected = ExpectedVersion::Any;
            }
        } else if expected != ExpectedVersion::Any {
            return Err(HubPublishError::StreamsNotKept);
        }
        Ok(claims)
    }

    /// Looks at the clock now and then, more often where events are few: a look costs more than a publish.
    #[inline]
    pub(super) fn note_time(&mut self, events: usize) {
        // Not after each event: a mark costs a look at the clock, a lock and a sweep.
        match self.unmarked.checked_sub(events as u32) {
            Some(unmarked @ 1..) => self.unmarked = unmarked,
            _ => self.mark(),
        }
    }

    /// Looks at the clock for each event from now on: there is a topic whose events go by their age.
    pub(in crate::hub) fn mark_each(&mut self) {
        (self.unmarked, self.per_mark, self.per_mark_max) = (1, 1, 1);
    }

    /// Marks that what is published up to here is there now, and sweeps some topics.
    #[cold]
    fn mark(&mut self) {
        let floor = self.floor();
        let now = topics::now();
        let took = {
            let mut times = self.times.lock();
            self.recorded = times.time(now);
            times.mark(self.ring.next(), now)
        };
        self.topics
            .sweep(self.per_mark as usize / EVENTS_PER_SWEEP + 1, floor);
        self.per_mark = topics::events_per_mark(self.per_mark, took).min(self.per_mark_max);
        self.unmarked = self.per_mark;
    }

    /// Returns the oldest offset that is kept.
    pub(in crate::hub) fn floor(&self) -> u64 {
        self.ring.oldest() + 1
    }

    /// Has the events that the next ones may overwrite copied first. The history's own thread is nearly always ahead:
    /// this is for the publisher that outruns it.
    #[inline]
    pub(super) fn save_history(&self, events: u64) {
        if let Some(histories) = &self.histories {
            // A block more, since the ring evicts by blocks; and another one below, so that the next 64 events need no
            // copy.
            let reach = self.ring.next() + events + BLOCK;
            let needed = reach.saturating_sub(self.ring.capacity() as u64);
            if histories.next() < needed {
                histories.copy_below(needed + BLOCK);
            }
        }
    }

    pub(in crate::hub) fn close(&mut self) {
        self.closed = true;
        self.ring.close_quietly();
    }

    /// Trims the oldest blocks until `bytes` more fit. What cannot be trimmed (the block being written, a block being
    /// read) stays, and may be over the bound: readers never hold a publisher back.
    #[inline]
    pub(super) fn make_room(&mut self, bytes: usize) {
        if bytes > 0 {
            self.trim_for(bytes);
        }
    }

    fn trim_for(&mut self, bytes: usize) {
        // Saturating: a sum that wrapped would be under the bound.
        while self.heap_bytes.saturating_add(bytes) > self.ring_bytes {
            let (heap_before, oldest) = (self.heap_bytes, self.ring.oldest());
            // First the copies, or a quiet topic loses what it was promised to a busy one's large events.
            if let Some(histories) = &self.histories {
                histories.copy_below(oldest + self.step);
            }
            let mut heap = self.heap_bytes;
            let now = self
                .ring
                .trim(oldest + self.step, |slot| heap -= slot.heap_bytes());
            self.heap_bytes = heap;
            self.trimmed += now - oldest;
            // Nothing went: what is left is being written or read. The bound gives way, never the publisher.
            if now == oldest && heap == heap_before {
                break;
            }
        }
    }
}

/// Returns the version that an event states itself, in a hub that keeps none; 0: it states none.
#[inline]
pub(super) fn version_of(event: EventRef<'_>) -> u64 {
    event
        .stream()
        .and_then(|stream| stream.version)
        .unwrap_or(0)
}

/// Returns the bytes that an event may need on the heap.
pub(in crate::hub) fn heap_bytes(event: EventRef<'_>) -> usize {
    let bytes = event.record().len();
    if bytes <= INLINE_BYTES {
        0
    } else {
        // As a slot's buffer grows.
        bytes.next_multiple_of(64)
    }
}
