//! Bodies that are collected: counted against the bound on all that is unfinished, and looked at once they are whole.

use crate::gateway::access::Cors;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::problem::{Problem, ReplyTo};
use crate::gateway::http::response::status_of;
use crate::gateway::http::route::RouteKind;
use crate::gateway::http::route::{Request, Route};
use crate::net::{Answer, Requests, Response, Share, Unfinished};

/// The function that answers once a body is whole.
pub(in crate::gateway) type Finish =
    fn(&mut Gateway, &WholeBody, &[u8]) -> Result<Responded, Problem>;

/// The response to a request whose body is whole.
pub(in crate::gateway) type Responded = Response<<Gateway as Requests>::Receipt>;

/// A request that is looked at once its body is whole.
pub(in crate::gateway) struct WholeBody {
    route: &'static Route,
    body: Collected,
    unfinished: Unfinished,
    reply: ReplyTo,
    cors: Cors,
    base: String,
    captured: String,
    finish: Finish,
}

impl WholeBody {
    /// Begins to collect the body of a request; `base` stands before the paths of addresses that are told.
    pub(in crate::gateway) fn begin(
        request: &Request<'_>,
        unfinished: &Unfinished,
        base: String,
        finish: Finish,
    ) -> Self {
        Self {
            route: request.route,
            body: Collected::new(unfinished, 0),
            unfinished: unfinished.clone(),
            reply: request.reply,
            cors: request.cors.clone(),
            base,
            captured: request.captured().to_owned(),
            finish,
        }
    }

    /// The most bytes that the body may have.
    pub(in crate::gateway) fn limit(&self) -> u64 {
        // A row that has a handler with a body and says no bound takes none.
        self.route.body_bytes.unwrap_or(0)
    }

    pub(in crate::gateway) fn kind(&self) -> RouteKind {
        self.route.kind
    }

    pub(in crate::gateway) fn base(&self) -> &str {
        &self.base
    }

    /// The first captured part of its path.
    pub(in crate::gateway) fn captured(&self) -> &str {
        &self.captured
    }

    pub(in crate::gateway) fn reply(&self) -> ReplyTo {
        self.reply
    }

    pub(in crate::gateway) fn cors(&self) -> &Cors {
        &self.cors
    }

    /// Takes a piece of the body.
    ///
    /// # Errors
    ///
    /// The answer, where what is unfinished is over its bound.
    pub(in crate::gateway) fn push(&mut self, piece: &[u8]) -> Result<(), Answer> {
        if self.body.push(piece) {
            return Ok(());
        }
        // The rest of the body is on its way, and would be read as the next request: the connection closes.
        Err(too_much_unfinished(&self.unfinished).answer(self.reply.closing()))
    }

    /// Answers: the body is here.
    pub(in crate::gateway) fn end(&mut self, gateway: &mut Gateway) -> Responded {
        let body = self.body.take();
        let answered = (self.finish)(gateway, self, &body);
        let mut response =
            answered.unwrap_or_else(|problem| Response::Ready(problem.answer(self.reply)));
        // What is answered later is counted and stamped then.
        if let Response::Ready(answer) = &mut response {
            let status = status_of(&answer.bytes);
            gateway.telemetry.answered(self.route.kind, status);
            self.cors.stamp(&mut answer.bytes, 0);
        }
        response
    }
}

/// A body being collected, counted against the bound on all that is unfinished.
pub(in crate::gateway) struct Collected {
    bytes: Vec<u8>,
    /// Bytes that its head announced; 0: it did not say.
    declared: usize,
    share: Share,
}

impl Collected {
    pub(in crate::gateway) fn new(unfinished: &Unfinished, declared: usize) -> Self {
        Self {
            bytes: Vec::new(),
            declared,
            share: unfinished.share(),
        }
    }

    /// Adds a piece; `false`: what is unfinished is over its bound.
    pub(in crate::gateway) fn push(&mut self, piece: &[u8]) -> bool {
        let len = self.bytes.len() + piece.len();
        if len > self.bytes.capacity() {
            // Twice as much as before, but nothing in vain where the length is known.
            let most = if self.declared > 0 {
                self.declared
            } else {
                usize::MAX
            };
            let wanted = (2 * self.bytes.capacity()).min(most).max(len);
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        self.share.set(self.bytes.capacity())
    }

    /// Takes the bytes back that it gave: they are needed again.
    pub(in crate::gateway) fn put_back(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
    }

    /// Takes the bytes that have come. They count until this is dropped.
    pub(in crate::gateway) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// Why a request is refused for want of room.
pub(in crate::gateway) const TOO_MUCH: &str = "too much is unfinished on all connections";

pub(in crate::gateway) fn too_much_unfinished(unfinished: &Unfinished) -> Problem {
    Problem::new(503, TOO_MUCH)
        .limit(unfinished.max() as u64)
        .retry_after_s(1)
}
