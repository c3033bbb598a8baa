//! The subscriptions that live, by id, and what is known of each; and who is present without one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::event::topic;

use super::control::{Control, WAITING_MAX};
use crate::hub::class::Class;
use crate::hub::presence::PresenceSet;
use crate::hub::presence::{ChangeLog, PresenceChange, Present, Wakeups, Watcher};
use crate::hub::wait::Waiter;
use crate::hub::{EndReason, SubscribeError};

/// Longest id of a subscription, bytes.
pub const ID_BYTES_MAX: usize = 255;
/// Longest name of a set, bytes: a number follows it.
const SET_NAME_MAX: usize = 200;

/// What a hub and a receiver share about a subscription.
pub(in crate::hub) struct SubscriptionEntry {
    pub(in crate::hub) id: Box<str>,
    pub(in crate::hub) class: Arc<Class>,
    pub(in crate::hub) waiter: Arc<Waiter>,
    /// 0, or an [`EndReason`].
    ended: AtomicU8,
    /// Wants to know who joins and leaves.
    pub(in crate::hub) watches: bool,
    controls: Mutex<VecDeque<Control>>,
    /// Whether there are any.
    has_controls: AtomicBool,
    pub(in crate::hub) figures: Figures,
}

/// Written by the receiver alone, read by whoever asks.
#[derive(Default)]
pub(in crate::hub) struct Figures {
    pub(in crate::hub) delivered: AtomicU64,
    pub(in crate::hub) gaps: AtomicU64,
    pub(in crate::hub) missed: AtomicU64,
    pub(in crate::hub) last_time: AtomicU64,
    pub(in crate::hub) position: AtomicU64,
}

/// What a subscription has done so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionStats {
    /// Its id.
    pub id: String,
    /// Events received.
    pub delivered: u64,
    /// How often it was told that it missed some.
    pub gaps: u64,
    /// How many of the hub's events it missed in all; behind a filter an upper bound.
    pub missed: u64,
    /// The offset of the last event that it passed, wanted or not.
    pub position: u64,
    /// How many events the hub has published since, wanted or not. What a sleeping receiver did not want counts too,
    /// until it wakes.
    pub lag: u64,
    /// The time of the last event received, nanoseconds since 1970; `None` before the first.
    pub last_event_time: Option<i64>,
}

/// Somebody who enters.
pub(in crate::hub) struct NewSubscription {
    pub(in crate::hub) id: Option<Box<str>>,
    pub(in crate::hub) class: Arc<Class>,
    pub(in crate::hub) watches: bool,
}

#[derive(Default)]
pub(in crate::hub) struct Registry {
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    by_id: HashMap<Box<str>, Arc<SubscriptionEntry>>,
    /// Those who are present without a receiver, by their addresses.
    sets: HashMap<usize, Arc<PresenceSet>>,
    made: u64,
    changes: ChangeLog,
}

impl SubscriptionEntry {
    /// Returns why it ended, if it did.
    #[inline(always)]
    pub(in crate::hub) fn ended(&self) -> Option<EndReason> {
        // Acquire: pairs with the Release in `end`; nothing else is carried, but what was done before it was ended is.
        match self.ended.load(Ordering::Acquire) {
            0 => None,
            1 => Some(EndReason::Unsubscribed),
            _ => Some(EndReason::TopicDeleted),
        }
    }

    /// Ends it; the first reason stays.
    pub(in crate::hub) fn end(&self, reason: EndReason) {
        let code = if reason == EndReason::TopicDeleted {
            2
        } else {
            1
        };
        let _ = self
            .ended
            .compare_exchange(0, code, Ordering::Release, Ordering::Relaxed);
    }

    /// Leaves for the receiver who joined or left. Where too many wait, they all go, and that is told.
    pub(in crate::hub) fn tell(&self, control: Control) {
        let mut controls = self.controls.lock();
        match control {
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
        if !self.has_controls() {
            return None;
        }
        let mut controls = self.controls.lock();
        let control = controls.pop_front();
        self.has_controls
            .store(!controls.is_empty(), Ordering::Relaxed);
        control
    }

    /// Relaxed, here and below: figures, each for itself.
    pub(in crate::hub) fn stats(&self, head: u64) -> SubscriptionStats {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let position = read(&self.figures.position);
        let delivered = read(&self.figures.delivered);
        SubscriptionStats {
            id: self.id.clone().into(),
            delivered,
            gaps: read(&self.figures.gaps),
            missed: read(&self.figures.missed),
            position,
            lag: head.saturating_sub(position),
            last_event_time: (delivered > 0).then(|| read(&self.figures.last_time) as i64),
        }
    }
}

impl Registry {
    /// Enters a subscription under its id, or under one that is made for it.
    pub(in crate::hub) fn enter(
        &self,
        entrance: NewSubscription,
    ) -> Result<(Arc<SubscriptionEntry>, Wakeups), SubscribeError> {
        let NewSubscription { id, class, watches } = entrance;
        if let Some(id) = &id
            && !is_id(id)
        {
            return Err(SubscribeError::Id);
        }
        let mut live = self.live.lock();
        let id = match id {
            Some(id) if live.by_id.contains_key(&id) => {
                return Err(SubscribeError::DuplicateId { id: id.into() });
            }
            Some(id) => id,
            None => live.make_id(),
        };
        let entry = Arc::new(SubscriptionEntry {
            id: id.clone(),
            class,
            waiter: Waiter::new(),
            ended: AtomicU8::new(0),
            watches,
            controls: Mutex::default(),
            has_controls: AtomicBool::new(false),
            figures: Figures::default(),
        });
        live.by_id.insert(id, entry.clone());
        live.changes.enter(&entry);
        let wakeups = live.note(true, &entry);
        Ok((entry, wakeups))
    }

