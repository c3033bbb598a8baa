//! The list of those who sleep: threads and foreign wakers, readers or publishers.
//!
//! An entry is awake, asleep or notified, and in the list exactly while it is asleep. The side that wakes looks at
//! one counter, and touches nothing else while it is zero.

use crate::sync::{
    AtomicU32, AtomicU64, AtomicUsize, Mutex, Ordering, SPIN, Thread, current, fence, park_until,
};
use crossbeam_utils::{Backoff, CachePadded};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// Something that can be told from another thread, such as a poller.
///
/// Called on the publisher's thread, outside any lock of the ring. It should be short, and it must not wait.
/// A panic in it is caught, so that it neither stops other notifications nor the publisher.
pub trait Notify: Send + Sync {
    /// Tells it that there is something to read, or that nothing more will come.
    fn notify(&self);
}

/// Entries that sleep, and how many there are.
pub(super) struct WaitList {
    /// `list.len()`, for the side that wakes to look at without the lock.
    asleep: CachePadded<AtomicU32>,
    list: Mutex<Vec<Arc<Entry>>>,
}

/// One sleeper.
pub(super) struct Entry {
    /// [`AWAKE`], [`ASLEEP`] or [`NOTIFIED`]; written under the list's lock.
    state: AtomicU32,
    /// Sleeps until head is above this. Under the list's lock.
    until: AtomicU64,
    /// Index in the list while asleep. Under the list's lock.
    at: AtomicUsize,
    wake: Wake,
}

enum Wake {
    Thread(Thread),
    Foreign(Arc<dyn Notify>),
}

impl WaitList {
    pub(super) fn new() -> Self {
        Self {
            asleep: CachePadded::new(AtomicU32::new(0)),
            list: Mutex::new(Vec::new()),
        }
    }

    /// Wakes who sleeps for less than `head`. To be called after the store that they sleep for.
    #[inline(always)]
    pub(super) fn wake(&self, head: u64) {
        // SeqCst fence: pairs with the one in `arm`. Of two such fences one comes first: either the sleeper's look at
        // the condition sees our store, or our look at `asleep` sees that somebody sleeps.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) != 0 {
            self.wake_cold(head);
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_cold(&self, head: u64) {
        for entry in self.take_due(head) {
            entry.notify();
        }
    }

    fn take_due(&self, head: u64) -> Vec<Arc<Entry>> {
        let mut list = self.list.lock();
        let all = mem::take(&mut *list);
        let (due, rest): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|entry| entry.until.load(Ordering::Relaxed) < head);
        for entry in &due {
            // Release: pairs with the Acquire in `Entry::park`.
            entry.state.store(NOTIFIED, Ordering::Release);
        }
        for (at, entry) in rest.iter().enumerate() {
            entry.at.store(at, Ordering::Relaxed);
        }
        self.asleep.store(rest.len() as u32, Ordering::Relaxed);
        *list = rest;
        due
    }

    /// Puts an entry to sleep. The caller looks at its condition once more before it really does.
    pub(super) fn arm(&self, entry: &Arc<Entry>, until: u64) {
        let mut list = self.list.lock();
        entry.until.store(until, Ordering::Relaxed);
        if entry.state.load(Ordering::Relaxed) != ASLEEP {
            entry.state.store(ASLEEP, Ordering::Relaxed);
            entry.at.store(list.len(), Ordering::Relaxed);
            list.push(entry.clone());
            self.asleep.store(list.len() as u32, Ordering::Relaxed);
        }
        drop(list);
        // SeqCst fence: pairs with the one in `wake`.
        fence(Ordering::SeqCst);
    }

    /// Takes an entry out, if it still sleeps.
    pub(super) fn disarm(&self, entry: &Entry) {
        if entry.state.load(Ordering::Relaxed) != ASLEEP {
            return;
        }
        let mut list = self.list.lock();
        if entry.state.load(Ordering::Relaxed) == ASLEEP {
            let at = entry.at.load(Ordering::Relaxed);
            list.swap_remove(at);
            if let Some(moved) = list.get(at) {
                moved.at.store(at, Ordering::Relaxed);
            }
            self.asleep.store(list.len() as u32, Ordering::Relaxed);
            entry.state.store(AWAKE, Ordering::Relaxed);
        }
    }

    /// Waits on this thread until `ready`; false if the deadline came first.
    pub(super) fn wait(
        &self,
        until: u64,
        deadline: Option<Instant>,
        mut ready: impl FnMut() -> bool,
    ) -> bool {
        let backoff = Backoff::new();
        while SPIN && !backoff.is_completed() {
            if ready() {
                return true;
            }
            backoff.snooze();
        }
        loop {
            let entry = Arc::new(Entry::new(Wake::Thread(current())));
            self.arm(&entry, until);
            if ready() {
                self.disarm(&entry);
                return true;
            }
            let notified = entry.park(deadline);
            self.disarm(&entry);
            if ready() {
                return true;
            }
            if !notified {
                return false;
            }
        }
    }
}

impl Entry {
    fn new(wake: Wake) -> Self {
        Self {
            state: AtomicU32::new(AWAKE),
            until: AtomicU64::new(0),
            at: AtomicUsize::new(0),
            wake,
        }
    }

    /// An entry that tells somebody else.
    pub(super) fn foreign(notify: Arc<dyn Notify>) -> Self {
        Self::new(Wake::Foreign(notify))
    }

    /// Sleeps; false if the deadline came before a notification.
    fn park(&self, deadline: Option<Instant>) -> bool {
        // Acquire: pairs with the Release in `take_due`.
        while self.state.load(Ordering::Acquire) == ASLEEP {
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
            Wake::Foreign(notify) => {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| notify.notify())) {
                    // The panic hook has told. Its payload may panic again when dropped, and the rest must be woken.
                    mem::forget(panic);
                }
            }
        }
    }
}

const AWAKE: u32 = 0;
const ASLEEP: u32 = 1;
const NOTIFIED: u32 = 2;
