//! Requests that wait for a decision: the head is kept, nothing more is read, and the answer re-enters where it left.
//!
//! A service may say [`Begin::Later`] of a head, and give what it has found out to [`Streams::resume`] from
//! [`Events::poll_commands`](crate::net::Events::poll_commands). Until then no more of the connection is read, no
//! `100 Continue` is sent, and pipelined requests wait. How many may wait, and for how long, is bounded
//! ([`Limits::max_pending_authorizations`](crate::net::Limits::max_pending_authorizations),
//! [`Limits::authorization_timeout`](crate::net::Limits::authorization_timeout)); whoever goes over it is answered 503.

use crate::net::conns::conn::Phase;
use crate::net::conns::streams::Streams;
use crate::net::core::Core;
use crate::net::http::answer::{Answer, Begin, Peer, Refusal};
use crate::net::http::begin::take_begun;
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

/// The request of a connection that waits.
pub(in crate::net) struct Parked {
    generation: u64,
    head: Head,
    peer: Peer,
}

impl Parked {
    /// Bytes of the head that is kept.
    pub(in crate::net) fn head_bytes(&self) -> usize {
        self.head.wire_len()
    }
}

impl<S: Service> Streams<'_, S> {
    /// Goes on with a request that waits, once the service has returned, with what it waited for. One that is gone is
    /// left alone.
    pub fn resume(&mut self, id: RequestId, grant: S::Grant) {
        self.core.resumed.push_back((id, grant));
    }
}

impl<S: Service> Core<S> {
    /// Makes the name of the next request of connection `i`.
    pub(in crate::net) fn next_request_id(&mut self, i: u32) -> RequestId {
        self.last_generation += 1;
        RequestId {
            slot: i,
            generation: self.last_generation,
        }
    }

    /// Has the request wait that has just begun, if not too many do.
    pub(in crate::net) fn park_request(
        &mut self,
        service: &mut S,
        requests: &mut RequestState<S>,
        head: Head,
        peer: Peer,
        id: RequestId,
    ) {
        if self.parked >= self.limits.max_pending_authorizations {
            let bytes = service.refuse(Refusal::TooManyPending(&head), None);
            requests.queue(Answer { bytes, close: true });
            requests.decoder.recycle(head);
            return;
        }
        self.parked += 1;
        // The last request of this connection may have waited until a moment ago: this one has a time of its own.
        requests.restart_clock();
        requests.parked = Some(Box::new(Parked {
            generation: id.generation,
            head,
            peer,
        }));
    }

    /// Goes on with requests whose decisions have come, as many as there is time for.
    pub(in crate::net) fn go_on_resuming(&mut self, service: &mut S) {
        while let Some((id, grant)) = self.resumed.pop_front() {
            self.resume(service, id, grant);
            if self.is_slice_over() {
                break;
            }
        }
    }

    fn resume(&mut self, service: &mut S, id: RequestId, grant: S::Grant) {
        let i = id.slot;
        // The slot may be free, or another connection's, or this one's with another request by now.
        let waits = self.is_parked(i, Some(id));
        if !waits {
            return;
        }
        let Some(mut requests) = self.cold[i as usize].requests.take() else {
            return;
        };
        if let Some(parked) = requests.parked.take() {
            self.parked -= 1;
            let Parked { head, peer, .. } = *parked;
            let more = !requests.input.is_empty();
            let begun = service.resume(&head, peer, grant);
            // A second decision is not asked for: the service has what it asked for.
            debug_assert!(!matches!(begun, Begin::Later));
            let _: Next = take_begun(service, &mut requests, &head, begun, more);
            requests.decoder.recycle(head);
            self.look_behind(service);
        }
        self.cold[i as usize].requests = Some(requests);
        // Pipelined requests, or the body, may have come with the head.
        self.take_input(service, i, &[]);
    }

    /// Returns whether a request of connection `i` waits, the one named `id` if that is said.
    pub(in crate::net) fn is_parked(&self, i: u32, id: Option<RequestId>) -> bool {
        let known = self.hot.get(i as usize);
        if known.is_none_or(|hot| hot.phase != Phase::Request) {
            return false;
        }
        let requests = self.cold[i as usize].requests.as_ref();
        let parked = requests.and_then(|requests| requests.parked.as_ref());
        parked.is_some_and(|parked| id.is_none_or(|id| id.generation == parked.generation))
    }

    /// Answers the request of connection `i` that has waited too long, behind those before it.
    pub(in crate::net) fn refuse_parked(&mut self, service: &mut S, i: u32) {
        let Some(requests) = self.cold[i as usize].requests.as_mut() else {
            return;
        };
        if let Some(parked) = requests.parked.take() {
            self.parked -= 1;
            let bytes = service.refuse(Refusal::AuthorizationTimeout(&parked.head), None);
            requests.queue(Answer { bytes, close: true });
            requests.decoder.recycle(parked.head);
        }
        self.flush_answers(service, i);
    }
}
