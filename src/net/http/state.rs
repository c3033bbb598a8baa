//! Requests of all connections of a reactor that wait, and what wakes them.

use std::collections::VecDeque;

use crate::net::conns::conn::Hot;
use crate::net::conns::phase::Flags;
use crate::net::http::parked::RequestId;
use crate::net::service::Service;

/// The requests of a reactor that wait: for outcomes, for parts of answers, for decisions.
pub(in crate::net) struct HttpState<S: Service> {
    /// Connections whose answers wait for an outcome or a deferred part.
    waiting: Vec<u32>,
    /// One of those has a further part already: it is for the next turn.
    has_more: bool,
    /// Requests that wait for a decision.
    parked: usize,
    /// The name that the last request had.
    last_generation: u64,
    /// Decisions that have come and are not acted on yet.
    resumed: VecDeque<(RequestId, S::Grant)>,
}

impl<S: Service> HttpState<S> {
    pub(in crate::net) fn new() -> Self {
        Self {
            waiting: Vec::new(),
            has_more: false,
            parked: 0,
            last_generation: 0,
            resumed: VecDeque::new(),
        }
    }

    /// Has connection `i` looked at again when outcomes are: its next answer waits for one.
    pub(in crate::net) fn wait(&mut self, hot: &mut Hot<S>, i: u32) {
        if !hot.has(Flags::PARKED) {
            hot.set(Flags::PARKED);
            self.waiting.push(i);
        }
    }

    /// Returns whether the answers of any connection wait.
    pub(in crate::net) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Notes that there is more of an answer that waits, so that nobody may sleep before it is looked at again.
    pub(super) fn note_more(&mut self) {
        self.has_more = true;
    }

    /// Returns whether there is more of an answer that waits.
    pub(in crate::net) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Takes all connections whose answers wait: whoever still does puts itself back.
    pub(in crate::net) fn take_waiting(&mut self) -> Vec<u32> {
        self.has_more = false;
        std::mem::take(&mut self.waiting)
    }

    /// Makes the name of the next request of connection `i`.
    pub(super) fn next_id(&mut self, i: u32) -> RequestId {
        self.last_generation += 1;
        RequestId::new(i, self.last_generation)
    }

    /// Counts a request that waits for a decision, of which there may be `max`; `false`: so many wait already.
    #[must_use]
    pub(super) fn enter_parked(&mut self, max: usize) -> bool {
        let has_room = self.parked < max;
        self.parked += usize::from(has_room);
        has_room
    }

    /// Counts a request that waits no longer.
    pub(super) fn leave_parked(&mut self) {
        self.parked -= 1;
    }

    /// Notes the decision that a request waited for.
    pub(in crate::net) fn resume_later(&mut self, id: RequestId, grant: S::Grant) {
        self.resumed.push_back((id, grant));
    }

    /// Returns whether decisions have come that are not acted on yet.
    pub(in crate::net) fn has_resumed(&self) -> bool {
        !self.resumed.is_empty()
    }

    /// Takes the oldest of them.
    pub(super) fn next_resumed(&mut self) -> Option<(RequestId, S::Grant)> {
        self.resumed.pop_front()
    }
}
