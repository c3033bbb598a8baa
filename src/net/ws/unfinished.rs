//! Messages that are not whole: counted, given a time, and the longest one cut where there is no room for another.

use super::{WebSockets, Ws};
use crate::net::conns::phase::Phase;
use crate::net::conns::table::Conns;
use crate::net::end::reason::EndReason;
use crate::net::service::Service;
use crate::wire::ws::CloseCode;

impl<S: Service> WebSockets<'_, S> {
    /// Notes what socket `i` holds after it was read, `waiting` bytes that are not decoded included; `false`: what
    /// is unfinished on all connections is over its bound.
    pub(super) fn count_unfinished(&mut self, i: u32, ws: &mut Ws<S>, waiting: usize) -> bool {
        let second = self.core.timers.second();
        let (conns, state) = (&self.core.conns, &mut self.core.ws);
        let next_ticket = || state.enter_inflating(i, |i, ticket| inflates(conns, i, ticket));
        let unfinished = &self.core.reactors.unfinished;
        ws.count_unfinished(waiting, second, next_ticket, unfinished)
    }

    /// Closes socket `i` if the message that it sends takes too long; `true`: it does.
    pub(in crate::net) fn cut_if_unfinished(&mut self, i: u32) -> bool {
        let second = self.core.timers.settled_second();
        let timeout = self.core.limits.body_timeout.as_secs();
        let ws = self.core.conns.cold(i).ws();
        if !ws.is_some_and(|ws| ws.is_late(second, timeout)) {
            return false;
        }
        let why = "the message took too long";
        self.close(i, CloseCode::POLICY, why, EndReason::Closed);
        true
    }

    /// Sees to it that the next compressed message can be inflated: who has held an inflater for longest goes.
    pub(super) fn keep_room_to_inflate(&mut self) {
        while let Some((i, ticket)) = self.core.ws.take_oldest_if_full() {
            if inflates(&self.core.conns, i, ticket) {
                let why = "too many compressed messages are unfinished";
                self.close(i, CloseCode::TRY_AGAIN, why, EndReason::Closed);
            }
        }
    }
}

/// Returns whether socket `i` inflates a message, and has had this `ticket` since that began.
fn inflates<S: Service>(conns: &Conns<S>, i: u32, ticket: u32) -> bool {
    let ws = conns.cold(i).ws();
    conns.phase(i) != Phase::CloseSent && ws.is_some_and(|ws| ws.inflates(ticket))
}
