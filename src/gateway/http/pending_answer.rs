//! An answer that is made on another thread, and sent when it is there.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::deadline;
use crate::gateway::http::problem::{Problem, ReplyTo, json_answer, no_content};
use crate::ring::Notify;

/// The body of an answer in JSON, or the problem in its place; an empty one: there is nothing to tell.
type Made = Result<Vec<u8>, Problem>;

/// The end of such an answer that the reactor holds.
#[derive(Debug)]
pub(in crate::gateway) struct PendingAnswer {
    place: Arc<Mutex<Option<Made>>>,
    /// The time at which nobody waits for it any more.
    until: Option<Instant>,
}

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
        let pending = Self {
            place: made,
            until: None,
        };
        (pending, maker)
    }

    /// Answers 503 where it takes longer: what was asked for may still be done.
    pub(in crate::gateway) fn within(mut self, patience: Duration) -> Self {
        self.until = Some(deadline::after(Instant::now(), patience));
        self
    }

    /// Takes the bytes of the answer, once it is made.
    pub(in crate::gateway) fn take(&self, reply: ReplyTo) -> Option<Vec<u8>> {
        let made = self.place.lock().take();
        let answer = match made.or_else(|| self.is_late().then(late))? {
            Ok(body) if body.is_empty() => no_content(reply),
            Ok(body) => json_answer(reply, &body),
            Err(problem) => problem.answer(reply),
        };
        Some(answer.bytes)
    }

    fn is_late(&self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }
}

fn late() -> Made {
    let detail = "the journal has not answered in time: it may still be done";
    Err(Problem::new(503, detail).retry_after_s(1))
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
