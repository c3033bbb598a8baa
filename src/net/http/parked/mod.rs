//! Requests that wait for a decision: the head is kept, nothing more is read, and the answer re-enters where it left.
//!
//! A service may say [`Begin::Later`] of a head, and give what it has found out to
//! [`Streams::resume`](crate::net::Streams::resume) from [`Events::poll_commands`](crate::net::Events::poll_commands).
//! Until then no more of the connection is read, no `100 Continue` is sent, and pipelined requests wait. How many may
//! wait, and for how long, is bounded
//! ([`Limits::max_pending_authorizations`](crate::net::Limits::max_pending_authorizations),
//! [`Limits::authorization_timeout`](crate::net::Limits::authorization_timeout)); whoever goes over it is answered 503.

mod room;

pub(super) use self::room::Stalled;
use crate::net::http::answer::{Answer, Begin, Peer, Refusal};
use crate::net::http::driver::Http;
use crate::net::http::input::Next;
use crate::net::http::requests::RequestState;
use crate::net::service::Service;
use crate::wire::http::Head;

/// Names a request of one reactor for as long as it waits. It is never used again: what comes for a request that is gone
/// reaches nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    slot: u32,
    generation: u64,
}

impl RequestId {
    pub(super) fn new(slot: u32, generation: u64) -> Self {
        Self { slot, generation }
    }
}

/// The request of a connection that waits.
pub(super) struct Parked {
    generation: u64,
    head: Head,
    peer: Peer,
}

impl Parked {
    pub(super) fn new(id: RequestId, head: Head, peer: Peer) -> Self {
        Self {
            generation: id.generation,
            head,
            peer,
        }
    }

    /// Returns whether it is the one that `id` names, of the connection in this slot.
    pub(super) fn is(&self, id: RequestId) -> bool {
        id.generation == self.generation
    }

    /// Bytes of the head that is kept.
    pub(super) fn head_bytes(&self) -> usize {
        self.head.wire_len()
    }
}

impl<S: Service> Http<'_, S> {
    /// Has the request wait that has just begun, if not too many do.
    pub(super) fn park_request(
        &mut self,
        requests: &mut RequestState<S>,
        head: Head,
        peer: Peer,
        id: RequestId,
    ) {
        let max = self.core.limits.max_pending_authorizations;
        if self.core.http.enter_parked(max) {
            return requests.park(id, head, peer);
        }
        let bytes = self.service.refuse(Refusal::TooManyPending(&head), None);
        requests.queue(Answer { bytes, close: true });
        requests.recycle(head);
    }

    /// Goes on with requests whose decisions have come, as many as there is time for.
    pub(in crate::net) fn go_on_resuming(&mut self) {
        while let Some((id, grant)) = self.core.http.next_resumed() {
            self.resume(id, grant);
            if self.core.timers.is_slice_over() {
                break;
            }
        }
    }

    fn resume(&mut self, id: RequestId, grant: S::Grant) {
        let i = id.slot;
        // The slot may be free, or another connection's, or this one's with another request by now.
        if !self.waits_for(i, Some(id)) {
            return;
        }
        let Some(mut requests) = self.core.conns.cold_mut(i).requests_mut().take() else {
            return;
        };
        if let Some(parked) = requests.take_parked() {
            self.core.http.leave_parked();
            let Parked { head, peer, .. } = *parked;
            let more = requests.has_input();
            let begun = self.service.resume(&head, peer, grant);
            // A second decision is not asked for: the service has what it asked for.
            debug_assert!(!matches!(begun, Begin::Later));
            let _: Next = self.take_begun(&mut requests, &head, begun, more);
            requests.recycle(head);
            self.core.look_behind(self.service);
        }
        *self.core.conns.cold_mut(i).requests_mut() = Some(requests);
        // Pipelined requests, or the body, may have come with the head.
        self.take_input(i, &[]);
    }

    /// Answers the request of connection `i` that has waited too long, behind those before it.
    pub(super) fn refuse_parked(&mut self, i: u32) {
        let Some(requests) = self.core.conns.cold_mut(i).requests_mut().as_mut() else {
            return;
        };
        if let Some(parked) = requests.take_parked() {
            self.core.http.leave_parked();
            let why = Refusal::AuthorizationTimeout(&parked.head);
            let bytes = self.service.refuse(why, None);
            requests.queue(Answer { bytes, close: true });
            requests.recycle(parked.head);
        }
        self.flush_answers(i);
    }
}
