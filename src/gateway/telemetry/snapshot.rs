//! All figures of one moment, for `/metrics` and for the dashboard.

use std::time::Duration;

use crate::event::Position;
use crate::gateway::delivery::ServerStats;
use crate::gateway::encode::NoticeCounts;
use crate::gateway::telemetry::journal::JournalSnapshot;
use crate::gateway::telemetry::metrics::Metrics;
use crate::{hub, net};

/// The figures of one moment.
#[derive(Debug)]
pub(in crate::gateway) struct Snapshot {
    pub(in crate::gateway) uptime: Duration,
    pub(in crate::gateway) head: Position,
    pub(in crate::gateway) capacity: usize,
    /// The first offset that a reactor has not read which has streams.
    pub(in crate::gateway) fed: u64,
    pub(in crate::gateway) hub: hub::HubStats,
    pub(in crate::gateway) reactor: ServerStats,
    pub(in crate::gateway) latency: net::Latency,
    pub(in crate::gateway) metrics: Metrics,
    pub(in crate::gateway) notices: NoticeCounts,
    /// Bytes of what is begun and not ended on all connections.
    pub(in crate::gateway) unfinished_bytes: usize,
    /// The bound on it.
    pub(in crate::gateway) unfinished_max_bytes: usize,
    /// `None`: the hub has no journal.
    pub(in crate::gateway) journal: Option<JournalSnapshot>,
    /// Seconds until the certificate expires, if there is one.
    pub(in crate::gateway) certificate_s: Option<i64>,
}
