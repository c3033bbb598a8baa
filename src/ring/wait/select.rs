//! Waiting for several rings on one thread.

use super::notify::Notify;
use super::strategy::WaitStrategy;
use super::waiter::Waiter;
use crate::ring::read::Subscriber;
use crate::sync::{AtomicU32, MODEL, Mutex, Ordering, Thread, current, park_until};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// A list of rings, of which one thread waits for the first that has something to read, whatever the types of their
/// values.
///
/// # Examples
///
/// ```
/// use eventring::ring::{self, Select, Start};
///
/// let (mut numbers, ring) = ring::channel::<u64>(8).unwrap();
/// let mut number = ring.subscribe(Start::Newest).unwrap();
/// let (mut words, ring) = ring::channel::<String>(8).unwrap();
/// let mut word = ring.subscribe(Start::Newest).unwrap();
///
/// let mut select = Select::new();
/// assert_eq!((select.add(&number), select.add(&word)), (0, 1));
/// words.publish("one".to_owned()).unwrap();
/// match select.wait(&[number.position(), word.position()], None) {
///     Some(0) => println!("{}", *number.try_recv().unwrap()),
///     Some(1) => assert_eq!(*word.try_recv().unwrap(), "one"),
///     _ => unreachable!("there is no deadline"),
/// }
/// # numbers.publish(1).unwrap();
/// ```
pub struct Select {
    waker: Arc<ThreadWaker>,
    sources: Vec<Waiter>,
    /// The index at which the next search starts, so that a busy ring does not hide the others.
    turn: usize,
}

/// The waker of the thread that waits: what every ring notifies.
struct ThreadWaker {
    /// 1 after a notification; the thread resets it.
    notified: AtomicU32,
    thread: Mutex<Option<Thread>>,
}

impl Notify for ThreadWaker {
    fn notify(&self) {
        // Release: pairs with the Acquire in `Select::sleep`.
        self.notified.store(1, Ordering::Release);
        let thread = self.thread.lock().clone();
        if let Some(thread) = thread {
            thread.unpark();
        }
    }
}

impl Select {
    /// Waits for nothing yet.
    pub fn new() -> Self {
        let waker = ThreadWaker {
            notified: AtomicU32::new(0),
            thread: Mutex::new(None),
        };
        Self {
            waker: Arc::new(waker),
            sources: Vec::new(),
            turn: 0,
        }
    }

    /// Adds the ring of a subscriber, and returns its index.
    pub fn add<T: Send + Sync + 'static>(&mut self, subscriber: &Subscriber<T>) -> usize {
        self.sources.push(subscriber.waiter(self.waker.clone()));
        self.sources.len() - 1
    }

    /// Waits until a ring's head is past its position in `positions`, or it is closed, and returns its index; `None` if
    /// the deadline came first. Rings take turns where several are ready.
    ///
    /// A ring without a position, or with [`u64::MAX`], is not waited for. Should the kernel refuse `membarrier` (see
    /// [`Fencing`](crate::ring::Fencing)), an index may come back although there is nothing to read yet.
    pub fn wait(&mut self, positions: &[u64], deadline: Option<Instant>) -> Option<usize> {
        let mut found = None;
        let mut ready = || {
            found = self.find(positions, |waiter, position| waiter.is_ready(position));
            found.is_some()
        };
        if !MODEL && WaitStrategy::Park.spin(deadline, &mut ready) {
            return self.found(found);
        }
        // Each time: a `Select` may have moved to another thread.
        *self.waker.thread.lock() = Some(current());
        loop {
            // Before arming: a notification of the entries that are armed below must not be lost.
            self.waker.notified.store(0, Ordering::Relaxed);
            let found = self.find(positions, |waiter, position| !waiter.arm(position));
            let late = found.is_none() && !self.sleep(deadline);
            // All of them: the others would wake us for something that nobody waits for any more.
            self.sources.iter().for_each(Waiter::disarm);
            let found = found
                .or_else(|| self.find(positions, |waiter, position| waiter.is_ready(position)));
            if found.is_some() || late {
                return self.found(found);
            }
        }
    }

    fn found(&mut self, found: Option<usize>) -> Option<usize> {
        self.turn = found.map_or(0, |at| at + 1);
        found
    }

    fn find(&self, positions: &[u64], is_it: impl Fn(&Waiter, u64) -> bool) -> Option<usize> {
        let count = self.sources.len().min(positions.len());
        let turns = (self.turn..count).chain(0..self.turn.min(count));
        let mut found = turns.filter(|&at| {
            let position = positions[at];
            position != u64::MAX && is_it(&self.sources[at], position)
        });
        found.next()
    }

    /// Sleeps until a ring notifies; false if the deadline came first.
    fn sleep(&self, deadline: Option<Instant>) -> bool {
        // Acquire: pairs with the Release in `notify`.
        while self.waker.notified.load(Ordering::Acquire) == 0 {
            if deadline.is_some_and(|at| at <= Instant::now()) {
                return false;
            }
            park_until(deadline);
        }
        true
    }
}

impl Default for Select {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("rings", &self.sources.len())
            .finish_non_exhaustive()
    }
}
