//! A block of slots, the raw memory of a ring: who may touch which slot when is the contract of its unsafe functions.

use super::slot::{Filled, Slot};
use crate::sync::{AtomicU32, AtomicU64, Ordering, Reading, ShadowCells};
use crossbeam_utils::CachePadded;
use std::cell::UnsafeCell;
use std::mem::{MaybeUninit, needs_drop};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr;

/// A run of slots whose sequences are contiguous.
#[repr(C)]
pub(in crate::ring) struct Block<T> {
    /// `tag << READER_BITS | readers`, in one word, so that taking the block and pinning it have an order:
    ///
    /// - bits 20 to 63, the *tag*: the chunk whose values the slots hold, modulo 2^44;
    /// - bits 0 to 19, the *readers*: how many handles have the block pinned, [`MAX_READERS`] at most.
    state: CachePadded<AtomicU64>,
    /// The number of slots that hold a value, always the first ones (I7). Written by the block's owner: the publisher,
    /// and who empties it while it is retired.
    filled: CachePadded<AtomicU32>,
    /// The sequence + 1 of the value in each slot, 0 where there is none: for several publishers, who fill slots in any
    /// order. Without an entry where there is one publisher, who counts in `filled`.
    stamps: Box<[AtomicU64]>,
    /// The cells that loom watches in place of the slots; nothing outside a model.
    shadow: ShadowCells,
    /// Contiguous, since readers borrow a run of them as `&[T]`.
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
}

/// A run of published values, borrowed in place.
pub(in crate::ring) struct Run<'a, T> {
    values: &'a [T],
    /// For loom: the slots are read while it lives.
    _reading: Reading,
}

// SAFETY: a block hands out `&T` to many threads (T: Sync), and moves a T in on one thread and out on another (T:
// Send); who may do which is the contract of the unsafe functions below.
unsafe impl<T: Send + Sync> Sync for Block<T> {}
// SAFETY: as above; a block owns its values.
unsafe impl<T: Send + Sync> Send for Block<T> {}

/// A panic of foreign code leaves nothing half done that anybody sees: values are visible only once all of them are
/// written, and a publisher that a panic interrupted asks for its block anew ("why panics do no harm" in the module
/// docs). What is left are the values: readers share them, and a publisher that fills a slot in place may find one
/// there that an earlier panic left half written. So it is for `T` to say. Handles of a ring get it from here.
impl<T: UnwindSafe + RefUnwindSafe> RefUnwindSafe for Block<T> {}

impl<T> Block<T> {
    pub(in crate::ring) fn new(chunk: u64, slots: usize, stamped: bool) -> Self {
        let stamps = if stamped { slots } else { 0 };
        let raw = Box::into_raw(Box::<[T]>::new_uninit_slice(slots));
        Self {
            state: CachePadded::new(AtomicU64::new(tag(chunk) << READER_BITS)),
            filled: CachePadded::new(AtomicU32::new(0)),
            stamps: (0..stamps).map(|_| AtomicU64::new(0)).collect(),
            shadow: ShadowCells::new(slots),
            // SAFETY: UnsafeCell<X> has the layout of X, and the box was ours.
            slots: unsafe { Box::from_raw(raw as *mut [UnsafeCell<MaybeUninit<T>>]) },
        }
    }

    /// Counts one more reader, if the block still holds `chunk`. One pin a handle at most.
    #[inline(always)]
    pub(in crate::ring) fn pin(&self, chunk: u64) -> bool {
        // Acquire: pairs with the Release in `take`. Who finds another chunk here also finds the floor that was raised
        // before (exact lag). RMWs on one word have one order: either the publisher's compare-exchange comes later and
        // sees our count, or it came before and we see its tag.
        let state = self.state.fetch_add(1, Ordering::Acquire);
        if state >> READER_BITS == tag(chunk) {
            return true;
        }
        // Relaxed: nothing was read. The word stays in the release sequence, since this is an RMW.
        self.state.fetch_sub(1, Ordering::Relaxed);
        false
    }

    /// Takes one reader off, who had pinned.
    #[inline(always)]
    pub(in crate::ring) fn unpin(&self) {
        // Release: pairs with the Acquire in `take`; our reads happen before the next chunk's writes.
        self.state.fetch_sub(1, Ordering::Release);
    }

