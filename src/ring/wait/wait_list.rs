//! The list of sleepers: threads and foreign wakers, readers or publishers.
//!
//! An entry is awake, asleep or notified, and in the list exactly while it is asleep. The side that wakes looks at
//! one counter, and touches nothing else while it is zero.

use super::fence::FencePair;
use super::notify::{Notify, catch_panic};
use super::strategy::{WaitStrategy, earlier};
use crate::sync::{
    AtomicU32, AtomicU64, AtomicUsize, MODEL, Mutex, Ordering, Thread, current, park_until,
};
use crossbeam_utils::CachePadded;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A list of entries that sleep, and their count.
pub(in crate::ring) struct WaitList {
    sleepers: CachePadded<Sleepers>,
    list: Mutex<Vec<Arc<WaitEntry>>>,
}

/// The count of sleepers, with the fence that goes before a look at it: all that the side that wakes touches while
/// nobody sleeps.
struct Sleepers {
    /// `list.len()`. Written under the lock, and looked at without.
    asleep: AtomicU32,
    fences: FencePair,
}

/// A sleeper.
pub(in crate::ring) struct WaitEntry {
    /// [`AWAKE`], [`ASLEEP`] or [`NOTIFIED`]; written under the list's lock.
    state: AtomicU32,
    /// The head that it sleeps for: it is woken when head is above. Under the list's lock.
    until: AtomicU64,
    /// The index in the list while asleep: so that leaving it searches nothing. Under the list's lock.
    at: AtomicUsize,
    wake: Wake,
}

/// The way in which a sleeper is woken.
enum Wake {
    Thread(Thread),
    Foreign(Arc<dyn Notify>),
}

impl WaitList {
    pub(in crate::ring) fn new(fences: FencePair) -> Self {
        let sleepers = Sleepers {
            asleep: AtomicU32::new(0),
            fences,
        };
        Self {
            sleepers: CachePadded::new(sleepers),
            list: Mutex::new(Vec::new()),
        }
    }

    /// Wakes who sleeps for less than `head`. To be called after the store that they sleep for.
    #[inline(always)]
    pub(in crate::ring) fn wake(&self, head: u64) {
        if self.has_sleepers() {
            self.wake_cold(head);
        }
    }

    /// Returns whether somebody may have gone to sleep before our last store.
    #[inline(always)]
    pub(in crate::ring) fn has_sleepers(&self) -> bool {
        // Pairs with `heavy` in `arm`: either the sleeper's look at the condition sees our store, or our look at
        // `asleep` sees that somebody sleeps.
        self.sleepers.fences.light();
        self.sleepers.asleep.load(Ordering::Relaxed) != 0
    }

    /// Returns the fences that the ring settled on.
    pub(in crate::ring) fn fences(&self) -> FencePair {
        self.sleepers.fences
    }

    #[cold]
    #[inline(never)]
    fn wake_cold(&self, head: u64) {
        // Without the lock: wakers are foreign code, and may come back to the ring.
        for entry in self.take_due(head) {
            catch_panic(|| entry.notify());
            // Whoever left it may have gone meanwhile: then what it holds goes here.
            catch_panic(|| drop(entry));
        }
    }

