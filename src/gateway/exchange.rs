//! A publish on its way: what its head said, and its body as far as it has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::binding::{Attributes, Mode};
use super::guard::Cors;
use super::lines::Lines;
use super::problem::ReplyTo;

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
    Atomic(Reserved),
    /// Each line is published as it comes.
    Lines { lines: Lines, begun: bool },
}

/// A body being collected, counted against the bound on all of them.
pub(super) struct Reserved {
    pub(super) bytes: Vec<u8>,
    pub(super) total: Arc<AtomicUsize>,
}

impl Reserved {
    /// Adds a piece unless all bodies together would be over `max`.
    pub(super) fn push(&mut self, piece: &[u8], max: usize) -> bool {
        // Relaxed: a count that orders nothing.
        let before = self.total.fetch_add(piece.len(), Ordering::Relaxed);
        self.bytes.extend_from_slice(piece);
        before + piece.len() <= max
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}
