//! Metrics, statistics and logs.

pub(in crate::gateway) mod aggregate;
pub(in crate::gateway) mod journal;
pub(in crate::gateway) mod log;
pub(in crate::gateway) mod metrics;
pub(in crate::gateway) mod prometheus;
pub(in crate::gateway) mod routes;
mod schemas;
pub(in crate::gateway) mod snapshot;
pub(in crate::gateway) mod stats;
#[allow(clippy::module_inception)]
mod telemetry;
pub(in crate::gateway) mod topic_rates;
pub(in crate::gateway) mod user_counters;

pub(in crate::gateway) use self::telemetry::{Progress, Telemetry};
