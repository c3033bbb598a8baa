//! A publish on its way: what its head said, and its body as far as it has come.

use super::binding::{Attributes, Mode};
use super::guard::Cors;
use super::lines::Lines;
use super::problem::ReplyTo;
use crate::reactor::{Share, Unfinished};

/// A publish whose body is arriving.
pub(crate) struct Publish {
    pub(super) topic: String,
    pub(super) mode: Mode,
    pub(super) content_type: String,
    pub(super) attributes: Attributes,
    pub(super) reply: ReplyTo,
    pub(super) body: Body,
    /// What every answer to it says to the page that sent it.
    pub(super) cors: Cors,
}

impl Publish {
    /// Whether the head of the answer is written.
    pub(super) fn has_begun(&self) -> bool {
        matches!(self.body, Body::Lines { begun: true, .. })
    }

    /// Whether the answer comes as a whole, at the end.
    pub(super) fn is_atomic(&self) -> bool {
        matches!(self.body, Body::Atomic(_))
    }

    pub(super) fn cors(&self) -> &Cors {
        &self.cors
    }
}

pub(super) enum Body {
    /// All or nothing: the body is collected first.
    Atomic(Collected),
    /// Each line is published as it comes.
    Lines {
        lines: Lines,
        begun: bool,
        /// What the line that is not whole takes of the total.
        share: Share,
    },
}

/// A body being collected, counted against the bound on all that is unfinished.
pub(super) struct Collected {
    bytes: Vec<u8>,
    /// Bytes that its head announced; 0: it did not say.
    declared: usize,
    share: Share,
}

impl Collected {
    pub(super) fn new(unfinished: &Unfinished, declared: usize) -> Self {
        Self {
            bytes: Vec::new(),
            declared,
            share: unfinished.share(),
        }
    }

    /// Adds a piece; `false`: what is unfinished is over its bound.
    pub(super) fn push(&mut self, piece: &[u8]) -> bool {
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

    /// What has come. It counts until this is dropped.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
