//! The registry of a hub: its subscriptions by id, the presence sets, and the order in which both join and leave.
//!
//! All under one lock: so a list of who is present and the changes that are told have one order, and the list can say
//! up to which change it is true.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::event::topic;

use super::entry::SubscriptionEntry;
use crate::hub::class::Class;
use crate::hub::presence::PresenceSet;
use crate::hub::presence::{ChangeLog, PresenceChange, Present, Wakeups, Watcher};
use crate::hub::{EndReason, SubscriptionError};

/// Longest id of a subscription, bytes.
pub const ID_BYTES_MAX: usize = 255;
/// Longest name of a presence set, bytes: an id is the name and up to 16 digits, and must fit [`ID_BYTES_MAX`].
const SET_NAME_MAX: usize = 200;

/// A subscription that is about to be entered.
pub(in crate::hub) struct NewSubscription {
    pub(in crate::hub) id: Option<Box<str>>,
    pub(in crate::hub) class: Arc<Class>,
    pub(in crate::hub) watches: bool,
}

/// The subscriptions that live, and the presence sets.
#[derive(Default)]
pub(in crate::hub) struct Registry {
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    by_id: HashMap<Box<str>, Arc<SubscriptionEntry>>,
    /// Members that are present without a receiver. By address: two sets may have one name.
    sets: HashMap<usize, Arc<PresenceSet>>,
    /// Ids given to subscriptions that brought none.
    ids_made: u64,
    changes: ChangeLog,
}

impl Registry {
    /// Enters a subscription under its id, or under one that is made for it.
    pub(in crate::hub) fn enter(
        &self,
        entrance: NewSubscription,
    ) -> Result<(Arc<SubscriptionEntry>, Wakeups), SubscriptionError> {
        let NewSubscription { id, class, watches } = entrance;
        // Before the lock is taken, which every subscribe and every connection takes.
        if let Some(id) = &id
            && !is_id(id)
        {
            return Err(SubscriptionError::Id);
        }
        let mut live = self.live.lock();
        let id = match id {
            Some(id) if live.by_id.contains_key(&id) => {
                return Err(SubscriptionError::DuplicateId { id: id.into() });
            }
            Some(id) => id,
            None => live.make_id(),
        };
        let entry = SubscriptionEntry::new(id.clone(), class, watches);
        live.by_id.insert(id, entry.clone());
        live.changes.enter(&entry);
        let wakeups = live.note(true, &entry);
        Ok((entry, wakeups))
    }

    /// Removes a subscription; `None`: it is removed already.
    pub(in crate::hub) fn remove(&self, entry: &Arc<SubscriptionEntry>) -> Option<Wakeups> {
        // Goes when the lock is released, as whatever may hold foreign code.
        let _removed;
        let mut live = self.live.lock();
        // Its id may be another's by now: whoever was unsubscribed may have made room for it.
        let known = live
            .by_id
            .get(&entry.id)
            .is_some_and(|one| Arc::ptr_eq(one, entry));
        if !known {
            return None;
        }
        _removed = live.by_id.remove(&entry.id);
        live.changes.leave(entry);
        Some(live.note(false, entry))
    }

    /// Removes the subscription of an id.
    pub(in crate::hub) fn remove_id(&self, id: &str) -> Option<(Arc<SubscriptionEntry>, Wakeups)> {
        let mut live = self.live.lock();
        let entry = live.by_id.remove(id)?;
        live.changes.leave(&entry);
        let wakeups = live.note(false, &entry);
        Some((entry, wakeups))
    }

    /// Returns the subscription of an id.
    pub(in crate::hub) fn get(&self, id: &str) -> Option<Arc<SubscriptionEntry>> {
        self.live.lock().by_id.get(id).cloned()
    }

    // -- Changes

    /// Adds a watcher; returns the number of the last change before.
    pub(in crate::hub) fn add_watcher(&self, watch: &Arc<Watcher>) -> u64 {
        let mut live = self.live.lock();
        live.changes.add_watcher(watch);
        live.changes.at()
    }

    /// Removes a watcher. Returns the changes that nobody needs any more, to be dropped without the lock.
    pub(in crate::hub) fn remove_watcher(&self, watch: &Arc<Watcher>) -> VecDeque<PresenceChange> {
        self.live.lock().changes.remove_watcher(watch)
    }

    /// Returns the number of the last change, and those after number `at`; `None`: there are more than `max`, or than
    /// are kept.
    pub(in crate::hub) fn changes_since(
        &self,
        at: u64,
        max: usize,
    ) -> (u64, Option<Vec<PresenceChange>>) {
        let live = self.live.lock();
        (live.changes.at(), live.changes.since(at, max))
    }

