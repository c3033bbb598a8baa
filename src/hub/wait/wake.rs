//! Who is woken by what: a snapshot of the routes, read by whoever publishes, after the publisher's lock was released.
//!
//! A receiver that falls asleep lies down in its class's wait list and *then* takes the publisher's lock for a moment,
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

use crate::event::{EventRef, Record, Router};
use crate::ring::Ring;

use super::{WaitState, Waiter, Woken};
use crate::hub::class::Class;

/// The classes in which somebody may sleep, and what is being judged.
pub(in crate::hub) struct WakeRouter {
    routes: ArcSwap<Router<RoutedClass>>,
    /// Held by whoever changes the routes.
    changing: Mutex<()>,
    /// How many sleep.
    asleep: AtomicUsize,
    /// The first sequence of each publish that is not judged yet.
    in_flight: Mutex<SmallVec<[u64; 16]>>,
}

#[derive(Clone)]
struct RoutedClass(Arc<Class>);

impl PartialEq for RoutedClass {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A publish that others sleep on: until it is dropped, nobody passes its events unseen.
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
    /// Adds somebody who may sleep to a class.
    pub(in crate::hub) fn join(&self, class: &Arc<Class>) {
        let _changing = self.changing.lock();
        if class.members.fetch_add(1, Ordering::Relaxed) == 0 {
            self.change(|routes| {
                routes.insert_typed(class.event_filter(), RoutedClass(class.clone()))
            });
        }
    }

    /// Takes somebody out; the class goes with its last one.
    pub(in crate::hub) fn leave(&self, class: &Arc<Class>) {
        let _changing = self.changing.lock();
        if class.members.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.change(|routes| {
                routes.remove_typed(class.event_filter(), RoutedClass(class.clone()))
            });
        }
    }

    fn change(&self, change: impl FnOnce(&mut Router<RoutedClass>)) {
        let mut routes = Router::clone(&self.routes.load());
        change(&mut routes);
        self.routes.store(Arc::new(routes));
    }

    /// Puts a member of a class to sleep. What is published once the publisher's lock was taken after this wakes it.
    pub(in crate::hub) fn insert(&self, class: &Class, waiter: &Arc<Waiter>) {
        // Relaxed, here and below: publishers look at it under their lock.
        let count = || _ = self.asleep.fetch_add(1, Ordering::Relaxed);
        class.wait_list.insert(waiter, count);
    }

    /// Takes a waiter out, if it still sleeps; says what had become of it.
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
    pub(in crate::hub) fn judged_below(&self, ring: &Ring<Record>) -> u64 {
        // First the head: what is before it and is not in the list was judged.
        let head = ring.head();
        head.min(self.least())
    }

    fn least(&self) -> u64 {
        let in_flight = self.in_flight.lock();
        in_flight.iter().copied().min().unwrap_or(u64::MAX)
    }

    /// Enters what is about to be published, if somebody sleeps. To be called under the publisher's lock.
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
        let mut least = None;
        routes.visit(event, |RoutedClass(class)| {
            if !class.wait_list.is_empty() && class.takes_beside_topic(sequence, event) {
                // Before anybody is woken: who is woken misses what others judge from here on.
                let least = *least.get_or_insert_with(|| wake_router.least());
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
