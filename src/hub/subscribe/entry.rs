//! The entry of one subscription: the part of it that the hub and its receiver share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::control::{Control, WAITING_MAX};
use crate::hub::EndReason;
use crate::hub::class::Class;
use crate::hub::wait::Waiter;

/// The part of a subscription that the hub and its receiver share.
pub(in crate::hub) struct SubscriptionEntry {
    pub(in crate::hub) id: Box<str>,
    pub(in crate::hub) class: Arc<Class>,
    pub(in crate::hub) waiter: Arc<Waiter>,
    /// Set once: the first reason stays.
    ended: OnceLock<EndReason>,
    /// Is told who joins and leaves.
    pub(in crate::hub) watches: bool,
    controls: Mutex<VecDeque<Control>>,
    /// Set while there are any: looked at before each wait, without the lock.
    has_controls: AtomicBool,
    pub(in crate::hub) counters: SubscriptionCounters,
}

/// The counters of one subscription. Written by its receiver alone, read by anybody.
#[derive(Default)]
pub(in crate::hub) struct SubscriptionCounters {
    pub(in crate::hub) delivered: AtomicU64,
    pub(in crate::hub) gaps: AtomicU64,
    pub(in crate::hub) missed: AtomicU64,
    pub(in crate::hub) last_time: AtomicU64,
    pub(in crate::hub) position: AtomicU64,
}

/// The figures of a subscription at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionStats {
    /// Its id.
    pub id: String,
    /// Events received.
    pub delivered: u64,
    /// Gaps that it was told of.
    pub gaps: u64,
    /// Events of the hub that it missed in all; behind a filter an upper bound.
    pub missed: u64,
    /// The offset of the last event that it passed, wanted or not.
    pub position: u64,
    /// Events that the hub has published since, wanted or not. What a sleeping receiver did not want counts too,
    /// until it wakes.
    pub lag: u64,
    /// The time of the last event received, nanoseconds since 1970; `None` before the first.
    pub last_event_time: Option<i64>,
}

impl SubscriptionEntry {
    pub(super) fn new(id: Box<str>, class: Arc<Class>, watches: bool) -> Arc<Self> {
        Arc::new(Self {
            id,
            class,
            waiter: Waiter::new(),
            ended: OnceLock::new(),
            watches,
            controls: Mutex::default(),
            has_controls: AtomicBool::new(false),
            counters: SubscriptionCounters::default(),
        })
    }

    /// Returns why it ended, if it did. One load where it did not.
    #[inline(always)]
    pub(in crate::hub) fn ended(&self) -> Option<EndReason> {
        // The cell's Acquire pairs with the Release of its `set` in `end`: who sees the reason sees what was done
        // before it was given.
        self.ended.get().copied()
    }

    /// Ends it; the first reason stays.
    pub(in crate::hub) fn end(&self, reason: EndReason) {
        // The first reason stands.
        let _ = self.ended.set(reason);
    }

    /// Leaves a control for the receiver. Where too many joins and leaves wait, they all go, and that is told.
    pub(in crate::hub) fn push_control(&self, control: Control) {
        let mut controls = self.controls.lock();
        match control {
            // A receiver that uses plain receives takes none, for ever: without a bound they would be a leak. All go,
            // and not just the newest: a list that is true up to here makes up for any of them, but not for a hole.
            Control::Joined { at, .. } | Control::Left { at, .. }
                if controls.len() == WAITING_MAX =>
            {
                controls.clear();
                controls.push_back(Control::PresenceReset { at });
            }
            control => controls.push_back(control),
        }
        // Relaxed: a receiver that is about to sleep looks at it under the publisher's lock, which follows.
        self.has_controls.store(true, Ordering::Relaxed);
    }

    pub(in crate::hub) fn has_controls(&self) -> bool {
        self.has_controls.load(Ordering::Relaxed)
    }

    pub(in crate::hub) fn take_control(&self) -> Option<Control> {
        // Without the lock where there are none: a receiver comes by here with each item.
        if !self.has_controls() {
            return None;
        }
        let mut controls = self.controls.lock();
        let control = controls.pop_front();
        // Under the lock, so that it cannot cover up one that is pushed meanwhile.
        self.has_controls
            .store(!controls.is_empty(), Ordering::Relaxed);
        control
    }

    /// Returns its figures. Relaxed, here and below: each stands for itself.
    pub(in crate::hub) fn stats(&self, head: u64) -> SubscriptionStats {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let position = read(&self.counters.position);
        let delivered = read(&self.counters.delivered);
        SubscriptionStats {
            id: self.id.clone().into(),
            delivered,
            gaps: read(&self.counters.gaps),
            missed: read(&self.counters.missed),
            position,
            // The receiver may have gone on since the head was read.
            lag: head.saturating_sub(position),
            last_event_time: (delivered > 0).then(|| read(&self.counters.last_time) as i64),
        }
    }
}
