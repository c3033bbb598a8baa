//! The desk: what other threads, and the gateways of other reactors, ask of a gateway.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connections::{Found, Order};
use super::state::Gateway;
use crate::reactor::Streams;
use crate::ring::Notify;

/// Orders that wait at one desk; a further one is refused.
const ORDERS_MAX: usize = 1024;

/// The desks of all reactors of a server.
pub(super) struct Desks(Box<[Desk]>);

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
    orders: VecDeque<Arc<Errand>>,
}

/// An order on its way to all reactors, and what they have found so far.
pub(super) struct Errand {
    order: Order,
    state: Mutex<State>,
    /// Called by the last reactor.
    done: Box<dyn Fn() + Send + Sync>,
}

struct State {
    left: usize,
    found: Found,
}

impl Errand {
    /// Whether all reactors have done their part.
    pub(super) fn is_done(&self) -> bool {
        lock(&self.state).left == 0
    }

    /// Takes what was found.
    pub(super) fn take(&self) -> Found {
        std::mem::take(&mut lock(&self.state).found)
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
    pub(super) fn new(reactors: usize) -> Self {
        Self((0..reactors).map(|_| Desk::default()).collect())
    }

    /// Opens the desk of reactor `n`, which `bell` wakes.
    pub(super) fn open(&self, n: usize, bell: Arc<dyn Notify>) {
        lock(&self.0[n].inside).bell = Some(bell);
    }

    /// Closes the desk of reactor `n`: what waits there is never done.
    pub(super) fn close(&self, n: usize) {
        let waiting = std::mem::take(&mut *lock(&self.0[n].inside));
        drop(waiting);
    }

    /// Gives an order to all reactors whose desk is open; `done` is called when the last one has done
    /// its part. `None`: too many orders wait, or nobody is there.
    pub(super) fn send(
        &self,
        order: Order,
        done: impl Fn() + Send + Sync + 'static,
    ) -> Option<Arc<Errand>> {
        let mut insides: Vec<_> = self.0.iter().map(|desk| lock(&desk.inside)).collect();
        let open = insides.iter().filter(|inside| inside.bell.is_some());
        if open.clone().any(|inside| inside.orders.len() >= ORDERS_MAX) {
            return None;
        }
        let left = open.count();
        if left == 0 {
            return None;
        }
        let errand = Arc::new(Errand {
            order,
            state: Mutex::new(State {
                left,
                found: Found::default(),
            }),
            done: Box::new(done),
        });
        let mut bells = Vec::with_capacity(left);
        for (desk, inside) in self.0.iter().zip(&mut insides) {
            if let Some(bell) = inside.bell.clone() {
                inside.orders.push_back(errand.clone());
                // Release: pairs with the Acquire of the look once a turn.
                desk.rung.store(true, Ordering::Release);
                bells.push(bell);
            }
        }
        drop(insides);
        bells.iter().for_each(|bell| bell.notify());
        Some(errand)
    }

    /// Whether something waits at the desk of reactor `n`: a look for every turn.
    pub(super) fn has_orders(&self, n: usize) -> bool {
        // Acquire: pairs with the Release of whoever left an order.
        self.0[n].rung.load(Ordering::Acquire)
    }

    /// Does what waits at the desk of reactor `n`.
    pub(super) fn work(&self, n: usize, gateway: &mut Gateway, streams: &mut Streams<'_, Gateway>) {
        let desk = &self.0[n];
        // Acquire: as in `has_orders`. Before the orders are taken: one that is left meanwhile rings again.
        desk.rung.swap(false, Ordering::AcqRel);
        let orders = std::mem::take(&mut lock(&desk.inside).orders);
        for errand in orders {
            let found = gateway.carry_out(&errand.order, streams);
            errand.add(found);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
