//! A connection's inbound half: requests out of bytes.

use std::net::SocketAddr;

use crate::net::conns::conn::Flags;
use crate::net::core::Core;
use crate::net::http::answer::{Answer, ClientIdentity, Refusal, Response};
use crate::net::http::published::Parts;
use crate::net::http::requests::{Reply, RequestState};
use crate::net::service::Service;
use crate::wire::http::{RequestError, Step};

pub(in crate::net) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The result of one step of a decoder.
pub(in crate::net) enum Next {
    Again,
    Wait,
}

impl<S: Service> Core<S> {
    /// Takes bytes from the socket of connection `i`, or none to go on with those that wait.
    pub(in crate::net) fn take_input(&mut self, service: &mut S, i: u32, bytes: &[u8]) {
        let begun = self.cold[i as usize].requests.take();
        let mut requests = begun.unwrap_or_else(|| self.first_requests(service, i));
        let mut out = std::mem::take(&mut self.out(i).bytes);
        let mut input = std::mem::take(&mut requests.input);
        let mut used = 0;
        // The usual case: requests are read where they lie in the read buffer, and only what is left is copied.
        if input.is_empty() {
            used = self.decode_all(service, i, &mut requests, bytes, &mut out);
            input.extend_from_slice(&bytes[used..]);
        } else {
            input.extend_from_slice(bytes);
            used += self.decode_all(service, i, &mut requests, &input, &mut out);
            input.drain(..used);
        }
        // Else the buffer goes: a connection between requests keeps none.
        if !input.is_empty() {
            requests.input = input;
        }
        if !requests.count_unfinished() {
            requests.input = Vec::new();
            requests.held = false;
            let pending_body = requests.pending_body.take();
            // A request that waits is refused with the others: its decision, when it comes, must not begin it.
            self.parked -= usize::from(requests.parked.take().is_some());
            // Again, with nothing: what it has given back may be had by the next one at once.
            let _ = requests.count_unfinished();
            let bytes = service.refuse(Refusal::TooMuchUnfinished, pending_body.as_ref());
            requests.queue(Answer { bytes, close: true });
        }
        self.out(i).bytes = out;
        self.cold[i as usize].requests = Some(requests);
        self.flush_answers(service, i);
    }

    /// Makes the state that reads the first bytes of connection `i`.
    fn first_requests(&self, service: &S, i: u32) -> Box<RequestState<S>> {
        // Nothing has named another client yet.
        let peer = SocketAddr::from(self.cold[i as usize].peer);
        let preface = service.client_identity(peer) == ClientIdentity::Preface;
        let unfinished = &self.reactors.unfinished;
        Box::new(RequestState::new(peer, preface, &self.limits, unfinished))
    }

    fn decode_all(
        &mut self,
        service: &mut S,
        i: u32,
        requests: &mut RequestState<S>,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> usize {
        let mut used = 0;
        if requests.preface {
            used = self.take_preface(service, i, requests, input);
            if requests.preface {
                return used;
            }
            if let Some(session) = &mut self.cold[i as usize].session {
                // What follows is no request yet: it is read again, through the session.
                session.end_preface(&input[used..]);
                self.hot(i).flags.set(Flags::UNREAD);
                self.make_ready(i);
                return input.len();
            }
        }
        // Until a step asks for more bytes. If a bound ends the loop before, the rest is here and no edge will
        // tell of it: `held` does.
        requests.held = true;
        let mut requested = false;
        while !requests.is_full(&self.limits)
            && out.len() < self.limits.private_bytes
            && !self.is_behind()
            && (!requested || !self.is_slice_over())
        {
            let next = match requests.decoder.decode(&input[used..]) {
                Ok((n, step)) => {
                    used += n;
                    requested |= matches!(step, Step::End | Step::Head(_));
                    let more = used < input.len();
                    self.step(service, i, requests, step, more, out)
                }
                Err(error) => refuse(service, requests, &error, &input[used..]),
            };
            if matches!(next, Next::Wait) {
                requests.held = false;
                break;
            }
        }
        used
    }

    fn step(
        &mut self,
        service: &mut S,
        i: u32,
        requests: &mut RequestState<S>,
        step: Step<'_>,
        more: bool,
        out: &mut Vec<u8>,
    ) -> Next {
        match step {
            Step::NeedMore => return Next::Wait,
            Step::Head(head) => {
                requests.begun = true;
                let next = self.begin(service, i, requests, head, more);
                // The request may have published so much that the next one has to wait until it is fed.
                self.look_behind(service);
                return next;
            }
            Step::Body(piece) => {
                if let Some(pending_body) = &mut requests.pending_body {
                    let mut parts = Parts::new();
                    let done = service.body(pending_body, piece, &mut parts);
                    requests.append(parts, self.outcome_deadline(), out);
                    if let Err(answer) = done {
                        requests.pending_body = None;
                        requests.queue(Answer {
                            close: true,
                            ..answer
                        });
                    }
                }
            }
            Step::End => {
                if let Some(pending_body) = requests.pending_body.take() {
                    let mut parts = Parts::new();
                    let response = service.end(pending_body, &mut parts);
                    let until = self.outcome_deadline();
                    requests.append(parts, until, out);
                    requests.push(match response {
                        Response::Ready(answer) => Reply::Answer(answer),
                        Response::Published { published, close } => Reply::Published {
                            published,
                            close,
                            until,
                        },
                        Response::Deferred(deferred) => Reply::Deferred(deferred),
                    });
                }
            }
        }
        self.look_behind(service);
        Next::Again
    }
}

pub(in crate::net) fn refuse<S: Service>(
    service: &mut S,
    requests: &mut RequestState<S>,
    error: &RequestError,
    head: &[u8],
) -> Next {
    let pending_body = requests.pending_body.take();
    let why = Refusal::Malformed { error, head };
    let bytes = service.refuse(why, pending_body.as_ref());
    requests.queue(Answer { bytes, close: true });
    Next::Wait
}
