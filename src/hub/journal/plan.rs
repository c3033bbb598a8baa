//! What one round takes of the ring.

use std::ops::Range;

use crate::hub::slot::{Slot, SlotView};
use crate::journal::{Durability, RoundEvent};
use crate::ring::Upstream;

/// Events of a round, unless a batch is longer.
const EVENTS_MAX: u64 = 4_096;
/// Bytes of records of a round; the event with which they are reached is the last, or the end of its batch.
const BYTES_MAX: usize = 4 << 20;

/// The part of the ring that one round takes.
pub(super) struct Plan<'u> {
    /// The events to be written.
    pub(super) events: Vec<RoundEvent<'u>>,
    /// Bytes of their records.
    pub(super) written_bytes: usize,
    /// The round ends before this sequence, never inside a batch.
    pub(super) to: u64,
    /// Bytes of all records, written or not.
    pub(super) bytes: usize,
    /// One of the events has to be flushed.
    pub(super) flush: bool,
    /// Events that readers are shown without their being written.
    pub(super) shown: u64,
    /// The last offset that is passed without being written, behind the last that is flushed; 0: there is none.
    pub(super) unwritten: u64,
    /// The same, wherever it stands.
    passed: u64,
}

impl<'u> Plan<'u> {
    /// Plans a round from a sequence on. What lies before `written` is committed already, and gets no other time.
    pub(super) fn of(
        upstream: &'u Upstream<Slot>,
        range: Range<u64>,
        written: u64,
        recorded: i64,
    ) -> Self {
        let mut plan = Self {
            events: Vec::new(),
            written_bytes: 0,
            to: range.start,
            bytes: 0,
            flush: false,
            shown: 0,
            unwritten: 0,
            passed: 0,
        };
        let first = range.start;
        for (sequence, slot) in upstream.peek(range) {
            if sequence >= written {
                slot.stamp(recorded);
            }
            plan.take(sequence, slot, sequence < written);
            let is_full = sequence + 1 - first >= EVENTS_MAX || plan.bytes >= BYTES_MAX;
            if is_full && slot.rest() == 0 {
                break;
            }
        }
        // A commit that is not flushed uses no offset up: it may be gone after a loss of power.
        if !plan.flush {
            plan.unwritten = plan.passed;
        }
        plan
    }

    fn take(&mut self, sequence: u64, slot: &'u Slot, is_written: bool) {
        let offset = sequence + 1;
        self.to = offset;
        self.bytes += slot.record_bytes();
        let event = match slot.view() {
            SlotView::Live(event) => event,
            SlotView::Void => {
                self.pass(offset);
                return;
            }
        };
        if slot.durability() == Durability::None {
            self.shown += 1;
            self.pass(offset);
            return;
        }
        // Behind a commit every offset before it is used up.
        self.unwritten = 0;
        if is_written {
            return;
        }
        self.flush |= slot.durability() == Durability::Durable;
        self.written_bytes += event.record().len();
        self.events.push(RoundEvent {
            offset,
            recorded: slot.recorded(),
            rest: slot.rest(),
            version: slot.version(),
            event,
        });
    }

    fn pass(&mut self, offset: u64) {
        (self.unwritten, self.passed) = (offset, offset);
    }
}
