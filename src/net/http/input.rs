//! A connection's inbound half: requests out of bytes.

use crate::net::conns::phase::Flags;
use crate::net::http::answer::{Answer, Refusal, Response};
use crate::net::http::answers::Reply;
use crate::net::http::driver::Http;
use crate::net::http::parked::Stalled;
use crate::net::http::published::{Parts, Taken};
use crate::net::http::requests::RequestState;
use crate::net::service::Service;
use crate::wire::http::Step;

/// The result of one step of a decoder.
pub(super) enum Next {
    Again,
    Wait,
}

impl<S: Service> Http<'_, S> {
    /// Takes bytes from the socket of connection `i`, or none to go on with those that wait.
    pub(in crate::net) fn take_input(&mut self, i: u32, bytes: &[u8]) {
        let begun = self.core.conns.cold_mut(i).requests_mut().take();
        let mut requests = begun.unwrap_or_else(|| self.first_requests(i));
        let mut out = std::mem::take(self.core.conns.out_mut(i));
        let mut input = requests.take_input();
        let mut used = 0;
        // The usual case: requests are read where they lie in the read buffer, and only what is left is copied.
        if input.is_empty() {
            used = self.decode_all(i, &mut requests, bytes, out.bytes());
            input.extend_from_slice(&bytes[used..]);
        } else {
            input.extend_from_slice(bytes);
            used += self.decode_all(i, &mut requests, &input, out.bytes());
            input.drain(..used);
        }
        requests.keep_input(input);
        if !requests.count_unfinished() {
            // A request that waits is refused with the others: its decision, when it comes, must not begin it.
            if requests.is_parked(None) {
                self.core.http.leave_parked();
            }
            let pending_body = requests.drop_unfinished();
            let why = Refusal::TooMuchUnfinished;
            let bytes = self.service.refuse(why, pending_body.as_ref());
            requests.queue(Answer { bytes, close: true });
        }
        *self.core.conns.out_mut(i) = out;
        *self.core.conns.cold_mut(i).requests_mut() = Some(requests);
        self.flush_answers(i);
    }

    fn decode_all(
        &mut self,
        i: u32,
        requests: &mut RequestState<S>,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> usize {
        let mut used = 0;
        if requests.awaits_preface() {
            used = self.take_preface(i, requests, input);
            if requests.awaits_preface() {
                return used;
            }
            if let Some(session) = self.core.conns.cold_mut(i).session_mut() {
                // What follows is no request yet: it is read again, through the session.
                session.end_preface(&input[used..]);
                self.core.conns.hot_mut(i).set(Flags::UNREAD);
                self.core.make_ready(i);
                return input.len();
            }
        }
        // Until a step asks for more bytes. If a bound ends the loop before, the rest is here and no edge will
        // tell of it: `held` does.
        requests.set_held(true);
        let mut requested = false;
        while !requests.is_full(&self.core.limits)
            && out.len() < self.core.limits.private_bytes
            && !self.core.is_behind()
            && (!requested || !self.core.timers.is_slice_over())
        {
            let next = match requests.decode(&input[used..]) {
                Ok((n, step)) => {
                    used += n;
                    requested |= matches!(step, Step::End | Step::Head(_));
                    let more = used < input.len();
                    self.step(i, requests, step, more, out)
                }
                Err(error) => self.refuse_malformed(requests, &error, &input[used..]),
            };
            if matches!(next, Next::Wait) {
                requests.set_held(false);
                break;
            }
        }
        used
    }

    fn step(
        &mut self,
        i: u32,
        requests: &mut RequestState<S>,
        step: Step<'_>,
        more: bool,
        out: &mut Vec<u8>,
    ) -> Next {
        match step {
            Step::NeedMore => return Next::Wait,
            Step::Head(head) => {
                requests.begin();
                let next = self.begin(i, requests, head, more);
                // The request may have published so much that the next one has to wait until that is on its way.
                self.core.look_behind(self.service);
                return next;
            }
            Step::Body(piece) => self.take_body(i, requests, piece, false, out),
            Step::End => self.end_body(i, requests, false, out),
        }
        self.core.look_behind(self.service);
        Next::Again
    }

    /// Gives the service a piece of a body; `last_try`: it has waited for room for as long as it may.
    pub(super) fn take_body(
        &mut self,
        i: u32,
        requests: &mut RequestState<S>,
        piece: &[u8],
        last_try: bool,
        out: &mut Vec<u8>,
    ) {
        let Some(pending_body) = requests.pending_body_mut() else {
            return;
        };
        let mut parts = Parts::new(last_try);
        let done = self.service.body(pending_body, piece, &mut parts);
        let until = self.outcome_deadline();
        requests.answers_mut().append(parts, until, out);
        match done {
            Ok(Taken::All) => {}
            Ok(Taken::Waits) => self.stall(i, requests, Stalled::Piece),
            Err(answer) => {
                requests.take_pending_body();
                requests.queue(Answer {
                    close: true,
                    ..answer
                });
            }
        }
    }

    /// Tells the service the end of a body, and queues the answer; `last_try`: as for a piece.
    pub(super) fn end_body(
        &mut self,
        i: u32,
        requests: &mut RequestState<S>,
        last_try: bool,
        out: &mut Vec<u8>,
    ) {
        let Some(pending_body) = requests.pending_body_mut() else {
            return;
        };
        let mut parts = Parts::new(last_try);
        let response = self.service.end(pending_body, &mut parts);
        let until = self.outcome_deadline();
        let answers = requests.answers_mut();
        answers.append(parts, until, out);
        answers.push(match response {
            Response::Ready(answer) => Reply::Answer(answer),
            Response::Published { published, close } => Reply::Published {
                published,
                close,
                until,
            },
            Response::Deferred(deferred) => Reply::Deferred(deferred),
            Response::Waits => return self.stall(i, requests, Stalled::End),
        });
        requests.take_pending_body();
    }
}