    /// Returns who is present at a topic, in no order.
    pub(in crate::hub) fn present(&self, topic: &str, max: usize) -> Present {
        let live = self.live.lock();
        let (mut count, mut ids) = (0, Vec::new());
        for entry in live.by_id.values() {
            if entry.class.filter().matches(topic) {
                count += 1;
                // Cut here and not afterwards: of a crowded topic every id would be made for a list of a thousand.
                if ids.len() < max {
                    ids.push(entry.id.to_string());
                }
            }
        }
        for set in live.sets.values() {
            if set.takes_topic(topic) {
                let members = set.some(max - ids.len(), &mut count);
                ids.extend(members.map(|number| set.id_of(number)));
            }
        }
        let at = live.changes.at();
        Present { at, count, ids }
    }

    // -- Members of presence sets

    /// Enters one more member; `None`: it is there already, or all have ended.
    pub(in crate::hub) fn enter_member(&self, set: &PresenceSet, number: u64) -> Option<Wakeups> {
        let mut live = self.live.lock();
        let entered = set.enter(number);
        entered.then(|| live.note_member(true, set, number))
    }

    /// Removes a member; `None`: it is not there.
    pub(in crate::hub) fn leave_member(&self, set: &PresenceSet, number: u64) -> Option<Wakeups> {
        let mut live = self.live.lock();
        let left = set.leave(number);
        left.then(|| live.note_member(false, set, number))
    }

    /// Ends the member of an id; `None`: it is none of these. Whoever serves it is to be notified.
    pub(in crate::hub) fn end_member(&self, set: &PresenceSet, id: &str) -> Option<Wakeups> {
        let mut live = self.live.lock();
        let number = set.end_member(id)?;
        Some(live.note_member(false, set, number))
    }

    /// Ends all members. Whoever serves them is to be notified.
    pub(in crate::hub) fn end_members(&self, set: &PresenceSet, reason: EndReason) -> Wakeups {
        let mut live = self.live.lock();
        let mut wakeups = Wakeups::default();
        for number in set.end_all(reason) {
            wakeups = wakeups.and(live.note_member(false, set, number));
        }
        wakeups
    }

    // -- Presence sets

    /// Adds a set, which has no members yet.
    pub(in crate::hub) fn open(
        &self,
        set: PresenceSet,
    ) -> Result<Arc<PresenceSet>, SubscriptionError> {
        if !is_id(&set.name) || set.name.len() > SET_NAME_MAX {
            return Err(SubscriptionError::Id);
        }
        let set = Arc::new(set);
        let mut live = self.live.lock();
        live.sets.insert(Arc::as_ptr(&set).addr(), set.clone());
        Ok(set)
    }

    /// Removes a set; its members stay to be ended. `false`: it is removed already.
    pub(in crate::hub) fn close(&self, set: &Arc<PresenceSet>) -> bool {
        let mut live = self.live.lock();
        let removed = live.sets.remove(&Arc::as_ptr(set).addr());
        // Before what was removed goes: it holds a notification, which is foreign code.
        drop(live);
        removed.is_some()
    }

    /// Returns the sets for which `which` says true.
    pub(in crate::hub) fn sets(
        &self,
        mut which: impl FnMut(&PresenceSet) -> bool,
    ) -> Vec<Arc<PresenceSet>> {
        let live = self.live.lock();
        let sets = live.sets.values().filter(|set| which(set));
        sets.cloned().collect()
    }

    // -- Lists of subscriptions

    /// Returns the subscriptions for which `which` says true, sorted by id.
    pub(in crate::hub) fn all(
        &self,
        mut which: impl FnMut(&SubscriptionEntry) -> bool,
    ) -> Vec<Arc<SubscriptionEntry>> {
        let live = self.live.lock();
        let mut all: Vec<_> = live
            .by_id
            .values()
            .filter(|entry| which(entry))
            .cloned()
            .collect();
        // Sorted outside the lock, which every subscribe and every connection takes.
        drop(live);
        all.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        all
    }
}

impl Live {
    /// Notes that a member of a set came or went.
    fn note_member(&mut self, joined: bool, set: &PresenceSet, number: u64) -> Wakeups {
        let id = || set.id_of(number).into();
        self.changes.note(joined, id, &set.class)
    }

    /// Notes that a subscription began or ended.
    fn note(&mut self, joined: bool, entry: &SubscriptionEntry) -> Wakeups {
        let id = || (*entry.id).into();
        self.changes.note(joined, id, &entry.class)
    }

    fn make_id(&mut self) -> Box<str> {
        loop {
            self.ids_made += 1;
            let id: Box<str> = format!("s-{}", self.ids_made).into();
            // Somebody may have chosen an id of this form.
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= ID_BYTES_MAX && !id.chars().any(topic::is_unprintable)
}
