//! Several publishers on one ring, in one total order.

mod claims;
mod publisher;

#[cfg(feature = "async")]
pub(in crate::ring) use claims::ClaimError;
pub(in crate::ring) use claims::Claims;
pub use publisher::{SharedPublisher, WeakPublisher};
