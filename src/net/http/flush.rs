//! Answers whose time has come leave, in their order.

use crate::net::conns::phase::{Flags, Phase};
use crate::net::deliver::Deliver;
use crate::net::end::reason::EndReason;
use crate::net::http::answer::{Deferred, Piece};
use crate::net::http::answers::Reply;
use crate::net::http::driver::Http;
use crate::net::http::published::Outcome;
use crate::net::service::Service;
use crate::net::start::Start;
use crate::net::ws::WebSockets;

impl<S: Service> Http<'_, S> {
    /// Moves answers whose time has come to the private buffer, and starts a stream that is next.
    pub(in crate::net) fn flush_answers(&mut self, i: u32) {
        // Whoever waited may be a stream by now, or gone.
        if self.core.conns.phase(i) != Phase::Request {
            return;
        }
        let now = self.core.timers.settled_tick();
        while let Some(requests) = self.core.conns.cold_mut(i).requests_mut().as_mut() {
            match requests.answers().next() {
                None => break,
                Some(Reply::Deferred(Deferred { ticket, close })) => {
                    let (ticket, close) = (*ticket, *close);
                    if self.take_piece(i, ticket) != Piece::Done {
                        self.core.park(i);
                        break;
                    }
                    if close {
                        return self.begin_closing(i, EndReason::Closed);
                    }
                    continue;
                }
                Some(Reply::Published {
                    published,
                    close,
                    until,
                }) => {
                    let close = *close;
                    let late = *until <= now;
                    let known = self.service.outcome(&published.offsets);
                    // The outcome itself comes first: it may have been late to be looked for only.
                    let Some(outcome) = known.or(late.then_some(Outcome::Timeout)) else {
                        self.core.park(i);
                        break;
                    };
                    self.settle_next(i, outcome);
                    if close {
                        return self.begin_closing(i, EndReason::Closed);
                    }
                    continue;
                }
                Some(_) => {}
            }
            match requests.answers_mut().take_next() {
                Some(Reply::Answer(answer)) => {
                    let out = self.core.conns.out_mut(i).bytes();
                    out.extend_from_slice(&answer.bytes);
                    if answer.close {
                        return self.begin_closing(i, EndReason::Closed);
                    }
                }
                Some(Reply::Stream(plan)) => {
                    return Start::new(self.core, self.service).stream(i, *plan);
                }
                Some(Reply::Watch(plan)) => {
                    return Start::new(self.core, self.service).watch(i, plan);
                }
                Some(Reply::Socket(plan)) => {
                    return WebSockets::new(self.core, self.service).start(i, *plan);
                }
                Some(Reply::Published { .. } | Reply::Deferred(_)) | None => break,
            }
        }
        // A client that has closed its half gets all its answers, and is not waited for any longer.
        let eof = self.core.conns.hot(i).has(Flags::EOF);
        let done = self.requests(i).is_none_or(|requests| {
            requests.answers().is_empty() && !requests.waits() && !requests.is_held()
        });
        if eof && done {
            return self.begin_closing(i, EndReason::Closed);
        }
        self.start_clock(i);
        Deliver::new(self.core, self.service).deliver(i);
    }

    /// Writes the answer that is next on connection `i`, whose outcome is known.
    fn settle_next(&mut self, i: u32, outcome: Outcome) {
        let Some(requests) = self.core.conns.cold_mut(i).requests_mut().as_mut() else {
            return;
        };
        // Who waited for one outcome begins to wait for the next one now: they were published one after the other.
        requests.restart_answer_clock();
        if let Some(Reply::Published { published, .. }) = requests.answers_mut().take_next() {
            let out = self.core.conns.out_mut(i).bytes();
            self.service.settle(published.receipt, outcome, out);
        }
    }

    /// Takes what the service has of the answer of a ticket, which is next on connection `i`, once what it gave
    /// before has been taken.
    fn take_piece(&mut self, i: u32, ticket: u64) -> Piece {
        // A long answer is made as fast as it is taken: a list of thousands does not wait here whole.
        if self.core.conns.out_len(i) >= self.core.limits.private_bytes {
            return Piece::Waits;
        }
        let out = self.core.conns.out_mut(i).bytes();
        let piece = self.service.deferred(ticket, out);
        let Some(requests) = self.core.conns.cold_mut(i).requests_mut().as_mut() else {
            return piece;
        };
        match piece {
            Piece::Waits => {}
            // Who takes a long answer piece by piece is not slow. The next piece is for the next turn.
            Piece::More => {
                requests.restart_answer_clock();
                self.core.http.note_more();
            }
            Piece::Done => {
                requests.answers_mut().take_next();
            }
        }
        piece
    }
}
