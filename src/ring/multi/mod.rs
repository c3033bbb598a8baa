//! Several publishers on one ring, in one total order.

mod claims;
mod publisher;

pub(in crate::ring) use claims::{ClaimError, Claims};
pub use publisher::{SharedPublisher, WeakPublisher};
