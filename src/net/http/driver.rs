//! The driver of connections that are in requests.

use crate::net::conns::phase::{Flags, Phase};
use crate::net::core::Core;
use crate::net::end::closing::Closing;
use crate::net::end::reason::EndReason;
use crate::net::http::answer::ClientIdentity;
use crate::net::http::parked::RequestId;
use crate::net::http::requests::RequestState;
use crate::net::service::Service;
use crate::net::time::wheel::Tick;

/// Does what connections in requests need, for as long as it borrows their table and the service.
pub(in crate::net) struct Http<'a, S: Service> {
    pub(super) core: &'a mut Core<S>,
    pub(super) service: &'a mut S,
}

impl<'a, S: Service> Http<'a, S> {
    pub(in crate::net) fn new(core: &'a mut Core<S>, service: &'a mut S) -> Self {
        Self { core, service }
    }

    /// The requests of connection `i`, if it has begun any.
    pub(super) fn requests(&self, i: u32) -> Option<&RequestState<S>> {
        self.core.conns.cold(i).requests()
    }

    /// Makes the state that reads the first bytes of connection `i`.
    pub(super) fn first_requests(&self, i: u32) -> Box<RequestState<S>> {
        // Nothing has named another client yet.
        let peer = self.core.conns.cold(i).peer();
        let preface = self.service.client_identity(peer) == ClientIdentity::Preface;
        let unfinished = &self.core.reactors.unfinished;
        Box::new(RequestState::new(
            peer,
            preface,
            &self.core.limits,
            unfinished,
        ))
    }

    /// Forgets the requests of connection `i`, and what is looked for to answer them.
    pub(in crate::net) fn forget_requests(&mut self, i: u32) {
        if let Some(requests) = self.core.conns.cold_mut(i).requests_mut().take() {
            if requests.is_parked(None) {
                self.core.http.leave_parked();
            }
            let tickets = requests.answers().tickets();
            tickets.for_each(|ticket| self.service.forget_deferred(ticket));
        }
    }

    /// The tick by which the outcome of what is published now has to be known.
    pub(super) fn outcome_deadline(&self) -> Tick {
        self.core
            .timers
            .tick_after(self.core.limits.outcome_timeout)
    }

    /// Goes on reading a connection that had to wait, once its answers have left.
    pub(in crate::net) fn resume_reading(&mut self, i: u32) {
        let requests = self.requests(i);
        let held = requests.is_some_and(|requests| requests.is_held());
        let full = requests.is_some_and(|requests| requests.is_full(&self.core.limits));
        let unread = self.core.conns.hot(i).has(Flags::UNREAD);
        // No edge comes for what is here or in the socket already.
        if (held || unread) && !full {
            self.core.make_ready(i);
        }
    }

    pub(super) fn close(&mut self, i: u32, why: EndReason) {
        Closing::new(self.core, self.service).close(i, why);
    }

    pub(super) fn begin_closing(&mut self, i: u32, why: EndReason) {
        Closing::new(self.core, self.service).begin_closing(i, why);
    }

    // -- Questions

    /// Returns whether the socket of connection `i`, which is in requests, should be read now.
    pub(in crate::net) fn wants_input(&self, i: u32) -> bool {
        !self.core.is_behind()
            && self.core.conns.out_len(i) < self.core.limits.private_bytes
            && self
                .requests(i)
                .is_none_or(|requests| !requests.is_full(&self.core.limits))
    }

    /// Returns whether pipelined requests of connection `i` wait for a bound that no longer holds.
    pub(in crate::net) fn holds_input(&self, i: u32) -> bool {
        self.requests(i).is_some_and(|requests| requests.is_held())
    }

    /// Returns whether a request of connection `i` waits for a decision.
    pub(in crate::net) fn is_parked(&self, i: u32) -> bool {
        self.waits_for(i, None)
    }

    /// Returns whether a request of connection `i` waits for a decision, the one named `id` if that is said.
    pub(super) fn waits_for(&self, i: u32, id: Option<RequestId>) -> bool {
        self.core.conns.phase(i) == Phase::Request
            && self
                .requests(i)
                .is_some_and(|requests| requests.is_parked(id))
    }

    /// Returns whether connection `i` is between requests, so that nothing is lost by closing it.
    pub(in crate::net) fn is_between_requests(&self, i: u32) -> bool {
        let requests = self.requests(i);
        requests.is_none_or(|requests| requests.is_idle()) && self.core.conns.out_len(i) == 0
    }
}
