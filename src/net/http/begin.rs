//! The first bytes of a connection and the heads of requests: who sent them, and what is to be done.

use crate::net::http::answer::{Answer, Begin, Peer, Refusal};
use crate::net::http::answers::Reply;
use crate::net::http::driver::Http;
use crate::net::http::input::Next;
use crate::net::http::requests::RequestState;
use crate::net::service::Service;
use crate::net::set::clients::Entry;
use crate::wire::http::{Head, RequestError};
use crate::wire::proxy::{self, ProxyHeader};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl<S: Service> Http<'_, S> {
    /// Takes the PROXY header of connection `i`; returns its bytes once it is whole.
    pub(super) fn take_preface(
        &mut self,
        i: u32,
        requests: &mut RequestState<S>,
        input: &[u8],
    ) -> usize {
        requests.set_held(false);
        match proxy::parse(input) {
            Ok(ProxyHeader::NeedMore) => 0,
            Ok(ProxyHeader::Whole { len, source }) => {
                // A proxy's own connection, a health check say, names nobody: then the peer is the client.
                requests.end_preface(source);
                if let Some(source) = source
                    && self.core.count_client(i, source) != Entry::Within
                {
                    self.core.counters.refused.add(1);
                    self.refuse(requests, Refusal::TooManyFromAddress);
                }
                len
            }
            Err(error) => {
                self.refuse(requests, Refusal::Preface(error));
                // What follows a header that is none cannot be told from it: all of it is dropped.
                input.len()
            }
        }
    }

    /// Takes the head of a request; `more`: bytes of its body have come with it.
    pub(super) fn begin(
        &mut self,
        i: u32,
        requests: &mut RequestState<S>,
        head: Head,
        more: bool,
    ) -> Next {
        let peer = Peer {
            socket: requests.peer(),
            client: self.service.client(&head, requests.peer()),
            secured: self.core.conns.cold(i).session().is_some(),
        };
        // Before the service sees it: who is over its limit costs no look at its rights.
        if self.core.count_client(i, peer.client) != Entry::Within {
            self.core.counters.refused.add(1);
            return self.refuse(requests, Refusal::TooManyFromAddress);
        }
        // Before it is known whether it waits: the service gives the name to whoever decides.
        let id = self.core.http.next_id(i);
        let begun = self.service.head(&head, peer, id);
        if matches!(begun, Begin::Later) {
            self.park_request(requests, head, peer, id);
            return Next::Wait;
        }
        let next = self.take_begun(requests, &head, begun, more);
        requests.recycle(head);
        next
    }

    /// Takes the course of a request whose head was `head`; `more`: bytes of its body have come with it.
    pub(super) fn take_begun(
        &mut self,
        requests: &mut RequestState<S>,
        head: &Head,
        begun: Begin<S>,
        more: bool,
    ) -> Next {
        let answers = requests.answers_mut();
        match begun {
            Begin::Answer(answer) => {
                let close = answer.close;
                answers.push(Reply::Answer(answer));
                if close { Next::Wait } else { Next::Again }
            }
            Begin::Deferred(deferred) => {
                answers.push(Reply::Deferred(deferred));
                if deferred.close {
                    Next::Wait
                } else {
                    Next::Again
                }
            }
            // It has been told what it waited for.
            Begin::Later => self.refuse(requests, Refusal::AuthorizationTimeout(head)),
            Begin::Body {
                pending_body,
                limit,
            } => {
                if let Err(error) = requests.await_body(pending_body, limit, head) {
                    return self.refuse_malformed(requests, &error, &[]);
                }
                // RFC 9110, 10.1.1: "A server MAY omit sending a 100 (Continue) response if it has already received
                // some or all of the content for the corresponding request".
                if head.expect_continue() && !more {
                    requests.queue(Answer {
                        bytes: CONTINUE.to_vec(),
                        close: false,
                    });
                }
                Next::Again
            }
            // `Wait`, here and below: what follows on the connection is no request any more.
            Begin::Stream(plan) => {
                answers.push(Reply::Stream(Box::new(plan)));
                Next::Wait
            }
            Begin::Socket(plan) => {
                answers.push(Reply::Socket(plan));
                Next::Wait
            }
            Begin::Watch(plan) => {
                answers.push(Reply::Watch(plan));
                Next::Wait
            }
        }
    }

    /// Answers a request that breaks the rules of HTTP; the connection closes.
    pub(super) fn refuse_malformed(
        &mut self,
        requests: &mut RequestState<S>,
        error: &RequestError,
        head: &[u8],
    ) -> Next {
        let pending_body = requests.take_pending_body();
        let why = Refusal::Malformed { error, head };
        let bytes = self.service.refuse(why, pending_body.as_ref());
        requests.queue(Answer { bytes, close: true });
        Next::Wait
    }

    /// Answers what is refused before the service sees it; the connection closes.
    fn refuse(&mut self, requests: &mut RequestState<S>, why: Refusal<'_>) -> Next {
        let bytes = self.service.refuse(why, None);
        requests.queue(Answer { bytes, close: true });
        Next::Wait
    }
}
