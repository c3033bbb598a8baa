//! The wake router: which classes an event wakes, judged by whoever shows it, after the publisher's lock was released.
//!
//! Each event is judged once for each class in which somebody sleeps and whose topics and types take it. Who may pass what
//! meanwhile is the affair of [`Judging`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::event::{EventRef, Router};
use crate::ring::Ring;

use super::judging::{Judging, JudgingGuard, Least};
use super::{WaitState, Waiter, Woken};
use crate::hub::class::Class;
use crate::hub::slot::Slot;

/// The classes in which somebody may sleep, and the publishes that are being judged.
pub(in crate::hub) struct WakeRouter {
    /// A snapshot, so that publishers judge without a lock that receivers hold while they come and go.
    routes: ArcSwap<Router<RoutedClass>>,
    /// Held by whoever changes the routes: two copies of one snapshot would lose a change.
    changing: Mutex<()>,
    judging: Judging,
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
    judging: JudgingGuard<'r>,
}

impl Default for WakeRouter {
    fn default() -> Self {
        Self {
            routes: ArcSwap::from_pointee(Router::new()),
            changing: Mutex::new(()),
            judging: Judging::default(),
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

    /// Puts a member of a class to sleep, and looks under the publisher's lock; see [`Judging::lie_down`].
    pub(in crate::hub) fn lie_down<R>(
        &self,
        class: &Class,
        waiter: &Arc<Waiter>,
        look: impl FnOnce() -> R,
    ) -> R {
        self.judging.lie_down(&class.wait_list, waiter, look)
    }

    /// Takes a waiter off its list, if it still sleeps; returns the state that it was in.
    pub(in crate::hub) fn remove(
        &self,
        class: &Class,
        waiter: &Waiter,
        then: WaitState,
    ) -> WaitState {
        self.judging.remove(&class.wait_list, waiter, then)
    }

    /// Takes a waiter off its list for something that is no event; see [`Judging::nudge`].
    pub(in crate::hub) fn nudge(
        &self,
        ring: &Ring<Slot>,
        class: &Class,
        waiter: &Waiter,
    ) -> WaitState {
        let visible = || ring.visible();
        self.judging.nudge(visible, &class.wait_list, waiter)
    }

    /// Takes a waiter off its list by its own wish; see [`Judging::rise`].
    pub(in crate::hub) fn rise(
        &self,
        ring: &Ring<Slot>,
        class: &Class,
        waiter: &Waiter,
    ) -> (WaitState, u64) {
        let visible = || ring.visible();
        self.judging.rise(visible, &class.wait_list, waiter)
    }

    /// Enters what is about to be published, if somebody sleeps; see [`Judging::guard`].
    #[inline]
    pub(in crate::hub) fn guard(&self, first: u64) -> Option<PublishGuard<'_>> {
        let judging = self.judging.guard(first)?;
        Some(PublishGuard {
            wake_router: self,
            judging,
        })
    }
}

impl PublishGuard<'_> {
    /// Wakes those who want an event. To be called without the publisher's lock.
    pub(in crate::hub) fn wake_for(&self, sequence: u64, event: EventRef<'_>, woken: &mut Woken) {
        let routes = self.wake_router.routes.load();
        let mut least = Least::default();
        routes.visit(event, |RoutedClass(class)| {
            if !class.wait_list.is_empty() && class.takes_beside_topic(sequence, event) {
                self.judging.wake(&class.wait_list, &mut least, woken);
            }
        });
    }
}
