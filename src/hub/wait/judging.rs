//! Those who sleep, and the publishes that are being judged for them: nobody passes an event that nobody has judged.
//!
//! # No event is passed unseen
//!
//! A receiver that falls asleep goes on its class's wait list and *then* takes the publisher's lock for a moment, to read
//! how far readers see. Whatever becomes visible behind that does so under this lock, by somebody who sees there that
//! someone sleeps, and who so judges it. Nothing is ordered by anything but these locks.
//!
//! Several judge at once, in any order. So each enters the first sequence that it judges in a list before readers can see
//! it, and who is woken is told the least sequence in that list: everything before it was judged. Who wakes up by itself
//! looks at the barrier first, at that list then, and leaves its wait list last: what is judged before that has found it
//! there. The models in `loom-tests/tests/hub_judging.rs` check this.

use std::sync::Arc;

use smallvec::SmallVec;

use super::waiter::{WaitList, WaitState, Waiter, Woken};
use crate::sync::blocking::Mutex;
use crate::sync::{AtomicUsize, Ordering};

/// The number of those who sleep, and the list of what is being judged.
#[derive(Default)]
pub struct Judging {
    /// Sleepers. The one word that a publisher looks at while there are none.
    asleep: AtomicUsize,
    /// The first sequence of each publish that is not judged yet. A list, since publishers judge in any order.
    in_flight: Mutex<SmallVec<[u64; 16]>>,
}

/// A publish that others sleep on: until the guard is dropped, nobody passes its events unseen.
pub struct JudgingGuard<'j> {
    judging: &'j Judging,
    first: u64,
}

/// The least sequence that is being judged, as one publish finds it: looked for at the first class that wants one of its
/// events, since most publishes wake nobody.
#[derive(Default)]
pub struct Least(Option<u64>);

impl Judging {
    /// Puts a waiter to sleep, and then looks, under the publisher's lock, how far readers see. What is shown behind that
    /// wakes it.
    pub fn lie_down<R>(
        &self,
        list: &WaitList,
        waiter: &Arc<Waiter>,
        look: impl FnOnce() -> R,
    ) -> R {
        // Relaxed, here and below: the lock is taken next, and publishers look at it under that.
        let count = || _ = self.asleep.fetch_add(1, Ordering::Relaxed);
        list.insert(waiter, count);
        look()
    }

    /// Takes a waiter off its list, if it still sleeps; returns the state that it was in.
    pub fn remove(&self, list: &WaitList, waiter: &Waiter, then: WaitState) -> WaitState {
        let state = list.remove(waiter, then);
        if state == WaitState::Asleep {
            self.asleep.fetch_sub(1, Ordering::Relaxed);
        }
        state
    }

    /// Takes a waiter off its list for something that is no event; returns the state that it was in. `visible` says how far
    /// readers see.
    pub fn nudge(
        &self,
        visible: impl FnOnce() -> u64,
        list: &WaitList,
        waiter: &Waiter,
    ) -> WaitState {
        // Before it is taken off: from then on nobody judges for it, so what is judged later would be passed unseen.
        let judged = self.judged_below(visible);
        self.remove(list, waiter, WaitState::Nudged(judged))
    }

    /// Takes a waiter off its list by its own wish. Returns the state that it was in, and a sequence before which nothing
    /// came that it wants, if it was asleep.
    pub fn rise(
        &self,
        visible: impl FnOnce() -> u64,
        list: &WaitList,
        waiter: &Waiter,
    ) -> (WaitState, u64) {
        // Before it is off the list: what was judged up to here would have woken it.
        let judged = self.judged_below(visible);
        let state = self.remove(list, waiter, WaitState::Awake);
        (state, judged)
    }

    /// Returns a sequence before which everything was judged for those who slept.
    fn judged_below(&self, visible: impl FnOnce() -> u64) -> u64 {
        // First the barrier: what is before it and is not in the list was judged.
        let visible = visible();
        visible.min(self.least())
    }

    /// Returns the least sequence that is being judged.
    fn least(&self) -> u64 {
        let in_flight = self.in_flight.lock();
        in_flight.iter().copied().min().unwrap_or(u64::MAX)
    }

    /// Enters what is about to be shown, if somebody sleeps. To be called under the publisher's lock, before readers can
    /// see it: who wakes up by itself takes what they see and is not entered for judged.
    #[inline(always)]
    pub fn guard(&self, first: u64) -> Option<JudgingGuard<'_>> {
        (self.asleep.load(Ordering::Relaxed) > 0).then(|| self.enter(first))
    }

    #[inline(never)]
    fn enter(&self, first: u64) -> JudgingGuard<'_> {
        self.in_flight.lock().push(first);
        JudgingGuard {
            judging: self,
            first,
        }
    }
}

impl JudgingGuard<'_> {
    /// Wakes a class for an event that it wants. To be called without the publisher's lock.
    pub fn wake(&self, list: &WaitList, least: &mut Least, woken: &mut Woken) {
        // Before anybody is woken: who is woken misses what others judge from here on.
        let least = *least.0.get_or_insert_with(|| self.judging.least());
        // One that went on the list in between is woken too: it looks from its own sequence on, and finds nothing.
        let count = list.wake(WaitState::Matched(least), woken);
        self.judging.asleep.fetch_sub(count, Ordering::Relaxed);
    }
}

impl Drop for JudgingGuard<'_> {
    fn drop(&mut self) {
        let mut in_flight = self.judging.in_flight.lock();
        if let Some(at) = in_flight.iter().position(|first| *first == self.first) {
            in_flight.swap_remove(at);
        }
    }
}
