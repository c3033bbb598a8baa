//! Who is woken by what: a snapshot of the routes, read by whoever publishes, after the publisher's lock was released.
//!
//! A receiver that falls asleep lies down in its class's dormitory and *then* takes the publisher's lock for a moment,
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

use super::class::Class;
use super::sleepers::{Sleeper, State, Woken};

/// The classes in which somebody may sleep, and what is being judged.
pub(super) struct Routing {
    routes: ArcSwap<Router<Member>>,
    /// Held by whoever changes the routes.
    changing: Mutex<()>,
    /// How many sleep.
    asleep: AtomicUsize,
    /// The first sequence of each publish that is not judged yet.
    in_flight: Mutex<SmallVec<[u64; 16]>>,
}

#[derive(Clone)]
struct Member(Arc<Class>);

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A publish that others sleep on: until it is dropped, nobody passes its events unseen.
pub(super) struct Watch<'r> {
    routing: &'r Routing,
    first: u64,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            routes: ArcSwap::from_pointee(Router::new()),
            changing: Mutex::new(()),
            asleep: AtomicUsize::new(0),
            in_flight: Mutex::default(),
        }
    }
}

impl Routing {
    /// Adds somebody who may sleep to a class.
    pub(super) fn join(&self, class: &Arc<Class>) {
        let _changing = self.changing.lock();
        if class.members.fetch_add(1, Ordering::Relaxed) == 0 {
            self.change(|routes| routes.insert_typed(class.event_filter(), Member(class.clone())));
        }
    }

    /// Takes somebody out; the class goes with its last one.
    pub(super) fn leave(&self, class: &Arc<Class>) {
        let _changing = self.changing.lock();
        if class.members.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.change(|routes| routes.remove_typed(class.event_filter(), Member(class.clone())));
        }
    }

    fn change(&self, change: impl FnOnce(&mut Router<Member>)) {
        let mut routes = Router::clone(&self.routes.load());
        change(&mut routes);
        self.routes.store(Arc::new(routes));
    }

    /// Puts a member of a class to sleep. What is published once the publisher's lock was taken after this wakes it.
    pub(super) fn sleep(&self, class: &Class, sleeper: &Arc<Sleeper>) {
        // Relaxed, here and below: publishers look at it under their lock.
        let count = || _ = self.asleep.fetch_add(1, Ordering::Relaxed);
        class.dormitory.lay(sleeper, count);
    }

    /// Takes a sleeper out, if it still sleeps; says what had become of it.
    pub(super) fn rouse(&self, class: &Class, sleeper: &Sleeper, then: State) -> State {
        let state = class.dormitory.rouse(sleeper, then);
        if state == State::Asleep {
            self.asleep.fetch_sub(1, Ordering::Relaxed);
        }
        state
    }

    /// Returns a sequence before which everything was judged for those who slept.
    pub(super) fn judged(&self, ring: &Ring<Record>) -> u64 {
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
    pub(super) fn watch(&self, first: u64) -> Option<Watch<'_>> {
        (self.asleep.load(Ordering::Relaxed) > 0).then(|| {
            self.in_flight.lock().push(first);
            Watch {
                routing: self,
                first,
            }
        })
    }
}

impl Watch<'_> {
    /// Wakes those who want an event. To be called without the publisher's lock.
    pub(super) fn judge(&self, sequence: u64, event: EventRef<'_>, woken: &mut Woken) {
        let routing = self.routing;
        let routes = routing.routes.load();
        let mut least = None;
        routes.visit(event, |Member(class)| {
            if !class.dormitory.is_empty() && class.takes_beside_topic(sequence, event) {
                // Before anybody is woken: who is woken misses what others judge from here on.
                let least = *least.get_or_insert_with(|| routing.least());
                let count = class.dormitory.wake(State::At(least), woken);
                routing.asleep.fetch_sub(count, Ordering::Relaxed);
            }
        });
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut in_flight = self.routing.in_flight.lock();
        if let Some(at) = in_flight.iter().position(|first| *first == self.first) {
            in_flight.swap_remove(at);
        }
    }
}
