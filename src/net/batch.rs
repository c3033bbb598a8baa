//! Batching: classes that collect for a moment, so that their members get several events in one write.

use std::time::{Duration, Instant};

use crate::deadline;
use crate::net::class::ClassId;
use crate::net::core::Core;
use crate::net::service::Service;

/// Classes that collect for a moment before their members are sent to.
#[derive(Debug, Default)]
pub(in crate::net) struct Held {
    /// The classes that collect, each once, and the moments at which they are due.
    waiting: Vec<(Instant, ClassId)>,
}

impl Held {
    pub(in crate::net) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns the moment at which the first of them is due.
    pub(in crate::net) fn next_due(&self) -> Option<Instant> {
        self.waiting.iter().map(|(at, _)| *at).min()
    }

    pub(in crate::net) fn forget(&mut self, id: ClassId) {
        self.waiting.retain(|(_, held)| *held != id);
    }
}

impl<S: Service> Core<S> {
    /// Has class `id`, which has news, wait until its time is up.
    pub(in crate::net) fn hold(&mut self, id: ClassId, hold: Duration) {
        // The first event sets the time: those behind it must not put it off.
        if self.held.waiting.iter().all(|(_, held)| *held != id) {
            let due = deadline::after(self.now, hold);
            self.held.waiting.push((due, id));
        }
    }

    /// Queues the classes whose time is up, or all of them.
    pub(in crate::net) fn release_held(&mut self, all: bool) {
        let now = self.now;
        let mut at = 0;
        while let Some((due, id)) = self.held.waiting.get(at).copied() {
            if !all && due > now {
                at += 1;
                continue;
            }
            self.held.waiting.swap_remove(at);
            if let Some(class) = self.classes.get_mut(id)
                && class.pump_left == 0
            {
                class.pump_left = class.members.len();
                self.dirty.push_back(id);
            }
        }
    }

    /// Returns whether nothing can happen to any stream before a held class is due, so that publishers need
    /// not wake this thread.
    pub(in crate::net) fn only_holds(&self) -> bool {
        !self.held.is_empty() && self.eager == 0 && self.waiting.is_empty()
    }
}
