//! The side of the barrier on which a reader stands.

/// The side of a staged ring's barrier on which a reader stands. On any other ring nobody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ring) enum Side {
    /// A reader up to head, which releases what it has read: an [`Upstream`](super::Upstream).
    Upstream,
    /// A reader up to the barrier: everybody else.
    Downstream,
}
