//! What is published and not committed: how much of it there may be, and what is undone if it never is.

use std::collections::VecDeque;
use std::sync::Arc;

use super::stream_versions::StreamVersions;
use crate::hub::HubPublishError;
use crate::hub::journal::QueuedWork;
use crate::hub::topics::TopicTable;

/// Events that are shown without being written between two words to the driver, as a part of the ring: its gate is what
/// keeps the ring from being full of them.
const PASSED_PARTS: u64 = 8;

/// The state of a hub with a journal that belongs to its publishers: under their lock.
///
/// Everything below `visible` is committed or shown without; what lies above is in flight.
pub(in crate::hub) struct InFlight {
    events_max: u64,
    bytes_max: usize,
    /// The sequence up to which readers see. A copy of the ring's barrier, which moves under this lock only.
    visible: u64,
    /// Bytes of the records in flight.
    bytes: usize,
    /// Offsets below it may be shown without being written.
    reserved: u64,
    /// So many are reserved ahead, that at half of them more are asked for.
    renew_below: u64,
    /// Events that publishers showed themselves since the driver was told, and how many make it worth that.
    passed: u64,
    passed_max: u64,
    /// Events shown without being written, in all: the driver sees by it whether there are any.
    passed_ever: u64,
    undo: VecDeque<Undo>,
    pub(in crate::hub) work: Vec<QueuedWork>,
    condition: Condition,
}

/// The events that a journal takes at the moment.
#[derive(Clone, Debug)]
pub(in crate::hub) enum Condition {
    /// Everything.
    Writable,
    /// Nothing until there is space again.
    Full,
    /// Nothing any more.
    Broken(Arc<str>),
    /// Nothing, and the offsets that were given up cannot be kept from being used again: not even what is in memory
    /// only can be shown.
    Stuck(Arc<str>),
}

/// The changes that an event in flight has made.
struct Undo {
    offset: u64,
    topic: u64,
    /// The offset of the event of its topic before it.
    before: u64,
    /// The stream, and the version that it had.
    stream: Option<(u64, Option<u64>)>,
    /// The event has to be written: without a commit it is void.
    is_written: bool,
}

/// An event that is in flight from now on.
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) topic: u64,
    pub(super) before: u64,
    pub(super) stream: Option<(u64, Option<u64>)>,
    pub(super) is_written: bool,
}

impl InFlight {
    pub(in crate::hub) fn new(
        events_max: usize,
        bytes_max: usize,
        first: u64,
        capacity: usize,
    ) -> Self {
        Self {
            events_max: events_max as u64,
            bytes_max,
            visible: first,
            bytes: 0,
            reserved: 0,
            renew_below: 0,
            passed: 0,
            passed_max: (capacity as u64 / PASSED_PARTS).max(1),
            passed_ever: 0,
            undo: VecDeque::new(),
            work: Vec::new(),
            condition: Condition::Writable,
        }
    }

    #[inline]
    pub(in crate::hub) fn visible(&self) -> u64 {
        self.visible
    }

    /// Checks whether the journal takes what has to be written, or what has not.
    #[inline]
    pub(super) fn check(&self, is_written: bool) -> Result<(), HubPublishError> {
        match &self.condition {
            Condition::Writable => Ok(()),
            Condition::Full if is_written => Err(HubPublishError::NoSpace),
            Condition::Broken(reason) if is_written => Err(HubPublishError::Unavailable {
                reason: reason.to_string(),
            }),
            Condition::Stuck(reason) => Err(HubPublishError::Unavailable {
                reason: reason.to_string(),
            }),
            Condition::Full | Condition::Broken(_) => Ok(()),
        }
    }

    pub(in crate::hub) fn condition(&self) -> &Condition {
        &self.condition
    }

    pub(in crate::hub) fn set_condition(&mut self, condition: Condition) {
        self.condition = condition;
    }

    /// Returns whether there is room for more events, of which the first gets the sequence `next`.
    pub(super) fn has_room(&self, next: u64, len: usize, bytes: usize) -> bool {
        let events = next - self.visible + len as u64;
        // A batch over the limit was refused before; an event that is larger than all room goes alone.
        events <= self.events_max
            && (self.bytes == 0 || self.bytes.saturating_add(bytes) <= self.bytes_max)
    }

