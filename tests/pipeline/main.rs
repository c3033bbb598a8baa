//! Ready-made streams on a hub, and what the systems that they replace got wrong.
#![cfg(feature = "pipeline")]

#[cfg(feature = "async")]
#[path = "../common/hooks.rs"]
mod hooks;

mod backpressure;
mod callbacks;
#[cfg(feature = "async")]
mod reentry;
mod sse;
mod weaknesses;
mod workers;
