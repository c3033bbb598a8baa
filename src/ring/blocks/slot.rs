//! A slot as the publisher sees it: vacant, or with an older value to write over.

use crate::sync::{AtomicU32, Ordering};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};

/// The slot into which a value is published, as [`Publisher::publish_with`](crate::ring::Publisher::publish_with) lends
/// it.
///
/// The value of an earlier lap is still there once the ring went round, so that its buffers can be used again.
///
/// # Examples
///
/// ```
/// use eventring::ring::{self, Slot};
///
/// let (mut publisher, _ring) = ring::channel::<String>(8).unwrap();
/// publisher
///     .publish_with(|slot| match slot {
///         Slot::Vacant(slot) => slot.fill("first".to_owned()),
///         Slot::Reused(mut text) => {
///             text.clear();
///             text.push_str("again, in the same buffer");
///             text.done()
///         }
///     })
///     .unwrap();
/// ```
pub enum Slot<'a, T> {
    /// A slot without a value.
    Vacant(Vacant<'a, T>),
    /// A value that readers can no longer see, to be written over.
    Reused(Reused<'a, T>),
}

/// A slot without a value.
pub struct Vacant<'a, T> {
    place: &'a mut MaybeUninit<T>,
    /// Stored when the value is in, so that a panic after it does not forget the value.
    filled: &'a AtomicU32,
    index: u32,
    brand: Brand<'a>,
}

/// A slot with an older value; derefs to it.
pub struct Reused<'a, T> {
    value: &'a mut T,
    brand: Brand<'a>,
}

/// The proof that a slot holds the value that is to be published.
#[must_use = "return it from the closure"]
pub struct Filled<'a> {
    _brand: Brand<'a>,
}

/// Invariant in `'a`: the proof of one slot is not the proof of another.
type Brand<'a> = PhantomData<fn(&'a ()) -> &'a ()>;

impl<'a, T> Slot<'a, T> {
    /// Lends a slot without a value.
    pub(in crate::ring) fn vacant(
        place: &'a mut MaybeUninit<T>,
        filled: &'a AtomicU32,
        index: u32,
    ) -> Self {
        Slot::Vacant(Vacant {
            place,
            filled,
            index,
            brand: PhantomData,
        })
    }

    /// Lends a slot with an older value.
    pub(in crate::ring) fn reused(value: &'a mut T) -> Self {
        Slot::Reused(Reused {
            value,
            brand: PhantomData,
        })
    }

    /// Returns whether nothing is there yet.
    pub fn is_vacant(&self) -> bool {
        matches!(self, Slot::Vacant(_))
    }

    /// Makes a value if none is there, then lets `fill` write into it.
    // Where two publishers of one type fill, the compiler leaves it a call, which costs 40 instructions a value.
    #[inline(always)]
    pub fn fill_with(self, make: impl FnOnce() -> T, fill: impl FnOnce(&mut T)) -> Filled<'a> {
        match self {
            Slot::Vacant(slot) => {
                let mut value = make();
                fill(&mut value);
                slot.fill(value)
            }
            Slot::Reused(mut slot) => {
                fill(&mut slot);
                slot.done()
            }
        }
    }

    /// Puts a value, dropping an older one at once.
    pub fn set(self, value: T) -> Filled<'a> {
        match self {
            Slot::Vacant(slot) => slot.fill(value),
            Slot::Reused(mut slot) => {
                *slot = value;
                slot.done()
            }
        }
    }
}

impl<'a, T> Vacant<'a, T> {
    /// Puts the value.
    pub fn fill(self, value: T) -> Filled<'a> {
        self.place.write(value);
        // Relaxed: only the publisher reads it, and `Drop`, which is alone.
        self.filled.store(self.index + 1, Ordering::Relaxed);
        Filled { _brand: self.brand }
    }
}

impl<'a, T> Reused<'a, T> {
    /// Ends writing: the value is to be published.
    pub fn done(self) -> Filled<'a> {
        Filled { _brand: self.brand }
    }
}

impl<T> Deref for Reused<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> DerefMut for Reused<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
    }
}
