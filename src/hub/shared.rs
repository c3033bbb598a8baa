//! What a hub's handles and receivers share.

use std::sync::Arc;

use std::panic::RefUnwindSafe;

use parking_lot::{Mutex, MutexGuard};

use crate::event::{Epoch, EventRef, Filter, Limits, Record};
use crate::ring::Ring;

use crate::hub::EndReason;
use crate::hub::class::Classes;
use crate::hub::presence::Wakeups;
use crate::hub::publish::Publisher;
use crate::hub::subscribe::{Registry, SubscriptionEntry};
use crate::hub::topics::Kept;
use crate::hub::topics::TimeIndex;
use crate::hub::wait::WaitState;
use crate::hub::wait::WakeRouter;

/// What handles and receivers share.
pub(crate) struct Shared {
    pub(in crate::hub) ring: Ring<Record>,
    pub(in crate::hub) publisher: Mutex<Publisher>,
    /// When events were taken. Locked after the publisher, if both are.
    pub(in crate::hub) times: Arc<Mutex<TimeIndex>>,
    pub(in crate::hub) classes: Classes,
    pub(in crate::hub) registry: Registry,
    pub(in crate::hub) wake_router: WakeRouter,
    pub(in crate::hub) epoch: Epoch,
    pub(in crate::hub) limits: Limits,
    pub(in crate::hub) ring_bytes: usize,
}

/// No foreign code runs under one of its locks, so that a panic of a subscriber's, a notification's or a publisher's own
/// code leaves nothing half changed in there: `tests/reentry` walks by all those places.
impl RefUnwindSafe for Shared {}

impl Shared {
    /// Releases the lock under which something was published. Whether somebody sleeps on the ring is looked at before,
    /// where the store that it sleeps for has just been made; it is woken after: that runs foreign code.
    #[inline(always)]
    pub(in crate::hub) fn release(&self, publisher: MutexGuard<'_, Publisher>) {
        let has_sleepers = self.ring.has_sleepers();
        drop(publisher);
        if has_sleepers {
            self.ring.wake_readers();
        }
    }

    pub(in crate::hub) fn close(&self) {
        let mut publisher = self.publisher.lock();
        publisher.close();
        self.release(publisher);
        // Who falls asleep from here on looks first.
        for entry in self.registry.all(|_| true) {
            self.nudge(&entry);
        }
    }

    /// Ends a subscription, wakes its receiver and those who watch.
    pub(in crate::hub) fn end(
        &self,
        entry: &SubscriptionEntry,
        reason: EndReason,
        wakeups: &Wakeups,
    ) {
        entry.end(reason);
        self.nudge(entry);
        self.wake(wakeups);
    }

    /// Wakes those who are told that somebody came or went.
    pub(in crate::hub) fn wake(&self, wakeups: &Wakeups) {
        wakeups.entries.iter().for_each(|entry| self.nudge(entry));
        wakeups.notify();
    }

    /// Returns what topics keep between two offsets, and whether that is everything. Only of topics that are named can
    /// it be known to be.
    pub(in crate::hub) fn recall(
        &self,
        filter: &Filter,
        from: u64,
        below: u64,
        wanted: impl FnMut(EventRef<'_>) -> bool,
    ) -> (Vec<Kept>, bool) {
        let Some(histories) = self.publisher.lock().histories.clone() else {
            return (Vec::new(), false);
        };
        let kept = histories.between(filter, from, below, wanted);
        let mut patterns = filter.patterns().iter();
        let complete = patterns
            .all(|pattern| pattern.is_literal() && histories.is_complete(pattern.as_str(), from));
        (kept, complete)
    }

    fn nudge(&self, entry: &SubscriptionEntry) {
        // A receiver that falls asleep looks at its entry once more when it has lain down.
        let (waiter, judged) = (&entry.waiter, self.wake_router.judged_below(&self.ring));
        let state = self
            .wake_router
            .remove(&entry.class, waiter, WaitState::Nudged(judged));
        if state == WaitState::Asleep {
            waiter.notify();
        }
    }
}