    /// Takes the block for `chunk`, if nobody has it pinned.
    pub(in crate::ring) fn take(&self, chunk: u64) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        let next = tag(chunk) << READER_BITS;
        // Acquire: pairs with the Release in `unpin` of everybody who read here. Release: pairs with the Acquire in
        // `pin`, see there. Relaxed on failure: we go to another block.
        state & READERS == 0
            && self
                .state
                .compare_exchange(state, next, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Takes the block out of use, if nobody has it pinned: its tag becomes one that no reader can ask for.
    pub(in crate::ring) fn retire(&self) -> bool {
        let tag = self.state.load(Ordering::Relaxed) >> READER_BITS;
        // As if for a chunk: the same compare-exchange decides between us and a reader that pins.
        self.take(tag ^ RETIRED)
    }

    /// Returns whether the slots are those of `chunk`.
    pub(in crate::ring) fn holds(&self, chunk: u64) -> bool {
        self.state.load(Ordering::Relaxed) >> READER_BITS == tag(chunk)
    }

    /// Writes a value, and returns the one that was there.
    ///
    /// # Safety
    ///
    /// The block has stamps, and the caller has claimed the sequence of the slot and not stamped it.
    #[inline(always)]
    pub(in crate::ring) unsafe fn fill(&self, index: usize, value: T) -> Option<T> {
        // loom's cells: the write ends before the stamp.
        let _writing = self.shadow.write(index);
        // SAFETY: claimed, so that nobody else touches the slot.
        let place = unsafe { self.place(index) };
        // Relaxed: the stamp of an earlier lap came to us with the permit.
        // SAFETY: a stamped slot holds a value; it is overwritten at once, with nothing between that could panic.
        let old = (self.stamps[index].load(Ordering::Relaxed) != 0)
            .then(|| unsafe { place.assume_init_read() });
        place.write(value);
        old
    }

    /// Stamps a slot: it holds the value of `sequence`.
    #[inline(always)]
    pub(in crate::ring) fn stamp(&self, index: usize, sequence: u64) {
        // Release: pairs with the Acquire in `stamped_until`; the value is there before its stamp, and so are the
        // stamps of the rest of its batch.
        self.stamps[index].store(sequence + 1, Ordering::Release);
    }

    /// Finds the first sequence from that of slot `index` on that is not stamped, or the end of the block.
    #[inline(always)]
    pub(in crate::ring) fn stamped_until(&self, index: usize, sequence: u64) -> u64 {
        // Acquire: pairs with the Release in `stamp`. A whole sequence is compared: what another lap left never fits.
        let fits =
            |(stamp, sequence): &(&AtomicU64, u64)| stamp.load(Ordering::Acquire) == sequence + 1;
        let stamps = self.stamps[index..].iter().zip(sequence..);
        sequence + stamps.take_while(fits).count() as u64
    }

    /// Returns how many slots hold a value, published or left by a batch that panicked: always the first ones.
    #[inline(always)]
    pub(in crate::ring) fn filled(&self) -> usize {
        self.filled.load(Ordering::Relaxed) as usize
    }

    /// Borrows published values.
    ///
    /// # Safety
    ///
    /// - The sequences of `from..from + len` are below a head that the caller loaded.
    /// - The block cannot be taken while the run lives: the caller has it pinned, or a gate stands at or below `from`.
    #[inline(always)]
    pub(in crate::ring) unsafe fn run(&self, from: usize, len: usize) -> Run<'_, T> {
        debug_assert!(from + len <= self.slots.len());
        let _reading = self.shadow.read(from, len);
        // SAFETY: in bounds, since a run never crosses its block.
        let slots = unsafe { self.slots.get_unchecked(from..from + len) };
        // SAFETY: the slots hold values (below head), and nobody writes them (pin or gate). UnsafeCell and MaybeUninit
        // are transparent.
        let values = unsafe { &*(ptr::from_ref(slots) as *const [T]) };
        Run { values, _reading }
    }

