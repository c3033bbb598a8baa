//! Who comes and goes, in one order: the list says up to where in it it is true, and whoever watches is told what comes
//! after that, or that it was too much to tell.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::event::Filter;
use crate::ring::{self, Notify};

use super::class::Class;
use super::control::{Control, overlap};
use super::core::Hub;
use super::inner::Inner;
use super::registry::Ticket;

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
pub enum PresenceNews {
    /// These changes, in order.
    Changes(Vec<PresenceChange>),
    /// More changes than were asked for, or than are kept: a list that is true up to now, or later, has them all.
    Missed,
}

/// Watches who comes and goes, for as long as it lives.
pub struct PresenceWatch {
    inner: Arc<Inner>,
    watch: Arc<Watch>,
    /// The last change that was taken.
    at: u64,
}

impl Hub {
    /// Watches who comes and goes from here on. `notify` is told when there is something to take; it runs on any
    /// thread, without a lock.
    pub fn watch_presence(&self, notify: Arc<dyn Notify>) -> PresenceWatch {
        let watch = Arc::new(Watch {
            rung: AtomicBool::new(false),
            notify,
        });
        PresenceWatch {
            at: self.inner.registry.watch(&watch),
            inner: self.inner.clone(),
            watch,
        }
    }

    /// Who would get an event of this topic, were it not for its type and the rest of it, and up to which change that
    /// is true; `max` ids at most, if there are more any of them.
    pub fn present(&self, topic: &str, max: usize) -> Present {
        let mut present = self.inner.registry.present(topic, max);
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
    pub fn take(&mut self, max: usize) -> Option<PresenceNews> {
        // Acquire: pairs with the Release in `ring`. A look that finds nothing costs no lock.
        if !self.watch.rung.swap(false, Ordering::Acquire) {
            return None;
        }
        let (at, changes) = self.inner.registry.changes_since(self.at, max);
        if self.at == at {
            return None;
        }
        self.at = at;
        Some(changes.map_or(PresenceNews::Missed, PresenceNews::Changes))
    }
}

impl Drop for PresenceWatch {
    fn drop(&mut self) {
        let forgotten = self.inner.registry.unwatch(&self.watch);
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
pub(super) struct Watch {
    /// It was told since it last took something.
    rung: AtomicBool,
    notify: Arc<dyn Notify>,
}

/// Who is to be woken for a change, once no lock is held.
#[derive(Default)]
#[must_use]
pub(super) struct Wakes {
    pub(super) tickets: Vec<Arc<Ticket>>,
    watches: Vec<Arc<Watch>>,
    /// What is no longer kept. It may hold the last reference to a class.
    old: Vec<PresenceChange>,
}

impl Wakes {
    pub(super) fn ring(&self) {
        for watch in &self.watches {
            ring::notify_and_drop(watch.notify.clone());
        }
    }

    /// These and those of another change.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.tickets.extend(other.tickets);
        self.watches.extend(other.watches);
        self.old.extend(other.old);
        self
    }
}

/// All changes, and those who want to know of them. Under the lock of whoever is present.
#[derive(Default)]
pub(super) struct Changes {
    at: u64,
    /// The latest; kept only while somebody watches for many.
    kept: VecDeque<PresenceChange>,
    watches: Vec<Arc<Watch>>,
    /// Receivers that want to know.
    tickets: Vec<Arc<Ticket>>,
}

impl Changes {
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn watch(&mut self, watch: &Arc<Watch>) {
        self.watches.push(watch.clone());
    }

    pub(super) fn unwatch(&mut self, watch: &Arc<Watch>) -> VecDeque<PresenceChange> {
        self.watches.retain(|one| !Arc::ptr_eq(one, watch));
        match self.watches.is_empty() {
            true => std::mem::take(&mut self.kept),
            false => VecDeque::new(),
        }
    }

    pub(super) fn enter(&mut self, ticket: &Arc<Ticket>) {
        if ticket.watches {
            self.tickets.push(ticket.clone());
        }
    }

    pub(super) fn leave(&mut self, ticket: &Arc<Ticket>) {
        if ticket.watches {
            self.tickets.retain(|one| !Arc::ptr_eq(one, ticket));
        }
    }

    /// Notes that somebody came or went.
    pub(super) fn note(
        &mut self,
        joined: bool,
        id: impl FnOnce() -> Arc<str>,
        class: &Arc<Class>,
    ) -> Wakes {
        self.at += 1;
        let mut wakes = Wakes::default();
        if self.tickets.is_empty() && self.watches.is_empty() {
            return wakes;
        }
        let (at, id) = (self.at, id());
        let shares =
            |one: &&Arc<Ticket>| *one.id != *id && overlap(one.class.filter(), class.filter());
        for ticket in self.tickets.iter().filter(shares) {
            let id = id.to_string();
            ticket.tell(match joined {
                true => Control::Joined { id, at },
                false => Control::Left { id, at },
            });
            wakes.tickets.push(ticket.clone());
        }
        if self.watches.is_empty() {
            return wakes;
        }
        if self.kept.len() == KEPT_MAX {
            wakes.old.extend(self.kept.pop_front());
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
            if !watch.rung.swap(true, Ordering::Release) {
                wakes.watches.push(watch.clone());
            }
        }
        wakes
    }

    /// The changes after number `at`; `None`: there are more than `max`, or than are kept.
    pub(super) fn since(&self, at: u64, max: usize) -> Option<Vec<PresenceChange>> {
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