    fn take_due(&self, head: u64) -> Vec<Arc<WaitEntry>> {
        let mut list = self.list.lock();
        let all = mem::take(&mut *list);
        let (due, rest): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|entry| entry.until.load(Ordering::Relaxed) < head);
        for entry in &due {
            // Release: pairs with the Acquire in `WaitEntry::park`.
            entry.state.store(NOTIFIED, Ordering::Release);
        }
        for (at, entry) in rest.iter().enumerate() {
            entry.at.store(at, Ordering::Relaxed);
        }
        self.sleepers
            .asleep
            .store(rest.len() as u32, Ordering::Relaxed);
        *list = rest;
        due
    }

    /// Puts an entry to sleep. The caller looks at its condition once more before it really does.
    ///
    /// False if a wake-up cannot be promised: the caller looks again by itself then.
    pub(in crate::ring) fn arm(&self, entry: &Arc<WaitEntry>, until: u64) -> bool {
        let mut list = self.list.lock();
        entry.until.store(until, Ordering::Relaxed);
        if entry.state.load(Ordering::Relaxed) != ASLEEP {
            entry.state.store(ASLEEP, Ordering::Relaxed);
            entry.at.store(list.len(), Ordering::Relaxed);
            list.push(entry.clone());
            self.sleepers
                .asleep
                .store(list.len() as u32, Ordering::Relaxed);
        }
        // The fence may be a system call: not under the lock that wakers need.
        drop(list);
        // Pairs with `light` in `has_sleepers`.
        self.sleepers.fences.heavy()
    }

    /// Takes an entry out, if it still sleeps.
    pub(in crate::ring) fn disarm(&self, entry: &WaitEntry) {
        // Only its owner puts an entry to sleep, so one that does not sleep stays so: most need no lock.
        if entry.state.load(Ordering::Relaxed) != ASLEEP {
            return;
        }
        // Dropped after the lock is released, as whatever may hold foreign code.
        let _removed;
        let mut list = self.list.lock();
        if entry.state.load(Ordering::Relaxed) == ASLEEP {
            let at = entry.at.load(Ordering::Relaxed);
            _removed = list.swap_remove(at);
            if let Some(moved) = list.get(at) {
                moved.at.store(at, Ordering::Relaxed);
            }
            self.sleepers
                .asleep
                .store(list.len() as u32, Ordering::Relaxed);
            entry.state.store(AWAKE, Ordering::Relaxed);
        }
    }

    /// Waits on this thread until `ready`; false if the deadline came first.
    pub(in crate::ring) fn wait(
        &self,
        strategy: WaitStrategy,
        until: u64,
        deadline: Option<Instant>,
        mut ready: impl FnMut() -> bool,
    ) -> bool {
        // A model has no clock, and would try spinning for ever.
        if !MODEL {
            let seen = strategy.spin(deadline, &mut ready);
            if seen || strategy != WaitStrategy::Park {
                return seen;
            }
        }
        self.sleep(until, deadline, ready)
    }

    fn sleep(
        &self,
        until: u64,
        deadline: Option<Instant>,
        mut ready: impl FnMut() -> bool,
    ) -> bool {
        loop {
            let entry = Arc::new(WaitEntry::new(Wake::Thread(current())));
            let sure = self.arm(&entry, until);
            // I6: once more after we were counted as asleep. What came before woke nobody.
            if ready() {
                self.disarm(&entry);
                return true;
            }
            let slice = if sure {
                deadline
            } else {
                earlier(deadline, SLICE)
            };
            let notified = entry.park(slice);
            self.disarm(&entry);
            if ready() {
                return true;
            }
            // Else once more: a notification may be for room that another publisher has taken.
            if !notified && (sure || deadline.is_some_and(|at| at <= Instant::now())) {
                return false;
            }
        }
    }
}

impl WaitEntry {
    fn new(wake: Wake) -> Self {
        Self {
            state: AtomicU32::new(AWAKE),
            until: AtomicU64::new(0),
            at: AtomicUsize::new(0),
            wake,
        }
    }

    /// Makes an entry that calls a notification.
    pub(in crate::ring) fn foreign(notify: Arc<dyn Notify>) -> Self {
        Self::new(Wake::Foreign(notify))
    }

    /// Parks this thread; false if the deadline came before a notification.
    fn park(&self, deadline: Option<Instant>) -> bool {
        // Acquire: pairs with the Release in `take_due`.
        while self.state.load(Ordering::Acquire) == ASLEEP {
            // Threads wake up for no reason too, or for a token that was left by somebody else.
            if deadline.is_some_and(|at| at <= Instant::now()) {
                return false;
            }
            park_until(deadline);
        }
        true
    }

    fn notify(&self) {
        match &self.wake {
            Wake::Thread(thread) => thread.unpark(),
            Wake::Foreign(notify) => notify.notify(),
        }
    }
}

const AWAKE: u32 = 0;
const ASLEEP: u32 = 1;
const NOTIFIED: u32 = 2;
/// The longest sleep of a sleeper whose fence failed: nobody may have seen it go to sleep.
const SLICE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::yield_now;
    use std::sync::atomic::AtomicBool;

    /// A sleeper that cannot be sure to be woken looks for itself: here nobody ever wakes it.
    #[test]
    fn without_a_fence_a_sleeper_looks_by_itself() {
        let list = WaitList::new(FencePair::Broken);
        let happened = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (list, happened) = (&list, &happened);
            let waiting = scope.spawn(move || {
                list.wait(WaitStrategy::Park, 0, None, || {
                    happened.load(Ordering::Acquire)
                })
            });
            while !list.has_sleepers() {
                yield_now();
            }
            happened.store(true, Ordering::Release);
            assert!(waiting.join().unwrap());
        });
        let soon = Instant::now() + 3 * SLICE;
        assert!(!list.wait(WaitStrategy::Park, 0, Some(soon), || false));
        assert!(Instant::now() >= soon, "slices end, the deadline counts");
        let notify = Arc::new(WaitEntry::foreign(Arc::new(Nobody)));
        assert!(!list.arm(&notify, 0), "no promise");
    }

    struct Nobody;
    impl Notify for Nobody {
        fn notify(&self) {}
    }
}