    /// Writes a value, and returns the one that was there, if it has to be dropped.
    ///
    /// # Safety
    ///
    /// The caller is the publisher, has opened the block, and `index` is the slot of a sequence at or above head.
    /// `filled` is what [`filled`](Self::filled) said, or less, and then what this function or `put_with` made of it.
    #[inline(always)]
    pub(in crate::ring) unsafe fn put(
        &self,
        index: usize,
        value: T,
        filled: &mut usize,
    ) -> Option<T> {
        let _writing = self.shadow.write(index);
        // SAFETY: the caller's promise is ours to pass on.
        let place = unsafe { self.place(index) };
        if index >= *filled {
            // The block itself is asked too: a `fill` that panicked may have left a value behind.
            *filled = self.filled();
        }
        if index >= *filled {
            place.write(value);
            *filled = index + 1;
            self.filled.store(*filled as u32, Ordering::Relaxed);
            return None;
        }
        // SAFETY: filled slots hold a value; it is overwritten at once, with nothing between that could panic.
        let old = needs_drop::<T>().then(|| unsafe { place.assume_init_read() });
        place.write(value);
        old
    }

    /// Writes up to `len` values in a row, until there is none, and returns how many. What was there before goes to
    /// `retire`, if it has to be dropped.
    ///
    /// # Safety
    ///
    /// As for [`put`](Self::put), for all these slots.
    #[inline(always)]
    pub(in crate::ring) unsafe fn put_each(
        &self,
        from: usize,
        len: usize,
        filled: &mut usize,
        mut values: impl FnMut() -> Option<T>,
        mut retire: impl FnMut(T),
    ) -> usize {
        for at in 0..len {
            let Some(value) = values() else {
                return at;
            };
            // SAFETY: the caller's promise is ours to pass on.
            if let Some(old) = unsafe { self.put(from + at, value, filled) } {
                retire(old);
            }
        }
        len
    }

    /// Lets `fill` write a slot in place.
    ///
    /// # Safety
    ///
    /// As for [`put`](Self::put).
    #[inline(always)]
    pub(in crate::ring) unsafe fn put_with(
        &self,
        index: usize,
        filled: &mut usize,
        fill: impl for<'a> FnOnce(Slot<'a, T>) -> Filled<'a>,
    ) {
        let _writing = self.shadow.write(index);
        // SAFETY: the caller's promise is ours to pass on.
        let place = unsafe { self.place(index) };
        // As in `put`.
        if index < *filled || index < self.filled() {
            // SAFETY: filled slots hold a value.
            let _ = fill(Slot::reused(unsafe { place.assume_init_mut() }));
        } else {
            let _ = fill(Slot::vacant(place, &self.filled, index as u32));
            *filled = self.filled();
        }
        debug_assert!(index < self.filled(), "only a filled slot gives a Filled");
    }

    /// Lets `fill` write `len` slots in a row in place; it gets the index in the row.
    ///
    /// # Safety
    ///
    /// As for [`put`](Self::put), for all these slots.
    #[inline(always)]
    pub(in crate::ring) unsafe fn put_each_with(
        &self,
        from: usize,
        len: usize,
        filled: &mut usize,
        mut fill: impl for<'a> FnMut(usize, Slot<'a, T>) -> Filled<'a>,
    ) {
        // In two loops, so that the one over slots that are filled, all of them after the first lap, asks for each
        // slot nothing.
        let reused = filled.saturating_sub(from).min(len);
        // SAFETY: the caller is alone with these slots.
        for (at, place) in unsafe { self.places(from, reused) }.enumerate() {
            let _writing = self.shadow.write(from + at);
            // SAFETY: filled slots hold a value.
            let _ = fill(at, Slot::reused(unsafe { place.assume_init_mut() }));
        }
        for at in reused..len {
            // SAFETY: the caller's promise is ours to pass on.
            unsafe { self.put_with(from + at, filled, |slot| fill(at, slot)) };
        }
    }

    /// Moves every value out.
    ///
    /// # Safety
    ///
    /// The caller has [retired](Self::retire) the block, which lies wholly below head, and is alone in doing so until
    /// it is taken again (all of it under the lock for opening blocks).
    pub(in crate::ring) unsafe fn empty_into(&self, out: &mut Vec<T>) {
        let stamped = self.stamps.len();
        let filled = stamped.max(self.filled.load(Ordering::Relaxed) as usize);
        out.reserve(filled);
        // First: a value that is moved out must not be dropped again, should anything below panic.
        self.filled.store(0, Ordering::Relaxed);
        for index in 0..filled {
            // Every slot of a stamped block below head holds a value. Release: pairs with the Acquire in
            // `stamped_until`; who still looks for a stamp here finds that head has passed it.
            if index < stamped {
                self.stamps[index].store(0, Ordering::Release);
            }
            let _writing = self.shadow.write(index);
            // SAFETY: nobody reads a retired block, and nobody writes below head.
            let place = unsafe { self.place(index) };
            // SAFETY: it was filled, and no longer counts as such.
            out.push(unsafe { place.assume_init_read() });
        }
    }

    /// Borrows a slot.
    ///
    /// # Safety
    ///
    /// Nobody else touches the slot while the borrow lives.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    unsafe fn place(&self, index: usize) -> &mut MaybeUninit<T> {
        debug_assert!(index < self.slots.len());
        // SAFETY: in bounds, since an index is a sequence modulo the number of slots.
        let slot = unsafe { self.slots.get_unchecked(index) };
        // SAFETY: the caller is alone with the slot.
        unsafe { &mut *slot.get() }
    }

    /// Borrows slots in a row.
    ///
    /// # Safety
    ///
    /// The slots are in this block, and nobody else touches them while the borrows live.
    #[inline(always)]
    unsafe fn places(&self, from: usize, len: usize) -> impl Iterator<Item = &mut MaybeUninit<T>> {
        debug_assert!(from + len <= self.slots.len());
        // SAFETY: in bounds, says the caller.
        let slots = unsafe { self.slots.get_unchecked(from..from + len) };
        // SAFETY: the caller is alone with the slots.
        slots.iter().map(|slot| unsafe { &mut *slot.get() })
    }
}

