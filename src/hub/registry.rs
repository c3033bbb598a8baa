//! The subscriptions that live, by id, and what is known of each; and who is present without one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::event::{Filter, topic};

use super::class::Class;
use super::control::{Control, WAITING_MAX, overlap};
use super::crowd::Crowd;
use super::error::{EndReason, SubscribeError};
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
    watches: bool,
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
    watchers: usize,
}

/// Who wants to know of somebody.
pub(super) struct Watchers {
    pub(super) tickets: Vec<Arc<Ticket>>,
    pub(super) crowds: Vec<Arc<Crowd>>,
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

    /// Leaves a control for the receiver.
    pub(super) fn tell(&self, control: Control) {
        let mut controls = self.controls.lock();
        if controls.len() == WAITING_MAX {
            controls.pop_front();
        }
        controls.push_back(control);
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
    pub(super) fn enter(&self, entrance: Entrance) -> Result<Arc<Ticket>, SubscribeError> {
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
        live.watchers += usize::from(watches);
        Ok(ticket)
    }

    /// Takes a subscription out, unless another one has its id by now.
    pub(super) fn forget(&self, ticket: &Arc<Ticket>) -> bool {
        // Goes when the lock is released, as whatever may hold foreign code.
        let _removed;
        let mut live = self.live.lock();
        let known = live
            .by_id
            .get(&ticket.id)
            .is_some_and(|one| Arc::ptr_eq(one, ticket));
        if known {
            _removed = live.by_id.remove(&ticket.id);
            live.watchers -= usize::from(ticket.watches);
        }
        known
    }

    /// Takes out the subscription of an id.
    pub(super) fn take(&self, id: &str) -> Option<Arc<Ticket>> {
        let mut live = self.live.lock();
        let ticket = live.by_id.remove(id)?;
        live.watchers -= usize::from(ticket.watches);
        Some(ticket)
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Ticket>> {
        self.live.lock().by_id.get(id).cloned()
    }

    /// Whether anybody wants to know who joins and leaves.
    pub(super) fn has_watchers(&self) -> bool {
        self.live.lock().watchers > 0
    }

    /// Returns the others that want to know what becomes of the one of this id and filter.
    pub(super) fn watchers(&self, id: &str, filter: &Filter) -> Watchers {
        Watchers {
            tickets: self
                .all(|one| one.watches && *one.id != *id && overlap(one.class.filter(), filter)),
            crowds: self.crowds(|one| one.watches && overlap(one.class.filter(), filter)),
        }
    }

    // -- Crowds

    pub(super) fn open(&self, crowd: Crowd) -> Result<Arc<Crowd>, SubscribeError> {
        if !is_id(&crowd.name) || crowd.name.len() > CROWD_NAME_MAX {
            return Err(SubscribeError::Id);
        }
        let crowd = Arc::new(crowd);
        let mut live = self.live.lock();
        live.watchers += usize::from(crowd.watches);
        live.crowds
            .insert(Arc::as_ptr(&crowd).addr(), crowd.clone());
        Ok(crowd)
    }

    /// `false`: it is closed already.
    pub(super) fn close(&self, crowd: &Arc<Crowd>) -> bool {
        let mut live = self.live.lock();
        let removed = live.crowds.remove(&Arc::as_ptr(crowd).addr());
        if removed.is_some() {
            live.watchers -= usize::from(crowd.watches);
        }
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
