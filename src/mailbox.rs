//! A mailbox: where other threads leave something for the thread that owns it.
//!
//! Anybody [pushes](Mailbox::push), the owner takes, in the order in which it was left. The owner looks once a turn, and
//! pays one load where there is nothing. Waking it is the pusher's affair, since only the pusher knows how the owner
//! sleeps and which locks are held: [`Pushed::First`] says that it has to be woken, [`Pushed::Behind`] that somebody
//! else has been told so and that all will be taken together.
//!
//! # No wake-up is lost
//!
//! `has_items` is written under the lock only, in the section that changes the items, so under the lock it always says
//! whether there are any. Whoever leaves the first item finds it `false` there, and wakes the owner once the lock is
//! released. The owner reads it without the lock and may see an old `false`; then the item was left after what the
//! owner has seen, and the wake that belongs to it ends the owner's next sleep. The owner lowers it in the section in
//! which it takes the last item: what was left before is taken with the others, what is left after is a first item
//! again. Were it lowered after the section, an item left in between would be told to be one behind others, and lie
//! there unannounced. The model `no_lost_wake_up_of_a_mailbox` in `loom-tests` checks this.

use std::collections::VecDeque;

use crate::sync::{AtomicBool, Mutex, Ordering};

/// A bounded, closing list of what other threads left for the owner.
pub struct Mailbox<T> {
    /// `true` while an item lies there; written under the lock only.
    has_items: AtomicBool,
    /// Letters that lie there at most.
    max: usize,
    inside: Mutex<Inside<T>>,
}

struct Inside<T> {
    items: VecDeque<T>,
    closed: bool,
}

/// The duty of whoever has left something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "who left the first item has to wake the owner"]
pub enum Pushed {
    /// The owner has to be woken.
    First,
    /// Whoever left an earlier item wakes the owner, or has.
    Behind,
}

/// Why something was not taken; gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError<T> {
    /// As much lies there as may.
    Full(T),
    /// The owner is gone.
    Closed(T),
}

impl<T> Mailbox<T> {
    /// Makes a mailbox for at most `max` items.
    pub fn new(max: usize) -> Self {
        Self {
            has_items: AtomicBool::new(false),
            max,
            inside: Mutex::new(Inside {
                items: VecDeque::new(),
                closed: false,
            }),
        }
    }

    /// Leaves something for the owner.
    ///
    /// # Errors
    ///
    /// [`PushError`] gives it back.
    pub fn push(&self, item: T) -> Result<Pushed, PushError<T>> {
        self.leave(item, self.max)
    }

    /// Leaves something that must not be lost, over the bound if need be: for what comes a fixed number of times.
    ///
    /// # Errors
    ///
    /// Gives it back where the owner is gone.
    pub fn push_over(&self, item: T) -> Result<Pushed, T> {
        self.leave(item, usize::MAX).map_err(PushError::into_inner)
    }

    fn leave(&self, item: T, max: usize) -> Result<Pushed, PushError<T>> {
        let mut inside = self.inside.lock();
        // Before the bound: who is told that it is full would try again.
        if inside.closed {
            return Err(PushError::Closed(item));
        }
        if inside.items.len() >= max {
            return Err(PushError::Full(item));
        }
        inside.items.push_back(item);
        // Relaxed, as everywhere: it is written under the lock, and who acts on it takes the lock.
        if self.has_items.load(Ordering::Relaxed) {
            return Ok(Pushed::Behind);
        }
        self.has_items.store(true, Ordering::Relaxed);
        Ok(Pushed::First)
    }

    /// Returns whether one more item would be taken now. Only pushing takes room, so `true` stays true for the only
    /// one that pushes.
    pub fn has_room(&self) -> bool {
        let inside = self.inside.lock();
        !inside.closed && inside.items.len() < self.max
    }

    /// Returns whether something may lie there: one load, cheap enough for every turn of the owner.
    #[inline]
    pub fn has_items(&self) -> bool {
        // Relaxed: an old `false` is followed by a wake, see the module page.
        self.has_items.load(Ordering::Relaxed)
    }

    /// Takes the oldest item.
    pub fn pop(&self) -> Option<T> {
        if !self.has_items() {
            return None;
        }
        let mut inside = self.inside.lock();
        let item = inside.items.pop_front();
        self.has_items
            .store(!inside.items.is_empty(), Ordering::Relaxed);
        item
    }