impl<T> Drop for Block<T> {
    fn drop(&mut self) {
        let stamped = self.stamps.iter().zip(&mut self.slots);
        let values: Vec<T> = stamped
            .filter(|(stamp, _)| stamp.load(Ordering::Relaxed) != 0)
            // SAFETY: exactly the stamped slots hold values, and we own them.
            .map(|(_, slot)| unsafe { slot.get_mut().assume_init_read() })
            .collect();
        // A vector goes on with the rest when one value's Drop panics; so does a slice.
        drop(values);
        let filled = self.filled.load(Ordering::Relaxed) as usize;
        let values = ptr::from_mut(&mut self.slots[..filled]) as *mut [T];
        // SAFETY: exactly the filled slots hold values, and we own them. A block with stamps counts none.
        unsafe { ptr::drop_in_place(values) };
    }
}

impl<'a, T> Run<'a, T> {
    /// Returns the values.
    #[inline(always)]
    pub(in crate::ring) fn values(&self) -> &[T] {
        self.values
    }

    /// Returns the values for as long as they may be borrowed. loom is not told how long they are read: not for models.
    #[cfg(feature = "hub")]
    pub(in crate::ring) fn into_values(self) -> &'a [T] {
        self.values
    }

    /// Ends reading, and returns how many values there were, at most `max`.
    pub(in crate::ring) fn end(self, max: usize) -> usize {
        self.values.len().min(max)
    }
}

/// Returns the tag of a chunk in the state word: its low bits, which is enough, since no reader is 2^43 chunks behind
/// and still between its look at `oldest` and its pin.
#[inline(always)]
fn tag(chunk: u64) -> u64 {
    chunk & (u64::MAX >> READER_BITS)
}

/// The width of the count of readers, in the low bits of a block's state.
const READER_BITS: u32 = 20;
const READERS: u64 = (1 << READER_BITS) - 1;
/// The most handles that may read one ring: each may have one pin, and the count must not run into the tag.
pub(in crate::ring) const MAX_READERS: u32 = READERS as u32;
/// The bit of a tag that is flipped while a block is retired: no reader asks for a chunk half the tag space away.
const RETIRED: u64 = 1 << 43;
