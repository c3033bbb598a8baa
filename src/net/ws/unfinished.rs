//! Messages that are not whole: counted, given a time, and the longest one cut where there is no room for another.

use std::collections::VecDeque;

use super::Ws;
use crate::net::conns::conn::Phase;
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::service::Service;
use crate::wire::ws::CloseCode;

/// Entries of sockets that no longer inflate, among those that do, before they are swept.
const STALE_MAX: usize = 4096;

/// Sockets that inflate a message which is not whole, each with a ticket, in the order in which they began.
#[derive(Default)]
pub(in crate::net) struct Inflating {
    entries: VecDeque<(u32, u32)>,
    last: u32,
}

impl<S: Service> Core<S> {
    /// Notes what socket `i` holds after it was read, `waiting` bytes that are not decoded included; `false`: what
    /// is unfinished on all connections is over its bound.
    pub(in crate::net) fn count_unfinished(
        &mut self,
        i: u32,
        ws: &mut Ws<S>,
        waiting: usize,
    ) -> bool {
        match ws.decoder.is_inside() {
            false => ws.begun = 0,
            true if ws.begun == 0 => ws.begun = self.second().max(1),
            true => {}
        }
        match ws.decoder.is_inflating() {
            false => ws.inflates = 0,
            true if ws.inflates == 0 => ws.inflates = self.enter_inflating(i),
            true => {}
        }
        let held = ws.decoder.held_bytes() + waiting;
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        let before = std::mem::replace(&mut ws.unfinished, held);
        let unfinished = &self.reactors.unfinished;
        unfinished.change(before as usize, held as usize)
    }

    /// Forgets what socket `i`, which is to be closed, has not sent to its end.
    pub(in crate::net) fn drop_unfinished(&mut self, i: u32) {
        let Some(ws) = self.cold[i as usize].ws.as_mut() else {
            return;
        };
        ws.decoder.abandon(&mut self.socket_scratch);
        (ws.begun, ws.inflates) = (0, 0);
        let before = std::mem::take(&mut ws.unfinished);
        let given_back = self.reactors.unfinished.change(before as usize, 0);
        debug_assert!(given_back);
    }

    /// Closes socket `i` if the message that it sends takes too long; `true`: it does.
    pub(in crate::net) fn cut_if_unfinished(&mut self, service: &mut S, i: u32) -> bool {
        let second = self.settled_second();
        let timeout = self.limits.body_timeout.as_secs();
        let Some(ws) = self.cold[i as usize].ws.as_ref() else {
            return false;
        };
        // Where what came waits for us, it is not the peer who is late.
        let waits = ws.busy.as_ref().is_some_and(|busy| !busy.input.is_empty());
        if ws.begun == 0 || waits || u64::from(second.saturating_sub(ws.begun)) <= timeout {
            return false;
        }
        let why = "the message took too long";
        self.close_socket(service, i, CloseCode::POLICY, why, EndReason::Closed);
        true
    }

    /// Sees to it that the next compressed message can be inflated: who has held an inflater for longest goes.
    pub(in crate::net) fn keep_room_to_inflate(&mut self, service: &mut S) {
        while self.socket_scratch.is_full()
            && let Some((i, ticket)) = self.inflating.entries.pop_front()
        {
            if self.inflates(i, ticket) {
                let why = "too many compressed messages are unfinished";
                self.close_socket(service, i, CloseCode::TRY_AGAIN, why, EndReason::Closed);
            }
        }
    }

    fn enter_inflating(&mut self, i: u32) -> u32 {
        if self.inflating.entries.len() >= STALE_MAX {
            let mut entries = std::mem::take(&mut self.inflating.entries);
            entries.retain(|(i, ticket)| self.inflates(*i, *ticket));
            self.inflating.entries = entries;
        }
        let inflating = &mut self.inflating;
        inflating.last = inflating.last.wrapping_add(1).max(1);
        inflating.entries.push_back((i, inflating.last));
        inflating.last
    }

    fn inflates(&self, i: u32, ticket: u32) -> bool {
        let ws = self.cold[i as usize].ws.as_ref();
        self.phase(i) != Phase::CloseSent && ws.is_some_and(|ws| ws.inflates == ticket)
    }
}
