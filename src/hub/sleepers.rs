//! One receiver's sleep: how it is put down, woken and told.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;

use crate::ring::{self, Notify};

/// Those to be told once no lock is held.
pub(super) type Woken = SmallVec<[Arc<Sleeper>; 4]>;

/// One receiver's bed.
pub(super) struct Sleeper {
    sleep: Mutex<Sleep>,
    changed: Condvar,
}

struct Sleep {
    state: State,
    /// Index in its class's dormitory while asleep.
    at: usize,
    notify: Option<Arc<dyn Notify>>,
}

/// What became of a sleeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Awake,
    Asleep,
    /// Woken by an event; nothing wanted came before this sequence since it fell asleep.
    At(u64),
    /// Woken because something else happened: look around. Nothing wanted came before this sequence either.
    Nudged(u64),
}

/// Those of one class who sleep. Its lock is taken before a sleeper's own.
#[derive(Default)]
pub(super) struct Dormitory {
    asleep: Mutex<Vec<Arc<Sleeper>>>,
}

impl Sleeper {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            sleep: Mutex::new(Sleep {
                state: State::Awake,
                at: 0,
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
        // Foreign code: what was there goes when the lock is released.
        let old = std::mem::replace(&mut self.sleep.lock().notify, notify);
        drop(old);
    }

    /// Tells it that its state changed. To be called without any lock.
    pub(super) fn tell(&self) {
        let notify = self.sleep.lock().notify.clone();
        self.changed.notify_all();
        if let Some(notify) = notify {
            ring::notify_and_drop(notify);
        }
    }
}

impl Dormitory {
    /// Puts one to sleep. `count` is told before the lock is released.
    pub(super) fn lay(&self, sleeper: &Arc<Sleeper>, count: impl FnOnce()) {
        let mut asleep = self.asleep.lock();
        let mut sleep = sleeper.sleep.lock();
        if sleep.state != State::Asleep {
            sleep.state = State::Asleep;
            sleep.at = asleep.len();
            asleep.push(sleeper.clone());
            count();
        }
    }

    /// Takes one out if it still sleeps; says what had become of it.
    pub(super) fn rouse(&self, sleeper: &Sleeper, then: State) -> State {
        // Goes when the locks are released, as whatever may hold foreign code.
        let _removed;
        let mut asleep = self.asleep.lock();
        let mut sleep = sleeper.sleep.lock();
        let state = sleep.state;
        if state != State::Asleep {
            return state;
        }
        sleep.state = then;
        let at = sleep.at;
        drop(sleep);
        _removed = asleep.swap_remove(at);
        if let Some(moved) = asleep.get(at) {
            moved.sleep.lock().at = at;
        }
        state
    }

    /// Returns whether nobody sleeps here.
    pub(super) fn is_empty(&self) -> bool {
        self.asleep.lock().is_empty()
    }

    /// Wakes everybody; says how many they were.
    pub(super) fn wake(&self, then: State, woken: &mut Woken) -> usize {
        let mut asleep = self.asleep.lock();
        let count = asleep.len();
        for sleeper in asleep.drain(..) {
            sleeper.sleep.lock().state = then;
            woken.push(sleeper);
        }
        count
    }
}

/// Tells those who were woken.
pub(super) fn tell(woken: &Woken) {
    woken.iter().for_each(|sleeper| sleeper.tell());
}

impl std::fmt::Debug for Dormitory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dormitory").finish_non_exhaustive()
    }
}
