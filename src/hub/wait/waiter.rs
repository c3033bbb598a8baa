//! The waiter of one receiver, and the list of those of one class.
//!
//! A waiter is asleep exactly while it is on its class's list: both change under the list's lock, so that whoever takes
//! it off, a publisher or the receiver itself, is the only one that decides how it woke.

use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;

use crate::ring::{self, Notify};
use crate::sync::blocking::{Condvar, Mutex};

/// The waiters to be notified once no lock is held. Four in place: a publish that wakes few allocates nothing.
pub type Woken = SmallVec<[Arc<Waiter>; 4]>;

/// The waiter of one receiver: a thread that parks, or a notification.
pub struct Waiter {
    state: Mutex<Waiting>,
    changed: Condvar,
}

struct Waiting {
    state: WaitState,
    /// Index in its class's wait list while asleep, so that taking one of ten thousand off is no search.
    at: usize,
    /// Called instead of waking a thread that parks.
    notify: Option<Arc<dyn Notify>>,
}

/// The state of a waiter; those that say how it was woken hold the sequence that it may go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitState {
    Awake,
    Asleep,
    /// Woken by an event that it wants; nothing wanted came before this sequence since it fell asleep.
    Matched(u64),
    /// Woken for something else: its end, a control. Nothing wanted came before this sequence either.
    Nudged(u64),
}

/// The waiters of one class that are asleep. Its lock is taken before a waiter's own.
#[derive(Default)]
pub struct WaitList {
    asleep: Mutex<Vec<Arc<Waiter>>>,
}

impl Waiter {
    pub fn new() -> Arc<Self> {
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
    pub fn park(&self, deadline: Option<Instant>) -> WaitState {
        let mut waiting = self.state.lock();
        // A loop: a condition variable may wake for nothing.
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

    /// Returns how it was woken, and lets it be awake.
    pub fn take_state(&self) -> WaitState {
        let mut waiting = self.state.lock();
        let state = waiting.state;
        // One that is asleep stays so: it is still on the list, whose lock is not held here.
        if state != WaitState::Asleep {
            waiting.state = WaitState::Awake;
        }
        state
    }

    /// Sets the notification that is called instead of waking a thread that parks.
    pub fn set_notify(&self, notify: Option<Arc<dyn Notify>>) {
        // Foreign code: what was there goes when the lock is released.
        let old = std::mem::replace(&mut self.state.lock().notify, notify);
        drop(old);
    }

    /// Wakes its thread, or calls its notification. To be called without any lock.
    pub fn notify(&self) {
        // Cloned, and called when the lock is released: it is foreign code, and may receive, which takes this lock.
        let notify = self.state.lock().notify.clone();
        // Also where there is a notification: as long as nobody parks this is one look at an atomic.
        self.changed.notify_all();
        if let Some(notify) = notify {
            ring::notify_and_drop(notify);
        }
    }
}

impl WaitList {
    /// Puts one to sleep. `count` is called before the lock is released: whoever wakes it counts down, and must not
    /// come first.
    pub fn insert(&self, waiter: &Arc<Waiter>, count: impl FnOnce()) {
        let mut asleep = self.asleep.lock();
        let mut waiting = waiter.state.lock();
        if waiting.state != WaitState::Asleep {
            waiting.state = WaitState::Asleep;
            waiting.at = asleep.len();
            asleep.push(waiter.clone());
            count();
        }
    }

    /// Takes one off if it still sleeps; returns the state that it was in.
    pub fn remove(&self, waiter: &Waiter, then: WaitState) -> WaitState {
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
        // Before the one that moves into its place is locked: never two waiters at once.
        drop(waiting);
        _removed = asleep.swap_remove(at);
        if let Some(moved) = asleep.get(at) {
            moved.state.lock().at = at;
        }
        state
    }

    /// Returns whether nobody sleeps here.
    pub fn is_empty(&self) -> bool {
        self.asleep.lock().is_empty()
    }

    /// Takes all of them off, to be notified; returns how many they were.
    pub fn wake(&self, then: WaitState, woken: &mut Woken) -> usize {
        let mut asleep = self.asleep.lock();
        let count = asleep.len();
        for waiter in asleep.drain(..) {
            waiter.state.lock().state = then;
            woken.push(waiter);
        }
        count
    }
}

/// Notifies those who were woken. To be called without any lock.
pub fn notify_all(woken: &Woken) {
    woken.iter().for_each(|waiter| waiter.notify());
}

impl std::fmt::Debug for WaitList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaitList").finish_non_exhaustive()
    }
}
