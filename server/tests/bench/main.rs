//! `eventring bench`: what it says, and what a person sees meanwhile.

#[path = "../common/mod.rs"]
mod common;

mod progress;
mod runs;
