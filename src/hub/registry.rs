//! The subscriptions that live, by id, and what is known of each; and who is present without one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::event::topic;

use super::class::Class;
use super::control::{Control, WAITING_MAX};
use super::crowd::Crowd;
use super::error::{EndReason, SubscribeError};
use super::presence::{Changes, PresenceChange, Present, Wakes, Watch};
use super::sleepers::Sleeper;

/// Longest id of a subscription, bytes.
pub const ID_BYTES_MAX: usize = 255;
/// Longest name of a crowd, bytes: a number follows it.
const CROWD_NAME_MAX: usize = 200;

/// What a hub and a receiver share about a subscription.
pub(super) struct Ticket {
    pub(super) id: Box<str>,
    pub(super) class: Arc<Class>,
    pub(super) sleeper: Arc<Sleeper>,
    /// 0, or an [`EndReason`].
    ended: AtomicU8,
    /// Wants to know who joins and leaves.
    pub(super) watches: bool,
    controls: Mutex<VecDeque<Control>>,
    /// Whether there are any.
    has_controls: AtomicBool,
    pub(super) figures: Figures,
}

/// Written by the receiver alone, read by whoever asks.
#[derive(Default)]
pub(super) struct Figures {
    pub(super) delivered: AtomicU64,
    pub(super) gaps: AtomicU64,
    pub(super) missed: AtomicU64,
    pub(super) last_time: AtomicU64,
    pub(super) position: AtomicU64,
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
pub(super) struct Entrance {
    pub(super) id: Option<Box<str>>,
    pub(super) class: Arc<Class>,
    pub(super) watches: bool,
}

#[derive(Default)]
pub(super) struct Registry {
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    by_id: HashMap<Box<str>, Arc<Ticket>>,
    /// Those who are present without a receiver, by their addresses.
    crowds: HashMap<usize, Arc<Crowd>>,
    made: u64,
    changes: Changes,
}

impl Ticket {
    /// Returns why it ended, if it did.
    #[inline(always)]
    pub(super) fn ended(&self) -> Option<EndReason> {
        // Acquire: pairs with the Release in `end`; nothing else is carried, but what was done before it was ended is.
        match self.ended.load(Ordering::Acquire) {
            0 => None,
            1 => Some(EndReason::Unsubscribed),
            _ => Some(EndReason::TopicDeleted),
        }
    }

