//! What a hub's handles and receivers share.

use std::sync::Arc;

use std::panic::RefUnwindSafe;

use parking_lot::{Mutex, MutexGuard};

use crate::event::{Epoch, EventRef, Filter, Limits, Record};
use crate::ring::Ring;

use super::class::Classes;
use super::error::EndReason;
use super::history::Kept;
use super::presence::Wakes;
use super::registry::{Registry, Ticket};
use super::routing::Routing;
use super::sleepers::State;
use super::times::Times;
use super::writer::Writer;

/// What handles and receivers share.
pub(crate) struct Inner {
    pub(super) ring: Ring<Record>,
    pub(super) writer: Mutex<Writer>,
    /// When events were taken. Locked after the writer, if both are.
    pub(super) times: Arc<Mutex<Times>>,
    pub(super) classes: Classes,
    pub(super) registry: Registry,
    pub(super) routing: Routing,
    pub(super) epoch: Epoch,
    pub(super) limits: Limits,
    pub(super) ring_bytes: usize,
}

/// No foreign code runs under one of its locks, so that a panic of a subscriber's, a notification's or a publisher's own
/// code leaves nothing half changed in there: `tests/reentry` walks by all those places.
impl RefUnwindSafe for Inner {}

impl Inner {
    /// Releases the lock under which something was published. Whether somebody sleeps on the ring is looked at before,
    /// where the store that it sleeps for has just been made; it is woken after: that runs foreign code.
    #[inline(always)]
    pub(super) fn release(&self, writer: MutexGuard<'_, Writer>) {
        let has_sleepers = self.ring.has_sleepers();
        drop(writer);
        if has_sleepers {
            self.ring.wake_readers();
        }
    }

    pub(super) fn close(&self) {
        let mut writer = self.writer.lock();
        writer.close();
        self.release(writer);
        // Who falls asleep from here on looks first.
        for ticket in self.registry.all(|_| true) {
            self.nudge(&ticket);
        }
    }

    /// Ends a subscription, wakes its receiver and those who watch.
    pub(super) fn end(&self, ticket: &Ticket, reason: EndReason, wakes: &Wakes) {
        ticket.end(reason);
        self.nudge(ticket);
        self.wake(wakes);
    }

    /// Wakes those who are told that somebody came or went.
    pub(super) fn wake(&self, wakes: &Wakes) {
        wakes.tickets.iter().for_each(|ticket| self.nudge(ticket));
        wakes.ring();
    }

    /// Returns what topics keep between two offsets, and whether that is everything. Only of topics that are named can
    /// it be known to be.
    pub(super) fn recall(
        &self,
        filter: &Filter,
        from: u64,
        below: u64,
        wanted: impl FnMut(EventRef<'_>) -> bool,
    ) -> (Vec<Kept>, bool) {
        let Some(histories) = self.writer.lock().histories.clone() else {
            return (Vec::new(), false);
        };
        let kept = histories.between(filter, from, below, wanted);
        let mut patterns = filter.patterns().iter();
        let complete = patterns
            .all(|pattern| pattern.is_literal() && histories.is_complete(pattern.as_str(), from));
        (kept, complete)
    }

    fn nudge(&self, ticket: &Ticket) {
        // A receiver that falls asleep looks at its ticket once more when it has lain down.
        let (sleeper, judged) = (&ticket.sleeper, self.routing.judged(&self.ring));
        let state = self
            .routing
            .rouse(&ticket.class, sleeper, State::Nudged(judged));
        if state == State::Asleep {
            sleeper.tell();
        }
    }
}
