//! Errors of handlers, and the policy for events that they refuse.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use thiserror::Error;

use crate::event::Event;

/// Why a handler could not do its work, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct HandlerError(pub String);

impl From<&str> for HandlerError {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// The failure of a handler.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The handler returned an error.
    #[error(transparent)]
    Error(#[from] HandlerError),
    /// The handler panicked, with this message.
    #[error("panicked: {0}")]
    Panic(String),
}

/// Takes what could not be handled.
pub(super) type DeadLetters = Arc<dyn Fn(&Event, &Failure) + Send + Sync>;

/// The policy for an event, or a batch, that could not be handled.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum ErrorPolicy {
    /// The event is counted and passed.
    #[default]
    Skip,
    /// No further event is handled; [`stop`](super::BatchingStream::stop) says how much was left.
    Stop,
    /// The event is counted and handed over, event by event. If that panics, so be it: it is counted once more.
    DeadLetter(DeadLetters),
}

impl ErrorPolicy {
    /// Hands what could not be handled to a function.
    pub fn dead_letter(take: impl Fn(&Event, &Failure) + Send + Sync + 'static) -> Self {
        Self::DeadLetter(Arc::new(take))
    }

    /// Applies it; says whether to go on.
    pub(super) fn apply(&self, events: &[Event], failure: &Failure) -> bool {
        match self {
            Self::Skip => true,
            Self::Stop => false,
            Self::DeadLetter(take) => {
                for event in events {
                    // A dead letter that fails has nowhere else to go, and those behind it still have to be taken.
                    let _ = guarded(|| {
                        take(event, failure);
                        Ok(())
                    });
                }
                true
            }
        }
    }
}

impl std::fmt::Debug for ErrorPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Skip => "Skip",
            Self::Stop => "Stop",
            Self::DeadLetter(_) => "DeadLetter",
        })
    }
}

/// Runs a handler; a panic in it is a failure like another.
pub(super) fn guarded<R>(run: impl FnOnce() -> Result<R, HandlerError>) -> Result<R, Failure> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(done) => Ok(done?),
        Err(payload) => {
            let text = message(&*payload);
            // Dropping it may panic again.
            std::mem::forget(payload);
            Err(Failure::Panic(text))
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    // `panic!` carries a `&str` for a literal and a `String` where it formats.
    let text = payload.downcast_ref::<&str>().copied();
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    text.or(owned).unwrap_or("without a message").to_owned()
}
