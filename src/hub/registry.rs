//! The subscriptions that live, by id, and what is known of each.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::event::{EventFilter, topic};

use super::error::{EndReason, SubscribeError};
use super::sleepers::Sleeper;

/// Longest id of a subscription, bytes.
pub const ID_BYTES_MAX: usize = 255;

/// What a hub and a receiver share about a subscription.
pub(super) struct Ticket {
    pub(super) id: Box<str>,
    pub(super) filter: EventFilter,
    pub(super) sleeper: Arc<Sleeper>,
    /// 0, or an [`EndReason`].
    ended: AtomicU8,
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

#[derive(Default)]
pub(super) struct Registry {
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    by_id: HashMap<Box<str>, Arc<Ticket>>,
    made: u64,
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
    pub(super) fn enter(
        &self,
        id: Option<Box<str>>,
        filter: &EventFilter,
    ) -> Result<Arc<Ticket>, SubscribeError> {
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
            filter: filter.clone(),
            sleeper: Sleeper::new(),
            ended: AtomicU8::new(0),
            figures: Figures::default(),
        });
        live.by_id.insert(id, ticket.clone());
        Ok(ticket)
    }

    /// Takes a subscription out, unless another one has its id by now.
    pub(super) fn forget(&self, ticket: &Arc<Ticket>) -> bool {
        let mut live = self.live.lock();
        let known = live
            .by_id
            .get(&ticket.id)
            .is_some_and(|one| Arc::ptr_eq(one, ticket));
        if known {
            live.by_id.remove(&ticket.id);
        }
        known
    }

    /// Takes out the subscription of an id.
    pub(super) fn take(&self, id: &str) -> Option<Arc<Ticket>> {
        self.live.lock().by_id.remove(id)
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Ticket>> {
        self.live.lock().by_id.get(id).cloned()
    }

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
