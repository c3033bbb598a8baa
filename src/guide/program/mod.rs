//! In your program: what to subscribe to and by what, what is kept, beside which framework, and how to test it.
//!
//! | page | what is there |
//! | --- | --- |
//! | [`filters`] | which events a reader gets, in the process and over the wire |
//! | [`topics`] | which topics there are, and what is kept of each |
//! | [`history`] | what was published, a page at a time |
//! | [`checkpoints`] | how far a reader has come, kept for it |
//! | [`which_stream`] | receivers, callbacks, batches, backpressure, pipelines: which one you want |
//! | [`frameworks`] | axum and hyper as they are today |
//! | [`testing`] | timeouts, heartbeats and ages without sleeping |

pub mod checkpoints;
pub mod filters;
pub mod frameworks;
pub mod history;
pub mod testing;
pub mod topics;
pub mod which_stream;
