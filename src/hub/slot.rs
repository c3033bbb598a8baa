//! The ring's slot: an event's record, and what the hub knows of it beside.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use crate::event::{EventRef, Record};
use crate::journal::Durability;

/// A slot of the hub's ring: 256 bytes, with what the hub decided about the event in front of its record.
///
/// A slot whose commit failed is void: it has an offset and no event, and nothing here gives that event away. So it is with
/// one that was deleted, which nobody is told of: whoever looked before may have its record still.
pub(in crate::hub) struct Slot {
    /// [`LIVE`], [`VOID`] or [`DELETED`]. Written by the journal's driver: void before the barrier passes the slot, deleted at
    /// any time behind it. Read by whoever is behind the barrier.
    state: AtomicU8,
    durability: Durability,
    /// Events of the same batch that follow.
    rest: u32,
    /// The time at which the hub took it, milliseconds since 1970. Written once more by the journal's driver, as `void` is.
    recorded: AtomicI64,
    /// The version of its stream, 0: it has none.
    version: u64,
    record: Record,
}

/// A slot as a reader sees it.
pub(in crate::hub) enum SlotView<'s> {
    /// An event.
    Live(EventRef<'s>),
    /// Nothing: what was to be here was not committed.
    Void,
    /// Nothing any more: somebody had it deleted.
    Deleted,
}

/// The decisions of the hub about an event.
#[derive(Clone, Copy)]
pub(in crate::hub) struct SlotHeader {
    pub(in crate::hub) durability: Durability,
    pub(in crate::hub) rest: u32,
    pub(in crate::hub) recorded: i64,
    pub(in crate::hub) version: u64,
}

const LIVE: u8 = 0;
const VOID: u8 = 1;
const DELETED: u8 = 2;

impl Slot {
    /// Makes an empty slot, which is to be set.
    pub(in crate::hub) fn new() -> Self {
        Self {
            state: AtomicU8::new(LIVE),
            durability: Durability::None,
            rest: 0,
            recorded: AtomicI64::new(0),
            version: 0,
            record: Record::new(),
        }
    }

    /// Makes a slot that holds no event.
    pub(in crate::hub) fn void() -> Self {
        let slot = Self::new();
        slot.make_void();
        slot
    }

    /// Replaces what it holds.
    #[inline]
    pub(in crate::hub) fn set(&mut self, event: EventRef<'_>, header: SlotHeader) {
        *self.state.get_mut() = LIVE;
        *self.recorded.get_mut() = header.recorded;
        self.durability = header.durability;
        self.rest = header.rest;
        self.version = header.version;
        self.record.set(event);
    }

    /// Replaces what it holds by an event in memory only, that stands alone: less to write than any header.
    #[inline]
    pub(in crate::hub) fn set_unkept(&mut self, event: EventRef<'_>, recorded: i64) {
        *self.state.get_mut() = LIVE;
        *self.recorded.get_mut() = recorded;
        self.durability = Durability::None;
        self.rest = 0;
        self.version = 0;
        self.record.set(event);
    }

    #[inline]
    pub(in crate::hub) fn view(&self) -> SlotView<'_> {
        // Relaxed: what is behind the barrier was written before the barrier's own Release. Of what is deleted later whoever
        // is told of the deletion sees it, by whatever told; who looks at the same time may see either.
        match self.state.load(Ordering::Relaxed) {
            LIVE => SlotView::Live(self.record.as_ref()),
            DELETED => SlotView::Deleted,
            _ => SlotView::Void,
        }
    }

    /// Returns the event, if there is one.
    #[inline]
    pub(in crate::hub) fn event(&self) -> Option<EventRef<'_>> {
        match self.view() {
            SlotView::Live(event) => Some(event),
            SlotView::Void | SlotView::Deleted => None,
        }
    }

    /// Takes the event away. Only before the barrier has passed the slot.
    pub(in crate::hub) fn make_void(&self) {
        // Relaxed, here and below: nobody but the driver looks before the barrier passes it, with Release.
        self.state.store(VOID, Ordering::Relaxed);
    }

    /// Takes the event away from those who look from here on, behind the barrier. Its record stays until the slot is used
    /// again, for those who look at it now. One that is void stays so.
    pub(in crate::hub) fn delete(&self) {
        // Relaxed: it stands alone. Only the driver writes it behind the barrier, one at a time.
        if self.state.load(Ordering::Relaxed) == LIVE {
            self.state.store(DELETED, Ordering::Relaxed);
        }
    }

    /// Says when the hub took it. Only before the barrier has passed the slot.
    pub(in crate::hub) fn stamp(&self, recorded: i64) {
        self.recorded.store(recorded, Ordering::Relaxed);
    }

    pub(in crate::hub) fn recorded(&self) -> i64 {
        self.recorded.load(Ordering::Relaxed)
    }

    pub(in crate::hub) fn durability(&self) -> Durability {
        self.durability
    }

    pub(in crate::hub) fn rest(&self) -> u32 {
        self.rest
    }

    pub(in crate::hub) fn version(&self) -> Option<u64> {
        (self.version > 0).then_some(self.version)
    }

    /// Returns the length of the record, also of one that is void: so much of the room it takes.
    pub(in crate::hub) fn record_bytes(&self) -> usize {
        self.record.as_ref().record().len()
    }

    /// Returns the bytes that it holds on the heap.
    pub(in crate::hub) fn heap_bytes(&self) -> usize {
        self.record.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_four_cache_lines() {
        assert_eq!(size_of::<Slot>(), 256);
    }
}
