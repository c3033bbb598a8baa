//! What is counted over all clients.

use hdrhistogram::Histogram;

/// Latencies are recorded from a microsecond to ten minutes, with three digits.
const LATENCY_MAX_NS: u64 = 600_000_000_000;

/// Counts of one run.
#[derive(Debug)]
pub(super) struct Tally {
    /// Nanoseconds from when an event was due to when a client that was listening had it.
    pub(super) latency: Histogram<u64>,
    /// Events that came, each once per client.
    pub(super) deliveries: u64,
    /// Sequences that the clients which read have behind them, whether they came or not.
    pub(super) passed: u64,
    /// Bytes read by clients.
    pub(super) bytes: u64,
    /// `gap` events.
    pub(super) gaps: u64,
    /// `reset` events.
    pub(super) resets: u64,
    /// Events of somebody else.
    pub(super) foreign: u64,
    /// Connections that we cut.
    pub(super) cuts: u64,
    /// Connections that came back with Last-Event-ID.
    pub(super) resumed: u64,
    /// Connections that the server ended.
    pub(super) closed_by_server: u64,
    /// Attempts to come back that failed.
    pub(super) refused: u64,
}

impl Tally {
    pub(super) fn new() -> Tally {
        // The bounds are constants that the histogram takes.
        let latency = Histogram::new_with_bounds(1000, LATENCY_MAX_NS, 3);
        Tally {
            latency: latency
                .unwrap_or_else(|_| unreachable!("1 us to 10 min in 3 digits is a histogram")),
            deliveries: 0,
            passed: 0,
            bytes: 0,
            gaps: 0,
            resets: 0,
            foreign: 0,
            cuts: 0,
            resumed: 0,
            closed_by_server: 0,
            refused: 0,
        }
    }
}
