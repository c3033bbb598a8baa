//! Who sleeps for what: a trie on topics and an index on types, so that an event wakes those who may want it.
//!
//! Everything here happens under the publisher's lock, so that there is nothing to order: who falls asleep does so
//! between two events. While somebody sleeps, every event is judged here, once for all with the same topics and types;
//! who is woken goes on at that event and need not look at those before. While nobody sleeps, a publisher looks at one
//! number.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;

use crate::event::{EventFilter, EventRef, Router};
use crate::ring::Notify;

use super::class::Class;

/// Those to be told once the publisher's lock is released.
pub(super) type Woken = SmallVec<[Arc<Sleeper>; 4]>;

/// One receiver's bed.
pub(super) struct Sleeper {
    sleep: Mutex<Sleep>,
    changed: Condvar,
}

struct Sleep {
    state: State,
    /// Index in its class's list while asleep.
    at: usize,
    slot: u32,
    notify: Option<Arc<dyn Notify>>,
}

/// What became of a sleeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Awake,
    Asleep,
    /// Woken by the event of this sequence; nothing wanted came before it since it fell asleep.
    At(u64),
    /// Woken because something else happened: look around.
    Nudged,
}

/// The classes that receivers belong to, and who of them sleeps.
#[derive(Default)]
pub(super) struct Sleepers {
    by_topic: Router<u32>,
    /// Classes that take every topic, but only these types.
    by_type: HashMap<Box<str>, Vec<u32>>,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_filter: HashMap<EventFilter, u32>,
    asleep: usize,
}

struct Slot {
    class: Arc<Class>,
    members: usize,
    asleep: Vec<Arc<Sleeper>>,
}

impl Sleeper {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            sleep: Mutex::new(Sleep {
                state: State::Awake,
                at: 0,
                slot: 0,
                notify: None,
            }),
            changed: Condvar::new(),
        })
    }

    /// Waits until it is woken; `Asleep` if the deadline came first. To be called without any other lock.
    pub(super) fn park(&self, deadline: Option<Instant>) -> State {
        let mut sleep = self.sleep.lock();
        while sleep.state == State::Asleep {
            match deadline {
                None => self.changed.wait(&mut sleep),
                Some(deadline) => {
                    if self.changed.wait_until(&mut sleep, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        sleep.state
    }

    /// Returns how it was woken, and takes note of it.
    pub(super) fn take(&self) -> State {
        let mut sleep = self.sleep.lock();
        let state = sleep.state;
        if state != State::Asleep {
            sleep.state = State::Awake;
        }
        state
    }

    /// Whom to tell instead of the thread that parks.
    pub(super) fn set_notify(&self, notify: Option<Arc<dyn Notify>>) {
        self.sleep.lock().notify = notify;
    }

    /// Tells it that its state changed. To be called without the publisher's lock.
    pub(super) fn tell(&self) {
        let notify = self.sleep.lock().notify.clone();
        self.changed.notify_all();
        if let Some(notify) = notify {
            let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| notify.notify()));
            if let Err(panic) = told {
                // The panic hook has told. Its payload may panic again when dropped, and the rest must be woken.
                std::mem::forget(panic);
            }
        }
    }
}

/// Tells those who were woken, after the publisher's lock was released.
pub(super) fn tell(woken: &Woken) {
    woken.iter().for_each(|sleeper| sleeper.tell());
}

impl Sleepers {
    /// Whether an event needs to be judged here.
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.asleep == 0
    }

    /// Adds a member to a class.
    pub(super) fn join(&mut self, class: &Arc<Class>) -> u32 {
        let filter = class.event_filter();
        if let Some(&slot) = self.by_filter.get(filter)
            && let Some(known) = &mut self.slots[slot as usize]
        {
            known.members += 1;
            return slot;
        }
        let new = Slot {
            class: class.clone(),
            members: 1,
            asleep: Vec::new(),
        };
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() as u32 - 1
            }
        };
        self.slots[slot as usize] = Some(new);
        self.by_filter.insert(filter.clone(), slot);
        match indexed_types(filter) {
            Some(types) => {
                for ty in types {
                    self.by_type.entry(ty.clone()).or_default().push(slot);
                }
            }
            None => self.by_topic.insert(filter.topics(), slot),
        }
        slot
    }

    /// Takes a member out of its class; the class goes with its last one.
    pub(super) fn leave(&mut self, slot: u32) {
        let Some(known) = &mut self.slots[slot as usize] else {
            return;
        };
        known.members -= 1;
        if known.members > 0 {
            return;
        }
        let filter = known.class.event_filter().clone();
        self.slots[slot as usize] = None;
        self.free.push(slot);
        self.by_filter.remove(&filter);
        match indexed_types(&filter) {
            Some(types) => {
                for ty in types {
                    if let Some(list) = self.by_type.get_mut(ty) {
                        list.retain(|one| *one != slot);
                        if list.is_empty() {
                            self.by_type.remove(ty);
                        }
                    }
                }
            }
            None => self.by_topic.remove(filter.topics(), slot),
        }
    }

    /// Puts a member to sleep.
    pub(super) fn sleep(&mut self, slot: u32, sleeper: &Arc<Sleeper>) {
        let Some(known) = &mut self.slots[slot as usize] else {
            return;
        };
        let mut sleep = sleeper.sleep.lock();
        if sleep.state != State::Asleep {
            sleep.state = State::Asleep;
            sleep.slot = slot;
            sleep.at = known.asleep.len();
            known.asleep.push(sleeper.clone());
            self.asleep += 1;
        }
    }

    /// Takes a sleeper out, if it still sleeps; says what became of it.
    pub(super) fn rouse(&mut self, sleeper: &Sleeper, then: State) -> State {
        let mut sleep = sleeper.sleep.lock();
        let state = sleep.state;
        if state != State::Asleep {
            return state;
        }
        let (slot, at) = (sleep.slot, sleep.at);
        sleep.state = then;
        drop(sleep);
        if let Some(known) = &mut self.slots[slot as usize] {
            known.asleep.swap_remove(at);
            if let Some(moved) = known.asleep.get(at) {
                moved.sleep.lock().at = at;
            }
            self.asleep -= 1;
        }
        state
    }

    /// Wakes those who may want an event.
    pub(super) fn wake(&mut self, sequence: u64, event: EventRef<'_>, woken: &mut Woken) {
        let mut slots: SmallVec<[u32; 32]> = SmallVec::new();
        self.by_topic.route(event.topic(), &mut slots);
        if !self.by_type.is_empty()
            && let Some(list) = self.by_type.get(event.ty())
        {
            slots.extend_from_slice(list);
        }
        for slot in slots {
            let Some(known) = &mut self.slots[slot as usize] else {
                continue;
            };
            if known.asleep.is_empty() || !known.class.event_filter().matches_beside_topic(event) {
                continue;
            }
            self.asleep -= known.asleep.len();
            for sleeper in known.asleep.drain(..) {
                sleeper.sleep.lock().state = State::At(sequence);
                woken.push(sleeper);
            }
        }
    }

    /// Wakes everybody.
    pub(super) fn wake_all(&mut self, woken: &mut Woken) {
        for known in self.slots.iter_mut().flatten() {
            for sleeper in known.asleep.drain(..) {
                sleeper.sleep.lock().state = State::Nudged;
                woken.push(sleeper);
            }
        }
        self.asleep = 0;
    }
}

/// The types under which a class is found, where it takes every topic.
fn indexed_types(filter: &EventFilter) -> Option<&[Box<str>]> {
    filter.exact_types().filter(|_| filter.topics().is_all())
}
