//! Over a link with delay and loss, between two network namespaces of our own: readers that stall take
//! nothing from those that read, and the bound on what the kernel holds unsent slows nobody.
//!
//! Needs to be root, `ip`, and netem or `/dev/net/tun`; where something is missing, it is skipped.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod black_hole;
mod link;
mod namespace;
mod relay;
mod rounds;
mod stalled;
mod throughput;
mod tun;
