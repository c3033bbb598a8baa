//! The ring's slot: a record in place, or in a buffer that the slot keeps.

use crate::event::EventRef;

/// Bytes of a record that lie in the slot itself.
pub const INLINE_BYTES: usize = 195;
/// Sets in a row that need less than a quarter of the slot's buffer before it is given back.
const PATIENCE: u8 = 4;

/// Holds one event's record in a ring's slot: 232 bytes, with up to 195 bytes of record in place. What a hub knows of an
/// event beside its record takes the other 24 of a slot of 256.
///
/// A longer record goes to a buffer on the heap that stays with the slot, so that a ring that has gone round once
/// allocates nothing for events of the same size. A buffer that was more than three quarters empty four times in a
/// row is given back.
///
/// # Examples
///
/// ```
/// use eventring::event::{Event, Record};
///
/// let mut slot = Record::default();
/// slot.set(Event::builder("a", "t").text("hello").build_ref()?);
/// assert_eq!(slot.as_ref().data(), b"hello");
/// assert_eq!(slot.heap_bytes(), 0);
/// # Ok::<(), eventring::event::EventError>(())
/// ```
pub struct Record {
    topic_hash: u64,
    heap: Vec<u8>,
    length: u32,
    idle: u8,
    inline: [u8; INLINE_BYTES],
}

impl Default for Record {
    fn default() -> Self {
        Self::new()
    }
}

impl Record {
    /// Creates an empty slot.
    pub fn new() -> Self {
        Self {
            topic_hash: 0,
            heap: Vec::new(),
            length: 0,
            idle: 0,
            inline: [0; INLINE_BYTES],
        }
    }

    /// Replaces the event it holds.
    pub fn set(&mut self, event: EventRef<'_>) {
        let record = event.record();
        self.make_room(record.len());
        match self.inline.get_mut(..record.len()) {
            Some(place) => place.copy_from_slice(record),
            None => {
                self.heap.clear();
                self.heap.extend_from_slice(record);
            }
        }
        // A record is below 4 GiB: see `Head::to_bytes`.
        self.length = record.len() as u32;
        self.topic_hash = event.topic_hash();
    }

    /// Views the event, `None` before the first [`set`](Self::set).
    pub fn get(&self) -> Option<EventRef<'_>> {
        (self.length > 0).then(|| self.as_ref())
    }

    /// Views the event.
    ///
    /// # Panics
    ///
    /// Accessors of the view panic if the slot was never set; a ring hands out set slots only.
    #[allow(
        clippy::should_implement_trait,
        reason = "AsRef cannot return a view by value"
    )]
    pub fn as_ref(&self) -> EventRef<'_> {
        let length = self.length as usize;
        // What does not fit into the slot is on the heap, whose length is this record's.
        let record = self.inline.get(..length).unwrap_or(&self.heap);
        EventRef::trusted(record, self.topic_hash)
    }

    /// Returns the bytes that it holds on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.heap.capacity()
    }

    /// Predicts [`heap_bytes`](Self::heap_bytes) after setting a record of `bytes`, at most.
    pub fn heap_bytes_after(&self, bytes: usize) -> usize {
        if bytes <= INLINE_BYTES {
            self.heap.capacity()
        } else {
            self.heap.capacity().max(bytes)
        }
    }

    /// Gives the buffer back when it has been too large for a while, and grows it to exactly what is needed.
    fn make_room(&mut self, bytes: usize) {
        let needed = if bytes <= INLINE_BYTES { 0 } else { bytes };
        // Saturating: on 32 bits, four times a large record is more than a `usize` holds.
        if self.heap.capacity() <= needed.saturating_mul(4) {
            self.idle = 0;
        } else {
            self.idle += 1;
        }
        // Not at the first smaller one: where sizes alternate, each lap would free and allocate.
        if self.idle >= PATIENCE {
            self.heap = Vec::new();
            self.idle = 0;
        }
        // A new buffer: growing the old one would copy the record that is about to be replaced.
        if self.heap.capacity() < needed {
            self.heap = Vec::with_capacity(needed.next_multiple_of(64));
        }
    }
}
