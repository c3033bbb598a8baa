//! What strangers can cost: each kind of route under the worst that one client, or many, can do to it.
//!
//!
#![allow(
    clippy::print_stdout,
    reason = "the figures are half of what these tests are for"
)]

mod endings;
mod joins;
mod lists;
mod look_backs;
mod routes;
mod stage;
mod unfinished;
