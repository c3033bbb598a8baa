//! A publish on its way: what its head said, and its body as far as it has come.

use crate::gateway::access::origin_check::Cors;
use crate::gateway::http::problem::ReplyTo;
use crate::gateway::publish::cloudevents::{Attributes, Mode};
use crate::gateway::publish::lines::Lines;
use crate::reactor::{Share, Unfinished};

/// A publish whose body is arriving.
pub(crate) struct Publish {
    pub(in crate::gateway) topic: String,
    pub(in crate::gateway) mode: Mode,
    pub(in crate::gateway) content_type: String,
    pub(in crate::gateway) attributes: Attributes,
    pub(in crate::gateway) reply: ReplyTo,
    pub(in crate::gateway) body: Body,
    /// What every answer to it says to the page that sent it.
    pub(in crate::gateway) cors: Cors,
}

impl Publish {
    /// Whether the head of the answer is written.
    pub(in crate::gateway) fn has_begun(&self) -> bool {
        matches!(self.body, Body::Lines { begun: true, .. })
    }

    /// Whether the answer comes as a whole, at the end.
    pub(in crate::gateway) fn is_atomic(&self) -> bool {
        matches!(self.body, Body::Atomic(_))
    }

    pub(in crate::gateway) fn cors(&self) -> &Cors {
        &self.cors
    }
}

pub(in crate::gateway) enum Body {
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

    /// What has come. It counts until this is dropped.
    pub(in crate::gateway) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
