//! The wake router: which classes an event wakes, judged by whoever publishes, after the publisher's lock was released.
//!
//! A receiver that falls asleep goes on its class's wait list and *then* takes the publisher's lock for a moment,
//! to read the next sequence. Every event from that one on is published later, by somebody who sees under the same lock
//! that someone sleeps, and so judges the event: once for each class whose topics and types take it. Nothing is ordered
//! by anything but these locks.
//!
//! Several publishers judge at once, in any order. So each enters the sequence that it judges in a list before it
//! publishes, and who is woken is told the least sequence in that list: everything before it was judged. It goes on
//! there, and need not look at what it slept through. While nobody sleeps, a publisher looks at one number.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::event::{EventRef, Router};
use crate::ring::Ring;

use super::{WaitState, Waiter, Woken};
use crate::hub::class::Class;
use crate::hub::slot::Slot;

/// The classes in which somebody may sleep, and the publishes that are being judged.
pub(in crate::hub) struct WakeRouter {
    /// A snapshot, so that publishers judge without a lock that receivers hold while they come and go.
    routes: ArcSwap<Router<RoutedClass>>,
    /// Held by whoever changes the routes: two copies of one snapshot would lose a change.
    changing: Mutex<()>,
    /// Sleepers. The one word that a publisher looks at while there are none.
    asleep: AtomicUsize,
    /// The first sequence of each publish that is not judged yet. A list, since publishers judge in any order.
    in_flight: Mutex<SmallVec<[u64; 16]>>,
}

#[derive(Clone)]
struct RoutedClass(Arc<Class>);

impl PartialEq for RoutedClass {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A publish that others sleep on: until the guard is dropped, nobody passes its events unseen.
pub(in crate::hub) struct PublishGuard<'r> {
    wake_router: &'r WakeRouter,
    first: u64,
}

impl Default for WakeRouter {
    fn default() -> Self {
        Self {
            routes: ArcSwap::from_pointee(Router::new()),
            changing: Mutex::new(()),
            asleep: AtomicUsize::new(0),
            in_flight: Mutex::default(),
        }
    }
}

impl WakeRouter {
    /// Adds a member that may sleep to a class. Once a receiver, not once a sleep: it copies what it changes of the
    /// routes.
    pub(in crate::hub) fn join(&self, class: &Arc<Class>) {
        let _changing = self.changing.lock();
        // Relaxed, here and in `leave`: changed under `changing` only.
        if class.members.fetch_add(1, Ordering::Relaxed) == 0 {
            self.change(|routes| {
                routes.insert_typed(class.event_filter(), RoutedClass(class.clone()))
            });
        }
    }

    /// Removes a member; the class leaves the routes with its last one.
    pub(in crate::hub) fn leave(&self, class: &Arc<Class>) {
        let _changing = self.changing.lock();
        if class.members.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.change(|routes| {
                routes.remove_typed(class.event_filter(), RoutedClass(class.clone()))
            });
        }
    }

    /// Copies the routes, changes the copy and shows it to publishers. The trie shares what a change leaves alone.
    fn change(&self, change: impl FnOnce(&mut Router<RoutedClass>)) {
        // The newest there is: whoever else would change it waits for `changing`.
        let mut routes = Router::clone(&self.routes.load());
        change(&mut routes);
        self.routes.store(Arc::new(routes));
    }

    /// Puts a member of a class to sleep. What is published after the publisher's lock was taken behind this wakes it.
    pub(in crate::hub) fn insert(&self, class: &Class, waiter: &Arc<Waiter>) {
        // Relaxed, here and below: the receiver takes the publisher's lock next, under which publishers look at it.
        let count = || _ = self.asleep.fetch_add(1, Ordering::Relaxed);
        class.wait_list.insert(waiter, count);
    }

    /// Takes a waiter off its list, if it still sleeps; returns the state that it was in.
    pub(in crate::hub) fn remove(
        &self,
        class: &Class,
        waiter: &Waiter,
        then: WaitState,
    ) -> WaitState {
        let state = class.wait_list.remove(waiter, then);
        if state == WaitState::Asleep {
            self.asleep.fetch_sub(1, Ordering::Relaxed);
        }
        state
    }

    /// Returns a sequence before which everything was judged for those who slept.
    pub(in crate::hub) fn judged_below(&self, ring: &Ring<Slot>) -> u64 {
        // First the barrier: what is before it and is not in the list was judged.
        let visible = ring.visible();
        visible.min(self.least())
    }

    /// Returns the least sequence that is being judged.
    fn least(&self) -> u64 {
        let in_flight = self.in_flight.lock();
        in_flight.iter().copied().min().unwrap_or(u64::MAX)
    }

    /// Enters what is about to be published, if somebody sleeps. To be called under the publisher's lock, before the
    /// head moves: [`judged_below`](Self::judged_below) takes what is published and not entered for judged.
    #[inline]
    pub(in crate::hub) fn guard(&self, first: u64) -> Option<PublishGuard<'_>> {
        (self.asleep.load(Ordering::Relaxed) > 0).then(|| {
            self.in_flight.lock().push(first);
            PublishGuard {
                wake_router: self,
                first,
            }
        })
    }
}

impl PublishGuard<'_> {
    /// Wakes those who want an event. To be called without the publisher's lock.
    pub(in crate::hub) fn wake_for(&self, sequence: u64, event: EventRef<'_>, woken: &mut Woken) {
        let wake_router = self.wake_router;
        let routes = wake_router.routes.load();
        // Looked for at the first class that wants the event: most publishes wake nobody.
        let mut least = None;
        routes.visit(event, |RoutedClass(class)| {
            if !class.wait_list.is_empty() && class.takes_beside_topic(sequence, event) {
                // Before anybody is woken: who is woken misses what others judge from here on.
                let least = *least.get_or_insert_with(|| wake_router.least());
                // One that went on the list in between is woken too: it looks from its own sequence on, and finds
                // nothing.
                let count = class.wait_list.wake(WaitState::Matched(least), woken);
                wake_router.asleep.fetch_sub(count, Ordering::Relaxed);
            }
        });
    }
}

impl Drop for PublishGuard<'_> {
    fn drop(&mut self) {
        let mut in_flight = self.wake_router.in_flight.lock();
        if let Some(at) = in_flight.iter().position(|first| *first == self.first) {
            in_flight.swap_remove(at);
        }
    }
}
