//! The joins and leaves of a hub in one order: a list says up to which change it is true, and whoever watches is told
//! what comes after that, or that it was too much to tell.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::event::Filter;

use super::Watcher;
use crate::hub::class::Class;
use crate::hub::subscribe::{Control, SubscriptionEntry};

/// Most changes that are kept for watchers; one that is further behind is told so instead.
const KEPT_MAX: usize = 4096;

/// The subscriptions and members that are present at a topic; see [`Hub::present`](crate::hub::Hub::present).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Present {
    /// The number of the last change that the list knows of: what is told under a higher one comes after it.
    pub at: u64,
    /// The number of those who are present, listed or not.
    pub count: usize,
    /// Their ids, sorted; no more than were asked for.
    pub ids: Vec<String>,
}

/// A join or a leave.
#[derive(Clone)]
pub struct PresenceChange {
    /// Its number: each change has the next one.
    pub at: u64,
    /// `true`: a join; `false`: a leave.
    pub joined: bool,
    /// The id of who joined or left.
    pub id: Arc<str>,
    class: Arc<Class>,
}

impl PresenceChange {
    /// Returns whether who joined or left shares topics with this filter.
    pub fn concerns(&self, filter: &Filter) -> bool {
        self.class.filter().overlaps(filter)
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

/// The receivers and watchers that a change wakes, once no lock is held.
#[derive(Default)]
#[must_use]
pub(in crate::hub) struct Wakeups {
    pub(in crate::hub) entries: Vec<Arc<SubscriptionEntry>>,
    watchers: Vec<Arc<Watcher>>,
    /// Changes that are no longer kept: carried out of the lock, since one may hold the last reference to a class.
    forgotten: Vec<PresenceChange>,
}

impl Wakeups {
    /// Notifies the watchers. To be called without a lock.
    pub(in crate::hub) fn notify(&self) {
        for watcher in &self.watchers {
            watcher.notify();
        }
    }

    /// Adds those of another change.
    pub(in crate::hub) fn and(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self.watchers.extend(other.watchers);
        self.forgotten.extend(other.forgotten);
        self
    }
}

/// The order of joins and leaves, and those who are told of them. Lives under the registry's lock, which gives the
/// order.
#[derive(Default)]
pub(in crate::hub) struct ChangeLog {
    /// The number of the last change. Rises also while nobody watches: lists tell it.
    at: u64,
    /// The latest changes; empty while there is no watcher.
    kept: VecDeque<PresenceChange>,
    watchers: Vec<Arc<Watcher>>,
    /// The receivers that are told of each change on topics that they share.
    entries: Vec<Arc<SubscriptionEntry>>,
}

impl ChangeLog {
    /// Returns the number of the last change.
    pub(in crate::hub) fn at(&self) -> u64 {
        self.at
    }

    pub(in crate::hub) fn add_watcher(&mut self, watcher: &Arc<Watcher>) {
        self.watchers.push(watcher.clone());
    }

    pub(in crate::hub) fn remove_watcher(
        &mut self,
        watcher: &Arc<Watcher>,
    ) -> VecDeque<PresenceChange> {
        self.watchers.retain(|one| !Arc::ptr_eq(one, watcher));
        // Nobody reads them any more; the next watcher begins with what comes then.
        match self.watchers.is_empty() {
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

    /// Notes a join or a leave, and leaves it for everybody who is to know.
    pub(in crate::hub) fn note(
        &mut self,
        joined: bool,
        id: impl FnOnce() -> Arc<str>,
        class: &Arc<Class>,
    ) -> Wakeups {
        // Counted also where nobody watches: whoever watches later tells old from new by it.
        self.at += 1;
        let mut wakeups = Wakeups::default();
        if self.entries.is_empty() && self.watchers.is_empty() {
            // Neither the id is made nor a filter compared where nobody watches: a storm of connects comes by here.
            return wakeups;
        }
        let (at, id) = (self.at, id());
        // Nobody is told of itself.
        let shares = |one: &&Arc<SubscriptionEntry>| {
            *one.id != *id && one.class.filter().overlaps(class.filter())
        };
        for entry in self.entries.iter().filter(shares) {
            let id = id.to_string();
            entry.push_control(match joined {
                true => Control::Joined { id, at },
                false => Control::Left { id, at },
            });
            wakeups.entries.push(entry.clone());
        }
        if self.watchers.is_empty() {
            return wakeups;
        }
        if self.kept.len() == KEPT_MAX {
            wakeups.forgotten.extend(self.kept.pop_front());
        }
        let class = class.clone();
        self.kept.push_back(PresenceChange {
            at,
            joined,
            id,
            class,
        });
        for watcher in &self.watchers {
            if watcher.mark() {
                wakeups.watchers.push(watcher.clone());
            }
        }
        wakeups
    }

    /// Returns the changes after number `at`; `None`: there are more than `max`, or than are kept.
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
