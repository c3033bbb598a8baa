//! An answer that is made on another thread, and sent when it is there.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::gateway::http::problem::{Problem, ReplyTo, json_answer};
use crate::ring::Notify;

/// The body of an answer in JSON, or the problem in its place.
type Made = Result<Vec<u8>, Problem>;

/// The end of such an answer that the reactor holds.
#[derive(Debug)]
pub(in crate::gateway) struct PendingAnswer(Arc<Mutex<Option<Made>>>);

/// The end that the other thread holds. Where it is dropped with nothing put, as by a panic, the answer is 500.
pub(in crate::gateway) struct AnswerMaker {
    place: Arc<Mutex<Option<Made>>>,
    answer: Option<Made>,
    /// Ends the next sleep of the reactor.
    wake: Arc<dyn Notify>,
}

impl PendingAnswer {
    /// Makes both ends; `wake` is called once the answer is there.
    pub(in crate::gateway) fn new(wake: Arc<dyn Notify>) -> (Self, AnswerMaker) {
        let made = Arc::new(Mutex::new(None));
        let maker = AnswerMaker {
            place: made.clone(),
            answer: None,
            wake,
        };
        (Self(made), maker)
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
    /// Leaves the answer, and wakes the reactor.
    pub(in crate::gateway) fn put(mut self, made: Made) {
        self.answer = Some(made);
    }
}

impl Drop for AnswerMaker {
    fn drop(&mut self) {
        let answer = self.answer.take();
        let unmade = || Err(Problem::failed("the answer was not made to its end"));
        *self.place.lock() = Some(answer.unwrap_or_else(unmade));
        self.wake.notify();
    }
}

impl fmt::Debug for AnswerMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerMaker").finish_non_exhaustive()
    }
}
