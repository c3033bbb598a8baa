//! All figures of one moment, for `/metrics` and for the dashboard.

use std::time::Duration;

use super::metrics::Metrics;
use super::told::Told;
use crate::event::Position;
use crate::{hub, reactor};

/// What is known at one moment.
pub(super) struct Figures {
    pub(super) uptime: Duration,
    pub(super) head: Position,
    pub(super) capacity: usize,
    /// The first offset that a reactor has not read which has streams.
    pub(super) fed: u64,
    pub(super) hub: hub::Stats,
    pub(super) reactor: reactor::Stats,
    pub(super) latency: reactor::Latency,
    pub(super) metrics: Metrics,
    pub(super) told: Told,
    /// Bytes of what is begun and not ended on all connections, and how many there may be.
    pub(super) unfinished: (usize, usize),
    /// Seconds until the certificate expires, if there is one.
    pub(super) certificate_s: Option<i64>,
}
