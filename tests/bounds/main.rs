//! What strangers can cost: each kind of route under the worst that one client, or many, can do to it.
//!
//! A test binary of its own, because it counts every allocation of its thread: servers are turned by the test itself.
#![cfg(feature = "gateway")]
#![allow(
    clippy::print_stdout,
    reason = "the figures are half of what these tests are for"
)]

#[path = "../counting/mod.rs"]
mod counting;
mod endings;
mod joins;
mod lists;
mod look_backs;
mod routes;
mod stage;
mod unfinished;
