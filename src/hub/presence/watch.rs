//! Watching joins and leaves of a whole hub, in batches, from where the list that one has ends.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::PresenceChange;
use crate::hub::shared::Shared;
use crate::ring::{self, Notify};

/// The changes since a [`PresenceWatch`] was last asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PresenceUpdate {
    /// These changes, in order.
    Changes(Vec<PresenceChange>),
    /// More changes than were asked for, or than are kept: a list that is true up to now, or later, has them all.
    Missed,
}

/// A watch over the joins and leaves of a hub, for as long as it lives.
pub struct PresenceWatch {
    shared: Arc<Shared>,
    watcher: Arc<Watcher>,
    /// The last change that was taken.
    at: u64,
}

/// The registry's side of a [`PresenceWatch`].
pub(in crate::hub) struct Watcher {
    /// `true` once it was notified, until it takes something: a join storm makes one call, not one a join.
    is_notified: AtomicBool,
    notify: Arc<dyn Notify>,
}

impl PresenceWatch {
    pub(in crate::hub) fn open(shared: &Arc<Shared>, notify: Arc<dyn Notify>) -> Self {
        let watcher = Arc::new(Watcher {
            is_notified: AtomicBool::new(false),
            notify,
        });
        Self {
            at: shared.registry.add_watcher(&watcher),
            shared: shared.clone(),
            watcher,
        }
    }

    /// Returns the number of the last change that was taken.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Takes the changes since the last time; `None` where there are none.
    pub fn take(&mut self, max: usize) -> Option<PresenceUpdate> {
        // Acquire: pairs with the Release in `mark`. A look that finds nothing costs no lock. Cleared before the
        // changes are read: one that comes in between is read now and notified again, which is harmless; the other way
        // round it would be missed.
        if !self.watcher.is_notified.swap(false, Ordering::Acquire) {
            return None;
        }
        let (at, changes) = self.shared.registry.changes_since(self.at, max);
        if self.at == at {
            return None;
        }
        self.at = at;
        Some(changes.map_or(PresenceUpdate::Missed, PresenceUpdate::Changes))
    }
}

impl Watcher {
    /// Marks that there is something to take; returns whether the watcher must be notified for it.
    pub(super) fn mark(&self) -> bool {
        // Release: pairs with the Acquire in `take`.
        !self.is_notified.swap(true, Ordering::Release)
    }

    /// Calls its notification. To be called without a lock.
    pub(super) fn notify(&self) {
        ring::notify_and_drop(self.notify.clone());
    }
}

impl Drop for PresenceWatch {
    fn drop(&mut self) {
        let forgotten = self.shared.registry.remove_watcher(&self.watcher);
        // Outside the lock: changes hold classes, and a class may be the last to hold a filter.
        drop(forgotten);
    }
}

impl fmt::Debug for PresenceWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresenceWatch")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