    /// Returns whether an event that is not to be written is shown at once, by its publisher: nothing is in flight before
    /// it, and its offset is reserved.
    #[inline]
    pub(super) fn may_pass(&self, next: u64, len: usize) -> bool {
        self.visible == next && next + (len as u64) < self.reserved
    }

    /// Notes that a publisher has shown its events. Returns whether the driver has to be told.
    #[inline]
    pub(super) fn pass(&mut self, to: u64) -> bool {
        let len = to - self.visible;
        self.visible = to;
        self.passed += len;
        self.passed_ever += len;
        self.passed >= self.passed_max || to > self.renew_below
    }

    pub(super) fn enter(&mut self, entry: Entry) {
        let Entry {
            offset,
            topic,
            before,
            stream,
            is_written,
        } = entry;
        self.undo.push_back(Undo {
            offset,
            topic,
            before,
            stream,
            is_written,
        });
    }

    /// Returns the bytes of the records that readers may not see yet.
    pub(in crate::hub) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn add_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Moves on to a sequence, of which `bytes` were in flight: nothing below it is undone any more.
    pub(in crate::hub) fn settle(&mut self, to: u64, bytes: usize) {
        // Never back: publishers may have shown more meanwhile.
        self.visible = self.visible.max(to);
        self.bytes -= bytes;
        self.keep(to);
    }

    /// Notes that what lies below a sequence is committed, seen or not: it is undone no more.
    pub(in crate::hub) fn keep(&mut self, to: u64) {
        // An offset is one more than its sequence.
        while self.undo.front().is_some_and(|undo| undo.offset <= to) {
            self.undo.pop_front();
        }
    }

    /// Undoes everything in flight that has to be written, the newest first. Returns the offsets, ascending.
    pub(in crate::hub) fn undo(
        &mut self,
        topics: &mut TopicTable,
        mut streams: Option<&mut StreamVersions>,
    ) -> Vec<u64> {
        let mut offsets = Vec::new();
        for undo in self.undo.iter().rev().filter(|undo| undo.is_written) {
            offsets.push(undo.offset);
            topics.uncount(undo.topic, undo.offset, undo.before);
            if let (Some(streams), Some((key, before))) = (streams.as_deref_mut(), undo.stream) {
                streams.restore(key, before);
            }
        }
        self.undo.retain(|undo| !undo.is_written);
        offsets.reverse();
        offsets
    }

    /// Returns the offset of the newest event in flight of a stream.
    pub(super) fn newest_of(&self, stream: u64) -> Option<u64> {
        let is_of_it = |undo: &&Undo| undo.stream.is_some_and(|(key, _)| key == stream);
        let newest = self.undo.iter().rev().find(is_of_it);
        newest.map(|undo| undo.offset)
    }

    /// Returns the offset below which events may be shown without being written.
    pub(in crate::hub) fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Allows events below an offset to be shown without being written.
    pub(in crate::hub) fn set_reserved(&mut self, below: u64, next: u64) {
        self.reserved = below;
        self.renew_below = next + below.saturating_sub(next) / 2;
    }

    /// Asks for no more ahead of time: it was refused.
    pub(in crate::hub) fn give_up_renewing(&mut self) {
        self.renew_below = self.reserved;
    }

    /// Returns whether more is to be reserved, now that publishers have shown what they have.
    pub(in crate::hub) fn is_half_used(&self) -> bool {
        self.reserved > 0 && self.visible > self.renew_below
    }

    /// Returns how many events were shown without being written, ever.
    pub(in crate::hub) fn passed_ever(&self) -> u64 {
        self.passed_ever
    }

    /// Notes that the driver has looked.
    pub(in crate::hub) fn driver_looked(&mut self) {
        self.passed = 0;
    }

    /// Notes events that the driver showed without writing them.
    pub(in crate::hub) fn note_shown(&mut self, events: u64) {
        self.passed_ever += events;
    }
}
