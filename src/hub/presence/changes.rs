//! Who comes and goes, in one order: the list says up to where in it it is true, and whoever watches is told what comes
//! after that, or that it was too much to tell.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::event::Filter;
use crate::ring::{self, Notify};

use crate::hub::Hub;
use crate::hub::class::Class;
use crate::hub::shared::Shared;
use crate::hub::subscribe::SubscriptionEntry;
use crate::hub::subscribe::{Control, overlap};

/// Changes that are kept for those who watch for many; who is further behind is told so instead.
const KEPT_MAX: usize = 4096;

/// Who is present at a topic; see [`Hub::present`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// The number of the last change that the list knows of: what is told under a higher one comes after it.
    pub at: u64,
    /// How many are present.
    pub count: usize,
    /// Their ids, sorted; no more than were asked for.
    pub ids: Vec<String>,
}

/// Somebody came or went.
#[derive(Clone)]
pub struct PresenceChange {
    /// Its number: each change has the next one.
    pub at: u64,
    /// Whether somebody came.
    pub joined: bool,
    /// Whose id it is.
    pub id: Arc<str>,
    class: Arc<Class>,
}

impl PresenceChange {
    /// Whether it is of somebody who shares topics with this filter.
    pub fn concerns(&self, filter: &Filter) -> bool {
        overlap(self.class.filter(), filter)
    }
}

impl fmt::Debug for PresenceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresenceChange")
            .field("at", &self.at)
            .field("joined", &self.joined)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What a [`PresenceWatch`] has to say.
#[derive(Clone, Debug)]
pub enum PresenceUpdate {
    /// These changes, in order.
    Changes(Vec<PresenceChange>),
    /// More changes than were asked for, or than are kept: a list that is true up to now, or later, has them all.
    Missed,
}

/// Watches who comes and goes, for as long as it lives.
pub struct PresenceWatch {
    shared: Arc<Shared>,
    watch: Arc<Watcher>,
    /// The last change that was taken.
    at: u64,
}

impl Hub {
    /// Watches who comes and goes from here on. `notify` is told when there is something to take; it runs on any
    /// thread, without a lock.
    pub fn watch_presence(&self, notify: Arc<dyn Notify>) -> PresenceWatch {
        let watch = Arc::new(Watcher {
            notified: AtomicBool::new(false),
            notify,
        });
        PresenceWatch {
            at: self.shared.registry.watch(&watch),
            shared: self.shared.clone(),
            watch,
        }
    }

    /// Who would get an event of this topic, were it not for its type and the rest of it, and up to which change that
    /// is true; `max` ids at most, if there are more any of them.
    pub fn present(&self, topic: &str, max: usize) -> Present {
        let mut present = self.shared.registry.present(topic, max);
        present.ids.sort_unstable();
        present
    }
}

impl PresenceWatch {
    /// The number of the last change that was taken.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Takes what has changed since the last time; `None`: nothing has.
    pub fn take(&mut self, max: usize) -> Option<PresenceUpdate> {
        // Acquire: pairs with the Release in `notify`. A look that finds nothing costs no lock.
        if !self.watch.notified.swap(false, Ordering::Acquire) {
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

impl Drop for PresenceWatch {
    fn drop(&mut self) {
        let forgotten = self.shared.registry.unwatch(&self.watch);
        // Outside the lock: what it holds is somebody else's.
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

/// Somebody who watches for many.
pub(in crate::hub) struct Watcher {
    /// It was told since it last took something.
    notified: AtomicBool,
    notify: Arc<dyn Notify>,
}

/// Who is to be woken for a change, once no lock is held.
#[derive(Default)]
#[must_use]
pub(in crate::hub) struct Wakeups {
    pub(in crate::hub) entries: Vec<Arc<SubscriptionEntry>>,
    watches: Vec<Arc<Watcher>>,
    /// What is no longer kept. It may hold the last reference to a class.
    old: Vec<PresenceChange>,
}

impl Wakeups {
    pub(in crate::hub) fn notify(&self) {
        for watch in &self.watches {
            ring::notify_and_drop(watch.notify.clone());
        }
    }

    /// These and those of another change.
    pub(in crate::hub) fn and(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self.watches.extend(other.watches);
        self.old.extend(other.old);
        self
    }
}

/// All changes, and those who want to know of them. Under the lock of whoever is present.
#[derive(Default)]
pub(in crate::hub) struct ChangeLog {
    at: u64,
    /// The latest; kept only while somebody watches for many.
    kept: VecDeque<PresenceChange>,
    watches: Vec<Arc<Watcher>>,
    /// Receivers that want to know.
    entries: Vec<Arc<SubscriptionEntry>>,
}

impl ChangeLog {
    pub(in crate::hub) fn at(&self) -> u64 {
        self.at
    }

    pub(in crate::hub) fn watch(&mut self, watch: &Arc<Watcher>) {
        self.watches.push(watch.clone());
    }

    pub(in crate::hub) fn unwatch(&mut self, watch: &Arc<Watcher>) -> VecDeque<PresenceChange> {
        self.watches.retain(|one| !Arc::ptr_eq(one, watch));
        match self.watches.is_empty() {
            true => std::mem::take(&mut self.kept),
            false => VecDeque::new(),
        }
    }

    pub(in crate::hub) fn enter(&mut self, entry: &Arc<SubscriptionEntry>) {
        if entry.watches {
            self.entries.push(entry.clone());
        }
    }

    pub(in crate::hub) fn leave(&mut self, entry: &Arc<SubscriptionEntry>) {
        if entry.watches {
            self.entries.retain(|one| !Arc::ptr_eq(one, entry));
        }
    }

    /// Notes that somebody came or went.
    pub(in crate::hub) fn note(
        &mut self,
        joined: bool,
        id: impl FnOnce() -> Arc<str>,
        class: &Arc<Class>,
    ) -> Wakeups {
        self.at += 1;
        let mut wakeups = Wakeups::default();
        if self.entries.is_empty() && self.watches.is_empty() {
            return wakeups;
        }
        let (at, id) = (self.at, id());
        let shares = |one: &&Arc<SubscriptionEntry>| {
            *one.id != *id && overlap(one.class.filter(), class.filter())
        };
        for entry in self.entries.iter().filter(shares) {
            let id = id.to_string();
            entry.tell(match joined {
                true => Control::Joined { id, at },
                false => Control::Left { id, at },
            });
            wakeups.entries.push(entry.clone());
        }
        if self.watches.is_empty() {
            return wakeups;
        }
        if self.kept.len() == KEPT_MAX {
            wakeups.old.extend(self.kept.pop_front());
        }
        let class = class.clone();
        self.kept.push_back(PresenceChange {
            at,
            joined,
            id,
            class,
        });
        for watch in &self.watches {
            // Release: pairs with the Acquire in `take`.
            if !watch.notified.swap(true, Ordering::Release) {
                wakeups.watches.push(watch.clone());
            }
        }
        wakeups
    }

    /// The changes after number `at`; `None`: there are more than `max`, or than are kept.
    pub(in crate::hub) fn since(&self, at: u64, max: usize) -> Option<Vec<PresenceChange>> {
        let count = usize::try_from(self.at - at).unwrap_or(usize::MAX);
        if count > max || count > self.kept.len() {
            return None;
        }
        Some(
            self.kept
                .range(self.kept.len() - count..)
                .cloned()
                .collect(),
        )
    }
}
