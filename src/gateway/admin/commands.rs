//! The desk: what other threads, and the gateways of other reactors, ask of a gateway.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::gateway::admin::connections::{Found, Order, Progress};
use crate::gateway::gateway::Gateway;
use crate::reactor::Streams;
use crate::ring::Notify;

/// Orders that wait at one desk; a further one is refused.
const ORDERS_MAX: usize = 1024;
/// Work on orders in a turn, in looks at a connection of 10 ns or so: what is left is for later turns, so that no
/// order keeps streams waiting.
pub(super) const TURN_STEPS: usize = 4096;

/// The desks of all reactors of a server.
pub(in crate::gateway) struct Desks(Box<[Desk]>);

/// One reactor's desk.
#[derive(Default)]
struct Desk {
    /// Something waits: looked at once a turn, without the lock.
    rung: AtomicBool,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    bell: Option<Arc<dyn Notify>>,
    orders: VecDeque<Task>,
}

/// An order at one desk, and how far it is there.
struct Task {
    errand: Arc<Errand>,
    progress: Progress,
}

/// Why an order was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum NotTaken {
    /// Too many wait.
    Busy,
    /// Nobody is there.
    Closed,
}

/// Which reactors an order is for.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) enum To {
    All,
    One(usize),
}

/// An order on its way to reactors, and what they have found so far.
struct Errand {
    order: Order,
    state: Mutex<State>,
    /// Who asked has gone.
    orphaned: AtomicBool,
    /// Called by the last reactor.
    done: Box<dyn Fn() + Send + Sync>,
}

struct State {
    left: usize,
    found: Found,
}

/// What somebody asked for. An order that only looks ends when this is dropped.
pub(in crate::gateway) struct Asked(Arc<Errand>);

impl Asked {
    /// Whether all reactors have done their part.
    pub(in crate::gateway) fn is_done(&self) -> bool {
        lock(&self.0.state).left == 0
    }

    /// Takes what was found.
    pub(in crate::gateway) fn take(&self) -> Found {
        std::mem::take(&mut lock(&self.0.state).found)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // Relaxed: it saves work, nothing depends on it.
        self.0.orphaned.store(true, Ordering::Relaxed);
    }
}

impl Errand {
    fn is_wanted(&self) -> bool {
        // Relaxed: as in `drop`.
        !self.order.only_looks() || !self.orphaned.load(Ordering::Relaxed)
    }

    fn add(&self, found: Found) {
        let mut state = lock(&self.state);
        state.found.add(found);
        state.left = state.left.saturating_sub(1);
        let last = state.left == 0;
        drop(state);
        if last {
            (self.done)();
        }
    }
}

impl Desks {
    pub(in crate::gateway) fn new(reactors: usize) -> Self {
        Self((0..reactors).map(|_| Desk::default()).collect())
    }

    /// How many there are.
    pub(in crate::gateway) fn len(&self) -> usize {
        self.0.len()
    }

    /// Opens the desk of reactor `n`, which `bell` wakes.
    pub(in crate::gateway) fn open(&self, n: usize, bell: Arc<dyn Notify>) {
        lock(&self.0[n].inside).bell = Some(bell);
    }

    /// Whether all desks are open.
    pub(super) fn are_open(&self) -> bool {
        self.0.iter().all(|desk| lock(&desk.inside).bell.is_some())
    }

    /// Closes the desk of reactor `n`: what waits there is never done.
    pub(in crate::gateway) fn close(&self, n: usize) {
        let waiting = std::mem::take(&mut *lock(&self.0[n].inside));
        drop(waiting);
    }

    /// Gives an order to the reactors meant whose desks are open; `done` is called when the last one has done
    /// its part.
    pub(in crate::gateway) fn send(
        &self,
        (to, order): (To, Order),
        done: impl Fn() + Send + Sync + 'static,
    ) -> Result<Asked, NotTaken> {
        let meant = match to {
            To::All => &self.0[..],
            To::One(n) => self.0.get(n..=n).ok_or(NotTaken::Closed)?,
        };
        let mut insides: Vec<_> = meant.iter().map(|desk| lock(&desk.inside)).collect();
        let open = insides.iter().filter(|inside| inside.bell.is_some());
        if open.clone().any(|inside| inside.orders.len() >= ORDERS_MAX) {
            return Err(NotTaken::Busy);
        }
        let left = open.count();
        if left == 0 {
            return Err(NotTaken::Closed);
        }
        let errand = Arc::new(Errand {
            order,
            state: Mutex::new(State {
                left,
                found: Found::default(),
            }),
            orphaned: AtomicBool::new(false),
            done: Box::new(done),
        });
        let mut bells = Vec::with_capacity(left);
        for (desk, inside) in meant.iter().zip(&mut insides) {
            if let Some(bell) = inside.bell.clone() {
                inside.orders.push_back(Task {
                    errand: errand.clone(),
                    progress: Progress::default(),
                });
                // Release: pairs with the Acquire of the look once a turn.
                desk.rung.store(true, Ordering::Release);
                bells.push(bell);
            }
        }
        drop(insides);
        bells.iter().for_each(|bell| bell.notify());
        Ok(Asked(errand))
    }

    /// Whether something waits at the desk of reactor `n`: a look for every turn.
    pub(in crate::gateway) fn has_orders(&self, n: usize) -> bool {
        // Acquire: pairs with the Release of whoever left an order.
        self.0[n].rung.load(Ordering::Acquire)
    }

    /// Does what waits at the desk of reactor `n`, a turn's worth of it.
    pub(in crate::gateway) fn work(
        &self,
        n: usize,
        gateway: &mut Gateway,
        streams: &mut Streams<'_, Gateway>,
    ) {
        let desk = &self.0[n];
        // Acquire: as in `has_orders`. Before an order is taken: one that is left meanwhile rings again.
        desk.rung.swap(false, Ordering::AcqRel);
        let mut steps = TURN_STEPS;
        loop {
            let mut inside = lock(&desk.inside);
            if steps == 0 && !inside.orders.is_empty() {
                desk.rung.store(true, Ordering::Release);
                // The poll is not to sleep over it.
                if let Some(bell) = inside.bell.clone() {
                    drop(inside);
                    bell.notify();
                }
                return;
            }
            let Some(mut task) = inside.orders.pop_front() else {
                return;
            };
            drop(inside);
            let errand = task.errand.clone();
            let wanted = errand.is_wanted();
            if wanted && !gateway.carry_out(&errand.order, &mut task.progress, &mut steps, streams)
            {
                steps = 0;
                lock(&desk.inside).orders.push_front(task);
                continue;
            }
            errand.add(task.progress.found);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
