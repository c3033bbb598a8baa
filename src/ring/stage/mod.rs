//! Staged rings: the barrier, the handles upstream of it that move it, and the two sides that readers stand on.

mod barrier;
#[cfg(feature = "_loom")]
#[doc(hidden)]
pub mod models;
mod side;
mod upstream;

pub(in crate::ring) use barrier::Barrier;
pub(in crate::ring) use side::Side;
pub use upstream::Upstream;
