//! The first bytes of a connection and the heads of requests: who sent them, and what is to be done.

use crate::net::core::Core;
use crate::net::http::answer::{Answer, Begin, Peer, Refusal};
use crate::net::http::input::{CONTINUE, Next, refuse};
use crate::net::http::requests::{Reply, RequestState};
use crate::net::service::Service;
use crate::net::set::clients::Entry;
use crate::wire::http::Head;
use crate::wire::proxy::{self, ProxyHeader};

impl<S: Service> Core<S> {
    /// Takes the PROXY header of connection `i`; returns its bytes once it is whole.
    pub(in crate::net) fn take_preface(
        &mut self,
        service: &mut S,
        i: u32,
        requests: &mut RequestState<S>,
        input: &[u8],
    ) -> usize {
        requests.held = false;
        match proxy::parse(input) {
            Ok(ProxyHeader::NeedMore) => 0,
            Ok(ProxyHeader::Whole { len, source }) => {
                requests.preface = false;
                // A proxy's own connection, a health check say, names nobody: then the peer is the client.
                if let Some(source) = source {
                    requests.peer = source;
                    if self.count_client(i, source) != Entry::Within {
                        self.counters.refused.add(1);
                        refuse_for(service, requests, Refusal::TooManyFromAddress);
                    }
                }
                len
            }
            Err(error) => {
                refuse_for(service, requests, Refusal::Preface(error));
                // What follows a header that is none cannot be told from it: all of it is dropped.
                input.len()
            }
        }
    }

    /// Takes the head of a request.
    pub(in crate::net) fn begin(
        &mut self,
        service: &mut S,
        i: u32,
        requests: &mut RequestState<S>,
        head: Head,
        more: bool,
    ) -> Next {
        let peer = Peer {
            socket: requests.peer,
            client: service.client(&head, requests.peer),
            secured: self.cold[i as usize].session.is_some(),
        };
        // Before the service sees it: who is over its limit costs no look at its rights.
        if self.count_client(i, peer.client) != Entry::Within {
            self.counters.refused.add(1);
            return refuse_for(service, requests, Refusal::TooManyFromAddress);
        }
        // Before it is known whether it waits: the service gives the name to whoever decides.
        let id = self.next_request_id(i);
        let begun = service.head(&head, peer, id);
        if matches!(begun, Begin::Later) {
            self.park_request(service, requests, head, peer, id);
            return Next::Wait;
        }
        let next = take_begun(service, requests, &head, begun, more);
        requests.decoder.recycle(head);
        next
    }
}

/// Takes the course of a request whose head was `head`; `more`: bytes of its body have come with it.
pub(in crate::net) fn take_begun<S: Service>(
    service: &mut S,
    requests: &mut RequestState<S>,
    head: &Head,
    begun: Begin<S>,
    more: bool,
) -> Next {
    match begun {
        Begin::Answer(answer) => {
            let close = answer.close;
            requests.queue(answer);
            if close { Next::Wait } else { Next::Again }
        }
        Begin::Deferred(deferred) => {
            requests.push(Reply::Deferred(deferred));
            if deferred.close {
                Next::Wait
            } else {
                Next::Again
            }
        }
        // It has been told what it waited for.
        Begin::Later => refuse_for(service, requests, Refusal::AuthorizationTimeout(head)),
        Begin::Body {
            pending_body,
            limit,
        } => {
            // Before any of the body is taken: the bound is that of the route, which only the head names.
            requests.decoder.limit_body(limit);
            requests.head_bytes = head.wire_len();
            if let Err(error) = requests.decoder.check_body() {
                requests.pending_body = Some(pending_body);
                return refuse(service, requests, &error, &[]);
            }
            // RFC 9110, 10.1.1: "A server MAY omit sending a 100 (Continue) response if it has already received
            // some or all of the content for the corresponding request".
            if head.expect_continue() && !more {
                let answer = Answer {
                    bytes: CONTINUE.to_vec(),
                    close: false,
                };
                requests.queue(answer);
            }
            requests.pending_body = Some(pending_body);
            Next::Again
        }
        // `Wait`, here and below: what follows on the connection is no request any more.
        Begin::Stream(plan) => {
            requests.push(Reply::Stream(Box::new(plan)));
            Next::Wait
        }
        Begin::Socket(plan) => {
            requests.push(Reply::Socket(plan));
            Next::Wait
        }
        Begin::Watch(plan) => {
            requests.push(Reply::Watch(plan));
            Next::Wait
        }
    }
}

/// Answers what is refused before the service sees it; the connection closes.
fn refuse_for<S: Service>(
    service: &mut S,
    requests: &mut RequestState<S>,
    why: Refusal<'_>,
) -> Next {
    let bytes = service.refuse(why, None);
    requests.queue(Answer { bytes, close: true });
    Next::Wait
}
