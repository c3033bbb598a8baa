//! What was published and is not settled yet: its offsets, its outcome, and what the answer is made of.

use std::ops::Range;

/// Events that a request or a message has published, and whose answer waits for their outcome.
#[derive(Debug)]
pub struct Published<R> {
    /// The offsets that the events were given; none: nothing was published, and the outcome is known.
    pub offsets: Range<u64>,
    /// The service's own record, of which it makes the answer once the outcome is known.
    pub receipt: R,
    /// About how many bytes the answer takes, so that not too many wait.
    pub bytes: usize,
}

/// The outcome of events that were published.
///
/// An answer is made of an outcome and never before it, so that a commit that fails is never answered with success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "a log that can fail makes the others; a memory hub cannot"
    )
)]
pub enum Outcome {
    /// Readers may see them.
    Visible,
    /// The events are not there and never will be.
    Aborted,
    /// Nobody knows whether they are there: they may be after a restart.
    Indeterminate,
    /// The outcome did not come in time: [`Limits::outcome_timeout`](crate::net::Limits::outcome_timeout).
    Timeout,
}

/// The parts of an answer that a service gives while the body of its request arrives, in their order.
#[derive(Debug)]
pub struct Parts<R>(Vec<Part<R>>);

/// One of them.
#[derive(Debug)]
pub(in crate::net) enum Part<R> {
    Bytes(Vec<u8>),
    Published(Published<R>),
}

impl<R> Parts<R> {
    pub(in crate::net) fn new() -> Self {
        Self(Vec::new())
    }

    pub(in crate::net) fn into_parts(self) -> impl Iterator<Item = Part<R>> {
        self.0.into_iter()
    }

    /// The bytes at the end, to append to: they leave behind all that was given before.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        if !matches!(self.0.last(), Some(Part::Bytes(_))) {
            self.0.push(Part::Bytes(Vec::new()));
        }
        match self.0.last_mut() {
            Some(Part::Bytes(bytes)) => bytes,
            _ => unreachable!("it was pushed above"),
        }
    }

    /// Adds a part that is made once the outcome of `published` is known.
    pub fn published(&mut self, published: Published<R>) {
        self.0.push(Part::Published(published));
    }
}
