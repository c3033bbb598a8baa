//! What is counted over all clients.

use super::histogram::Histogram;

/// Counts of one run.
#[derive(Debug)]
pub(super) struct Totals {
    /// From when an event was due to when a client that was listening had it.
    pub(super) latency: Histogram,
    /// From connecting to the head of the answer.
    pub(super) connect: Histogram,
    /// The same, for clients that came back.
    pub(super) resume: Histogram,
    /// Events that came, each once per client.
    pub(super) deliveries: u64,
    /// Sequences that the clients which read have behind them, whether they came or not.
    pub(super) passed: u64,
    /// Bytes read by clients.
    pub(super) bytes: u64,
    /// Reads that gave some.
    pub(super) reads: u64,
    /// `gap` events.
    pub(super) gaps: u64,
    /// `reset` events.
    pub(super) resets: u64,
    /// Events of somebody else.
    pub(super) foreign: u64,
    /// Connections that we cut.
    pub(super) cuts: u64,
    /// Connections that came back with the id of what they had last.
    pub(super) resumed: u64,
    /// Connections that the server ended.
    pub(super) closed_by_server: u64,
    /// Attempts to come back that failed.
    pub(super) refused: u64,
}

impl Totals {
    pub(super) fn new() -> Totals {
        Totals {
            latency: Histogram::new(),
            connect: Histogram::new(),
            resume: Histogram::new(),
            deliveries: 0,
            passed: 0,
            bytes: 0,
            reads: 0,
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
