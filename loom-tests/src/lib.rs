//! Loom models of the ring, in `tests`: one per invariant of the docs of `eventring::ring`.
//!
//! Without `--cfg loom` this package is empty. The README says how to run it, and which mutants the models catch.

#[cfg(loom)]
mod harness;
#[cfg(loom)]
pub use harness::*;