    /// Ends it; the first reason stays.
    pub(super) fn end(&self, reason: EndReason) {
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
    pub(super) fn tell(&self, control: Control) {
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

    pub(super) fn has_controls(&self) -> bool {
        self.has_controls.load(Ordering::Relaxed)
    }

    pub(super) fn take_control(&self) -> Option<Control> {
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
    pub(super) fn stats(&self, head: u64) -> SubscriptionStats {
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
    pub(super) fn enter(&self, entrance: Entrance) -> Result<(Arc<Ticket>, Wakes), SubscribeError> {
        let Entrance { id, class, watches } = entrance;
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
        let ticket = Arc::new(Ticket {
            id: id.clone(),
            class,
            sleeper: Sleeper::new(),
            ended: AtomicU8::new(0),
            watches,
            controls: Mutex::default(),
            has_controls: AtomicBool::new(false),
            figures: Figures::default(),
        });
        live.by_id.insert(id, ticket.clone());
        live.changes.enter(&ticket);
        let wakes = live.note(true, &ticket);
        Ok((ticket, wakes))
    }

    /// Takes a subscription out; `None`: it is out already.
    pub(super) fn forget(&self, ticket: &Arc<Ticket>) -> Option<Wakes> {
        // Goes when the lock is released, as whatever may hold foreign code.
        let _removed;
        let mut live = self.live.lock();
        let known = live
            .by_id
            .get(&ticket.id)
            .is_some_and(|one| Arc::ptr_eq(one, ticket));
        if !known {
            return None;
        }
        _removed = live.by_id.remove(&ticket.id);
        live.changes.leave(ticket);
        Some(live.note(false, ticket))
    }

    /// Takes out the subscription of an id.
    pub(super) fn take(&self, id: &str) -> Option<(Arc<Ticket>, Wakes)> {
        let mut live = self.live.lock();
        let ticket = live.by_id.remove(id)?;
        live.changes.leave(&ticket);
        let wakes = live.note(false, &ticket);
        Some((ticket, wakes))
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Ticket>> {
        self.live.lock().by_id.get(id).cloned()
    }

    // -- Changes

    /// Enters somebody who watches for many; returns the number of the last change before.
    pub(super) fn watch(&self, watch: &Arc<Watch>) -> u64 {
        let mut live = self.live.lock();
        live.changes.watch(watch);
        live.changes.at()
    }

    /// Takes them out; returns what nobody needs any more.
    pub(super) fn unwatch(&self, watch: &Arc<Watch>) -> VecDeque<PresenceChange> {
        self.live.lock().changes.unwatch(watch)
    }

    /// The number of the last change, and those after number `at`; `None`: there are more than `max`, or than are kept.
    pub(super) fn changes_since(&self, at: u64, max: usize) -> (u64, Option<Vec<PresenceChange>>) {
        let live = self.live.lock();
        (live.changes.at(), live.changes.since(at, max))
    }

    /// Who is present at a topic, in no order.
    pub(super) fn present(&self, topic: &str, max: usize) -> Present {
        let live = self.live.lock();
        let (mut count, mut ids) = (0, Vec::new());
        for ticket in live.by_id.values() {
            if ticket.class.filter().matches(topic) {
                count += 1;
                if ids.len() < max {
                    ids.push(ticket.id.to_string());
                }
            }
        }
        for crowd in live.crowds.values() {
            if crowd.takes_topic(topic) {
                let members = crowd.some(max - ids.len(), &mut count);
                ids.extend(members.map(|number| crowd.id_of(number)));
            }
        }
        let at = live.changes.at();
        Present { at, count, ids }
    }

    // -- Members of crowds. Under the lock of all: so a list and what is told of it have one order.

    /// Lets one more be present; `None`: it is already, or all have ended.
    pub(super) fn enter_member(&self, crowd: &Crowd, number: u64) -> Option<Wakes> {
        let mut live = self.live.lock();
        let entered = crowd.enter(number);
        entered.then(|| live.note_member(true, crowd, number))
    }

    /// Lets one leave; `None`: it is not there.
    pub(super) fn leave_member(&self, crowd: &Crowd, number: u64) -> Option<Wakes> {
        let mut live = self.live.lock();
        let left = crowd.leave(number);
        left.then(|| live.note_member(false, crowd, number))
    }

    /// Ends the member of an id; `None`: it is none of these. Whoever serves it is to be told.
    pub(super) fn end_member(&self, crowd: &Crowd, id: &str) -> Option<Wakes> {
        let mut live = self.live.lock();
        let number = crowd.end_member(id)?;
        Some(live.note_member(false, crowd, number))
    }

    /// Ends all members. Whoever serves them is to be told.
    pub(super) fn end_members(&self, crowd: &Crowd, reason: EndReason) -> Wakes {
        let mut live = self.live.lock();
        let mut wakes = Wakes::default();
        for number in crowd.end_all(reason) {
            wakes = wakes.and(live.note_member(false, crowd, number));
        }
        wakes
    }

    // -- Crowds

    pub(super) fn open(&self, crowd: Crowd) -> Result<Arc<Crowd>, SubscribeError> {
        if !is_id(&crowd.name) || crowd.name.len() > CROWD_NAME_MAX {
            return Err(SubscribeError::Id);
        }
        let crowd = Arc::new(crowd);
        let mut live = self.live.lock();
        live.crowds
            .insert(Arc::as_ptr(&crowd).addr(), crowd.clone());
        Ok(crowd)
    }

    /// `false`: it is closed already.
    pub(super) fn close(&self, crowd: &Arc<Crowd>) -> bool {
        let mut live = self.live.lock();
        let removed = live.crowds.remove(&Arc::as_ptr(crowd).addr());
        drop(live);
        removed.is_some()
    }

    /// Returns those of whom `which` says true.
    pub(super) fn crowds(&self, mut which: impl FnMut(&Crowd) -> bool) -> Vec<Arc<Crowd>> {
        let live = self.live.lock();
        let crowds = live.crowds.values().filter(|crowd| which(crowd));
        crowds.cloned().collect()
    }

    // -- All subscriptions

    /// Returns those of whom `which` says true, sorted by id.
    pub(super) fn all(&self, mut which: impl FnMut(&Ticket) -> bool) -> Vec<Arc<Ticket>> {
        let live = self.live.lock();
        let mut all: Vec<_> = live
            .by_id
            .values()
            .filter(|ticket| which(ticket))
            .cloned()
            .collect();
        drop(live);
        all.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        all
    }
}

impl Live {
    /// Notes that a member of a crowd came or went.
    fn note_member(&mut self, joined: bool, crowd: &Crowd, number: u64) -> Wakes {
        let id = || crowd.id_of(number).into();
        self.changes.note(joined, id, &crowd.class)
    }

    /// Notes that a subscription began or ended.
    fn note(&mut self, joined: bool, ticket: &Ticket) -> Wakes {
        let id = || (*ticket.id).into();
        self.changes.note(joined, id, &ticket.class)
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
