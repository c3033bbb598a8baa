//! One receiver's waiting: how it is put down, woken and told.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;

use crate::ring::{self, Notify};

/// Those to be told once no lock is held.
pub(in crate::hub) type Woken = SmallVec<[Arc<Waiter>; 4]>;

/// One receiver's bed.
pub(in crate::hub) struct Waiter {
    state: Mutex<Waiting>,
    changed: Condvar,
}

struct Waiting {
    state: WaitState,
    /// Index in its class's wait list while asleep.
    at: usize,
    notify: Option<Arc<dyn Notify>>,
}

/// What became of a waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) enum WaitState {
    Awake,
    Asleep,
    /// Woken by an event; nothing wanted came before this sequence since it fell asleep.
    Matched(u64),
    /// Woken because something else happened: look around. Nothing wanted came before this sequence either.
    Nudged(u64),
}

/// Those of one class who wait. Its lock is taken before a waiter's own.
#[derive(Default)]
pub(in crate::hub) struct WaitList {
    asleep: Mutex<Vec<Arc<Waiter>>>,
}

impl Waiter {
    pub(in crate::hub) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(Waiting {
                state: WaitState::Awake,
                at: 0,
                notify: None,
            }),
            changed: Condvar::new(),
        })
    }

    /// Waits until it is woken; `Asleep` if the deadline came first. To be called without any other lock.
    pub(in crate::hub) fn park(&self, deadline: Option<Instant>) -> WaitState {
        let mut waiting = self.state.lock();
        while waiting.state == WaitState::Asleep {
            match deadline {
                None => self.changed.wait(&mut waiting),
                Some(deadline) => {
                    if self.changed.wait_until(&mut waiting, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        waiting.state
    }

    /// Returns how it was woken, and takes note of it.
    pub(in crate::hub) fn take_state(&self) -> WaitState {
        let mut waiting = self.state.lock();
        let state = waiting.state;
        if state != WaitState::Asleep {
            waiting.state = WaitState::Awake;
        }
        state
    }

    /// Whom to tell instead of the thread that parks.
    pub(in crate::hub) fn set_notify(&self, notify: Option<Arc<dyn Notify>>) {
        // Foreign code: what was there goes when the lock is released.
        let old = std::mem::replace(&mut self.state.lock().notify, notify);
        drop(old);
    }

    /// Tells it that its state changed. To be called without any lock.
    pub(in crate::hub) fn notify(&self) {
        let notify = self.state.lock().notify.clone();
        self.changed.notify_all();
        if let Some(notify) = notify {
            ring::notify_and_drop(notify);
        }
    }
}

impl WaitList {
    /// Puts one to sleep. `count` is told before the lock is released.
    pub(in crate::hub) fn insert(&self, waiter: &Arc<Waiter>, count: impl FnOnce()) {
        let mut asleep = self.asleep.lock();
        let mut waiting = waiter.state.lock();
        if waiting.state != WaitState::Asleep {
            waiting.state = WaitState::Asleep;
            waiting.at = asleep.len();
            asleep.push(waiter.clone());
            count();
        }
    }

    /// Takes one out if it still sleeps; says what had become of it.
    pub(in crate::hub) fn remove(&self, waiter: &Waiter, then: WaitState) -> WaitState {
        // Goes when the locks are released, as whatever may hold foreign code.
        let _removed;
        let mut asleep = self.asleep.lock();
        let mut waiting = waiter.state.lock();
        let state = waiting.state;
        if state != WaitState::Asleep {
            return state;
        }
        waiting.state = then;
        let at = waiting.at;
        drop(waiting);
        _removed = asleep.swap_remove(at);
        if let Some(moved) = asleep.get(at) {
            moved.state.lock().at = at;
        }
        state
    }

    /// Returns whether nobody sleeps here.
    pub(in crate::hub) fn is_empty(&self) -> bool {
        self.asleep.lock().is_empty()
    }

    /// Wakes everybody; says how many they were.
    pub(in crate::hub) fn wake(&self, then: WaitState, woken: &mut Woken) -> usize {
        let mut asleep = self.asleep.lock();
        let count = asleep.len();
        for waiter in asleep.drain(..) {
            waiter.state.lock().state = then;
            woken.push(waiter);
        }
        count
    }
}

/// Tells those who were woken.
pub(in crate::hub) fn notify_all(woken: &Woken) {
    woken.iter().for_each(|waiter| waiter.notify());
}

impl std::fmt::Debug for WaitList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaitList").finish_non_exhaustive()
    }
}
