//! Programs that other people wrote, as clients and as reverse proxies in front of the server.
//!
//! `scripts/clients` installs them; what is not there is skipped, and `--nocapture` shows it.

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod certificate;
mod client;
mod direct;
mod guide;
mod identity;
mod path;
mod programs;
mod proxied;
mod proxy;
mod same_origin;
#[cfg(feature = "tls")]
mod secured;