    /// Takes a subscription out; `None`: it is out already.
    pub(in crate::hub) fn forget(&self, entry: &Arc<SubscriptionEntry>) -> Option<Wakeups> {
        // Goes when the lock is released, as whatever may hold foreign code.
        let _removed;
        let mut live = self.live.lock();
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

    /// Takes out the subscription of an id.
    pub(in crate::hub) fn take(&self, id: &str) -> Option<(Arc<SubscriptionEntry>, Wakeups)> {
        let mut live = self.live.lock();
        let entry = live.by_id.remove(id)?;
        live.changes.leave(&entry);
        let wakeups = live.note(false, &entry);
        Some((entry, wakeups))
    }

    pub(in crate::hub) fn find(&self, id: &str) -> Option<Arc<SubscriptionEntry>> {
        self.live.lock().by_id.get(id).cloned()
    }

    // -- Changes

    /// Enters somebody who watches for many; returns the number of the last change before.
    pub(in crate::hub) fn watch(&self, watch: &Arc<Watcher>) -> u64 {
        let mut live = self.live.lock();
        live.changes.watch(watch);
        live.changes.at()
    }

    /// Takes them out; returns what nobody needs any more.
    pub(in crate::hub) fn unwatch(&self, watch: &Arc<Watcher>) -> VecDeque<PresenceChange> {
        self.live.lock().changes.unwatch(watch)
    }

    /// The number of the last change, and those after number `at`; `None`: there are more than `max`, or than are kept.
    pub(in crate::hub) fn changes_since(
        &self,
        at: u64,
        max: usize,
    ) -> (u64, Option<Vec<PresenceChange>>) {
        let live = self.live.lock();
        (live.changes.at(), live.changes.since(at, max))
    }

    /// Who is present at a topic, in no order.
    pub(in crate::hub) fn present(&self, topic: &str, max: usize) -> Present {
        let live = self.live.lock();
        let (mut count, mut ids) = (0, Vec::new());
        for entry in live.by_id.values() {
            if entry.class.filter().matches(topic) {
                count += 1;
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

    // -- Members of sets. Under the lock of all: so a list and what is told of it have one order.

    /// Lets one more be present; `None`: it is already, or all have ended.
    pub(in crate::hub) fn enter_member(&self, set: &PresenceSet, number: u64) -> Option<Wakeups> {
        let mut live = self.live.lock();
        let entered = set.enter(number);
        entered.then(|| live.note_member(true, set, number))
    }

    /// Lets one leave; `None`: it is not there.
    pub(in crate::hub) fn leave_member(&self, set: &PresenceSet, number: u64) -> Option<Wakeups> {
        let mut live = self.live.lock();
        let left = set.leave(number);
        left.then(|| live.note_member(false, set, number))
    }

    /// Ends the member of an id; `None`: it is none of these. Whoever serves it is to be told.
    pub(in crate::hub) fn end_member(&self, set: &PresenceSet, id: &str) -> Option<Wakeups> {
        let mut live = self.live.lock();
        let number = set.end_member(id)?;
        Some(live.note_member(false, set, number))
    }

    /// Ends all members. Whoever serves them is to be told.
    pub(in crate::hub) fn end_members(&self, set: &PresenceSet, reason: EndReason) -> Wakeups {
        let mut live = self.live.lock();
        let mut wakeups = Wakeups::default();
        for number in set.end_all(reason) {
            wakeups = wakeups.and(live.note_member(false, set, number));
        }
        wakeups
    }

    // -- Crowds

    pub(in crate::hub) fn open(
        &self,
        set: PresenceSet,
    ) -> Result<Arc<PresenceSet>, SubscribeError> {
        if !is_id(&set.name) || set.name.len() > SET_NAME_MAX {
            return Err(SubscribeError::Id);
        }
        let set = Arc::new(set);
        let mut live = self.live.lock();
        live.sets.insert(Arc::as_ptr(&set).addr(), set.clone());
        Ok(set)
    }

    /// `false`: it is closed already.
    pub(in crate::hub) fn close(&self, set: &Arc<PresenceSet>) -> bool {
        let mut live = self.live.lock();
        let removed = live.sets.remove(&Arc::as_ptr(set).addr());
        drop(live);
        removed.is_some()
    }

    /// Returns those of whom `which` says true.
    pub(in crate::hub) fn sets(
        &self,
        mut which: impl FnMut(&PresenceSet) -> bool,
    ) -> Vec<Arc<PresenceSet>> {
        let live = self.live.lock();
        let sets = live.sets.values().filter(|set| which(set));
        sets.cloned().collect()
    }

    // -- All subscriptions

    /// Returns those of whom `which` says true, sorted by id.
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
            self.made += 1;
            let id: Box<str> = format!("s-{}", self.made).into();
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= ID_BYTES_MAX && !id.chars().any(topic::is_unprintable)
}
