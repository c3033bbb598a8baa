//! Connections that can go on without an edge.

use std::collections::VecDeque;

use crate::net::conns::conn::Hot;
use crate::net::conns::phase::{Flags, Phase};
use crate::net::service::Service;

/// Those that go on in this turn, and those that go on in the next.
#[derive(Default)]
pub(in crate::net) struct ReadyQueue {
    ready: VecDeque<u32>,
    next_turn: VecDeque<u32>,
}

impl ReadyQueue {
    /// Puts connection `i` into the queue.
    pub(in crate::net) fn push<S: Service>(&mut self, hot: &mut Hot<S>, i: u32) {
        if Self::enter(hot) {
            self.ready.push_back(i);
        }
    }

    /// Puts connection `i` into the queue of the next turn.
    pub(in crate::net) fn push_next_turn<S: Service>(&mut self, hot: &mut Hot<S>, i: u32) {
        // As good as queued: nothing else may queue it before the next turn.
        if Self::enter(hot) {
            self.next_turn.push_back(i);
        }
    }

    /// Queued once, however many ask: so the queue is never longer than the connections are many.
    fn enter<S: Service>(hot: &mut Hot<S>) -> bool {
        let enters = !hot.has(Flags::READY) && hot.phase() != Phase::Free;
        if enters {
            hot.set(Flags::READY);
        }
        enters
    }

    /// Lets those go on that were put off to this turn.
    pub(in crate::net) fn begin_turn(&mut self) {
        self.ready.append(&mut self.next_turn);
    }

    /// Takes the connection that is first. Who has been closed since, has no flag [`Flags::READY`] any more.
    pub(in crate::net) fn pop(&mut self) -> Option<u32> {
        self.ready.pop_front()
    }

    /// Returns the number of connections that can go on in this turn.
    pub(in crate::net) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Returns whether nobody can go on, in this turn or the next.
    pub(in crate::net) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.next_turn.is_empty()
    }
}
