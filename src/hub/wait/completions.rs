//! Those who wait for the outcome of a publish.

use std::sync::Arc;

use crate::ring::{self, Notify};
use crate::sync::blocking::Mutex;
use crate::sync::{AtomicUsize, Ordering, fence};

/// Those who wait for the outcome of a publish: each is notified once, when readers have passed its events.
#[derive(Default)]
pub struct Completions {
    waiting: Mutex<Vec<Waiting>>,
    /// The number of those who wait: the one word that is looked at while nobody does.
    count: AtomicUsize,
}

struct Waiting {
    /// The sequence behind the events.
    end: u64,
    notify: Arc<dyn Notify>,
}

impl Completions {
    /// Adds one that waits for everything before a sequence. It looks once more behind this, before it sleeps.
    pub fn add(&self, end: u64, notify: Arc<dyn Notify>) {
        let mut waiting = self.waiting.lock();
        waiting.push(Waiting { end, notify });
        self.count.store(waiting.len(), Ordering::Relaxed);
        drop(waiting);
        // SeqCst fence: pairs with the one in `wake`. Either it finds the barrier moved when it looks, or the mover
        // finds it here.
        fence(Ordering::SeqCst);
    }

    /// Removes one that waits no longer.
    pub fn remove(&self, notify: &Arc<dyn Notify>) {
        let mut waiting = self.waiting.lock();
        let at = waiting
            .iter()
            .position(|other| Arc::ptr_eq(&other.notify, notify));
        // Goes when the lock is released: it may be the last reference, and foreign code.
        let _removed = at.map(|at| waiting.swap_remove(at));
        self.count.store(waiting.len(), Ordering::Relaxed);
        drop(waiting);
    }

    /// Notifies those who wait for what lies before a sequence. To be called without a lock.
    pub fn wake(&self, visible: u64) {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let due: Vec<Waiting> = {
            let mut waiting = self.waiting.lock();
            let due = waiting.extract_if(.., |one| one.end <= visible).collect();
            self.count.store(waiting.len(), Ordering::Relaxed);
            due
        };
        due.into_iter()
            .for_each(|one| ring::notify_and_drop(one.notify));
    }
}
