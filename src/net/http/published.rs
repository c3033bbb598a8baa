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
pub enum Outcome {
    /// Readers may see them.
    Visible,
    /// The events are not there and never will be.
    Aborted,
    /// As [`Aborted`](Self::Aborted), since there is no space for them.
    NoSpace,
    /// Nobody knows whether they are there: they may be after a restart.
    Indeterminate,
    /// The outcome did not come in time: [`Limits::outcome_timeout`](crate::net::Limits::outcome_timeout).
    Timeout,
}

/// The parts of an answer that a service gives while the body of its request arrives, in their order.
#[derive(Debug)]
pub struct Parts<R> {
    parts: Vec<Part<R>>,
    last_try: bool,
}

/// The progress of a service with a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All of it is taken.
    All,
    /// There is no room for the rest yet, which it keeps. It is asked again, with an empty piece, when there may be.
    Waits,
}

/// One of them.
#[derive(Debug)]
pub(in crate::net) enum Part<R> {
    Bytes(Vec<u8>),
    Published(Published<R>),
}

impl<R> Parts<R> {
    /// None yet; `last_try`: the request has waited for room for as long as it may.
    pub(in crate::net) fn new(last_try: bool) -> Self {
        Self {
            parts: Vec::new(),
            last_try,
        }
    }

    pub(in crate::net) fn into_parts(self) -> impl Iterator<Item = Part<R>> {
        self.parts.into_iter()
    }

    /// Returns whether the request has waited for room for as long as it may
    /// ([`Limits::publish_timeout`](crate::net::Limits::publish_timeout)): it has to be answered now.
    pub fn is_last_try(&self) -> bool {
        self.last_try
    }

    /// The bytes at the end, to append to: they leave behind all that was given before.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        if !matches!(self.parts.last(), Some(Part::Bytes(_))) {
            self.parts.push(Part::Bytes(Vec::new()));
        }
        match self.parts.last_mut() {
            Some(Part::Bytes(bytes)) => bytes,
            _ => unreachable!("it was pushed above"),
        }
    }

    /// Adds a part that is made once the outcome of `published` is known.
    pub fn published(&mut self, published: Published<R>) {
        self.parts.push(Part::Published(published));
    }
}
