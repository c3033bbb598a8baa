//! The state that a hub's handles and receivers share, and the steps that touch more than one room of it.
//!
//! # Locks
//!
//! Taken in this order, each for a few instructions, none while foreign code runs:
//!
//! | lock | guards | taken inside it |
//! | --- | --- | --- |
//! | `publisher` | sequence, topics, streams: everything that is decided about an event | `times`, histories, [`WakeRouter`]'s list of publishes |
//! | `registry` | who is subscribed and present, and the order of joins and leaves | an entry's controls, a presence set |
//! | a class's wait list | who of the class is asleep | a waiter's own |
//!
//! The first two are never held together: a join must not wait for a publish, nor a publish for a list of a million
//! ids.

use std::ops::Range;
use std::panic::RefUnwindSafe;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::event::{Epoch, EventLimits, Position};
use crate::journal::{Durability, Hole};
use crate::ring::Ring;

use crate::hub::EndReason;
use crate::hub::class::Classes;
use crate::hub::journal::HubJournal;
use crate::hub::journal_read::ReadSide;
use crate::hub::presence::Wakeups;
use crate::hub::publish::{Publisher, RoomQueue};
use crate::hub::slot::Slot;
use crate::hub::subscribe::{Registry, SubscriptionEntry};
use crate::hub::topics::{LookBack, TimeIndex};
use crate::hub::wait::{WaitState, WakeRouter};

/// The state of a hub, shared by its handles and receivers.
pub(crate) struct Shared {
    pub(in crate::hub) ring: Ring<Slot>,
    pub(in crate::hub) publisher: Mutex<Publisher>,
    /// Shared with the publisher, which marks times under both locks, its own first, and with the histories, which look
    /// under theirs; who looks back takes this one only.
    pub(in crate::hub) times: Arc<Mutex<TimeIndex>>,
    pub(in crate::hub) classes: Classes,
    pub(in crate::hub) registry: Registry,
    pub(in crate::hub) wake_router: WakeRouter,
    /// Those who wait for room.
    pub(in crate::hub) room: RoomQueue,
    /// `None`: everything is in memory, and visible at once.
    pub(in crate::hub) journal: Option<HubJournal>,
    pub(in crate::hub) epoch: Epoch,
    pub(in crate::hub) limits: EventLimits,
    pub(in crate::hub) ring_bytes: usize,
    pub(in crate::hub) read_side: ReadSide,
}

/// No foreign code runs under one of its locks, so that a panic of a subscriber's, a notification's or a publisher's
/// own code leaves nothing half changed in there: `tests/hub/reentry.rs` walks by all those places.
impl RefUnwindSafe for Shared {}

impl Shared {
    /// Returns the position of an offset.
    #[inline]
    pub(in crate::hub) fn position(&self, offset: u64) -> Position {
        Position {
            epoch: self.epoch,
            offset,
        }
    }

    /// Returns the least safety of the events of a topic, by what its settings say.
    pub(in crate::hub) fn durability_of(&self, config: Option<Durability>) -> Durability {
        match &self.journal {
            Some(journal) => config.unwrap_or(journal.durability()),
            None => Durability::None,
        }
    }

    /// Returns how many events one batch may hold: half of what the ring keeps, or of what may be in flight.
    pub(in crate::hub) fn batch_events_max(&self) -> usize {
        let capacity = self.ring.capacity();
        let most = match &self.journal {
            Some(journal) => journal.settings().in_flight_of(capacity),
            None => capacity,
        };
        (most / 2).max(1)
    }

    /// Returns how many bytes of records one batch may hold: half of `ring_bytes`, and of what may be in flight.
    pub(in crate::hub) fn batch_bytes_max(&self) -> usize {
        let most = match &self.journal {
            Some(journal) => journal.settings().in_flight_bytes,
            None => usize::MAX,
        };
        self.ring_bytes.min(most) / 2
    }

    /// Returns the ranges within some offsets whose commit failed, ascending.
    pub(in crate::hub) fn voids(&self, offsets: &Range<u64>) -> Vec<Hole> {
        match &self.journal {
            Some(journal) => journal.voids().holes(offsets),
            None => Vec::new(),
        }
    }

    /// Looks events up by topic and time.
    pub(in crate::hub) fn look_back(&self) -> LookBack<'_> {
        LookBack::new(self)
    }

    /// Releases the lock under which something was published, and wakes the ring's own sleepers: cursors, histories.
    #[inline(always)]
    pub(in crate::hub) fn release(&self, publisher: MutexGuard<'_, Publisher>) {
        // Looked at inside the lock, right behind the store that they sleep for; a closure that was called behind the
        // lock had to carry the result of the publish with it, which cost 30 instructions an event.
        let has_sleepers = self.ring.has_sleepers();
        drop(publisher);
        // Woken outside it: a notification is foreign code, and may publish.
        if has_sleepers {
            self.ring.wake_readers();
        }
    }

    /// Closes the hub, and wakes everybody who waits.
    pub(in crate::hub) fn close(&self) {
        let mut publisher = self.publisher.lock();
        publisher.close();
        self.release(publisher);
        match &self.journal {
            None => self.ended(),
            // What is in flight is still committed, and seen.
            Some(journal) => {
                self.room.notify_first();
                journal.wait_finished(self);
            }
        }
    }

    /// Returns whether the hub was closed and its journal hangs: nobody waits for what is in flight.
    pub(in crate::hub) fn is_given_up(&self) -> bool {
        let journal = self.journal.as_ref();
        journal.is_some_and(HubJournal::is_given_up)
    }

    /// Wakes everybody who waits, once nothing more will be seen.
    pub(in crate::hub) fn ended(&self) {
        if self.ring.has_downstream_sleepers() {
            self.ring.wake_downstream();
        }
        // Whoever falls asleep from here on takes the publisher's lock behind us, sees that it is closed, and does not:
        // so nobody is missing in this list.
        for entry in self.registry.all(|_| true) {
            self.nudge(&entry);
        }
    }

    /// Ends a subscription, and wakes its receiver and those who watch.
    pub(in crate::hub) fn end(
        &self,
        entry: &SubscriptionEntry,
        reason: EndReason,
        wakeups: &Wakeups,
    ) {
        // The reason before the wake-up, or the receiver would look, find nothing and sleep again.
        entry.end(reason);
        self.nudge(entry);
        self.wake(wakeups);
    }

    /// Wakes those who are told of a join or a leave. To be called without a lock.
    pub(in crate::hub) fn wake(&self, wakeups: &Wakeups) {
        wakeups.entries.iter().for_each(|entry| self.nudge(entry));
        wakeups.notify();
    }

    /// Wakes a receiver for something that is no event: its end, a control, the hub's end.
    fn nudge(&self, entry: &SubscriptionEntry) {
        let waiter = &entry.waiter;
        let state = self.wake_router.nudge(&self.ring, &entry.class, waiter);
        // One that is awake needs no call: it looks at its entry once more when it has put itself on the list.
        if state == WaitState::Asleep {
            waiter.notify();
        }
    }
}
