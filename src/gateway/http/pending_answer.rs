//! An answer that is made on another thread, and sent when it is there.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::gateway::http::problem::{Problem, ReplyTo, json_answer};

/// The body of an answer in JSON, or the problem in its place.
type Made = Result<Vec<u8>, Problem>;

/// The end of such an answer that the reactor holds.
#[derive(Debug)]
pub(in crate::gateway) struct PendingAnswer(Arc<Mutex<Option<Made>>>);

/// The end that the other thread holds.
#[derive(Debug)]
pub(in crate::gateway) struct AnswerMaker(Arc<Mutex<Option<Made>>>);

impl PendingAnswer {
    /// Makes both ends.
    pub(in crate::gateway) fn new() -> (Self, AnswerMaker) {
        let made = Arc::new(Mutex::new(None));
        (Self(made.clone()), AnswerMaker(made))
    }

    /// Takes the bytes of the answer, once it is made.
    pub(in crate::gateway) fn take(&self, reply: ReplyTo) -> Option<Vec<u8>> {
        let answer = match self.0.lock().take()? {
            Ok(body) => json_answer(reply, &body),
            Err(problem) => problem.answer(reply),
        };
        Some(answer.bytes)
    }
}

impl AnswerMaker {
    /// Leaves the answer. Whoever makes it wakes the reactor.
    pub(in crate::gateway) fn put(self, made: Made) {
        *self.0.lock() = Some(made);
    }
}