    /// Puts back the item that the owner has taken last and is not done with: it is the next one again. The owner, who
    /// does this, is awake; whether it may sleep over the item is for it to say.
    pub fn put_back(&self, item: T) {
        let mut inside = self.inside.lock();
        // The item is a parameter and dropped after the guard: no foreign code runs under the lock.
        if inside.closed {
            return;
        }
        inside.items.push_front(item);
        self.has_items.store(true, Ordering::Relaxed);
    }

    /// Moves all items to the end of `taken`. What `taken` has room for is kept for the next ones.
    pub fn take_into(&self, taken: &mut VecDeque<T>) {
        if !self.has_items() {
            return;
        }
        let mut inside = self.inside.lock();
        if taken.is_empty() {
            // No item is moved, and both lists keep their memory.
            std::mem::swap(taken, &mut inside.items);
        } else {
            taken.append(&mut inside.items);
        }
        self.has_items.store(false, Ordering::Relaxed);
    }

    /// Closes the mailbox and gives back what lies there, to be dropped without the lock.
    pub fn close(&self) -> VecDeque<T> {
        let mut inside = self.inside.lock();
        inside.closed = true;
        self.has_items.store(false, Ordering::Relaxed);
        std::mem::take(&mut inside.items)
    }

    /// Returns whether the mailbox is closed: it takes nothing any more.
    pub fn is_closed(&self) -> bool {
        self.inside.lock().closed
    }
}

impl<T> PushError<T> {
    /// The thing that was not taken.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) => item,
        }
    }
}

#[cfg(all(test, not(feature = "_loom")))]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_of_those_taken_together_has_to_wake_the_owner() {
        let mailbox = Mailbox::new(10);
        assert!(!mailbox.has_items());
        assert_eq!(mailbox.push(1), Ok(Pushed::First));
        assert_eq!(mailbox.push(2), Ok(Pushed::Behind));
        let mut taken = VecDeque::new();
        mailbox.take_into(&mut taken);
        assert_eq!((taken, mailbox.has_items()), ([1, 2].into(), false));
        assert_eq!(mailbox.push(3), Ok(Pushed::First));
        assert_eq!(mailbox.push(4), Ok(Pushed::Behind));
        assert_eq!(mailbox.pop(), Some(3));
        // One still lies there: its owner comes for it, so nobody has to be woken.
        assert_eq!(mailbox.push(5), Ok(Pushed::Behind));
        assert_eq!((mailbox.pop(), mailbox.pop()), (Some(4), Some(5)));
        assert_eq!(mailbox.pop(), None);
        assert_eq!(mailbox.push(6), Ok(Pushed::First));
        assert_eq!(mailbox.push(7), Ok(Pushed::Behind));
        let unfinished = mailbox.pop().unwrap();
        mailbox.put_back(unfinished);
        assert_eq!((mailbox.pop(), mailbox.pop()), (Some(6), Some(7)));
    }

    #[test]
    fn what_is_too_much_comes_back_and_what_must_not_be_lost_does_not() {
        let mailbox = Mailbox::new(1);
        assert!(mailbox.has_room());
        assert_eq!(mailbox.push('a'), Ok(Pushed::First));
        assert!(!mailbox.has_room());
        assert_eq!(mailbox.push('b'), Err(PushError::Full('b')));
        assert_eq!(mailbox.push_over('c'), Ok(Pushed::Behind));
        let mut taken = VecDeque::from(['x']);
        mailbox.take_into(&mut taken);
        assert_eq!(taken, ['x', 'a', 'c']);
    }

    #[test]
    fn closing_gives_back_what_lies_there_and_takes_nothing_more() {
        let mailbox = Mailbox::new(2);
        assert_eq!(mailbox.push(7), Ok(Pushed::First));
        assert_eq!(mailbox.close(), [7]);
        assert!(mailbox.is_closed() && !mailbox.has_items() && !mailbox.has_room());
        assert_eq!(mailbox.push(8), Err(PushError::Closed(8)));
        assert_eq!(mailbox.push_over(9), Err(9));
        assert_eq!(mailbox.pop(), None);
    }
}
