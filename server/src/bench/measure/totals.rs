//! The counts over all clients of a run.

use super::histogram::Histogram;

/// Counts of one run.
#[derive(Debug)]
pub(crate) struct Totals {
    /// From when an event was due to when a client that was listening had it.
    pub(crate) latency: Histogram,
    /// From connecting to the head of the answer.
    pub(crate) connect: Histogram,
    /// From connecting to the head of the answer, of clients that came back.
    pub(crate) resume: Histogram,
    /// Events that came, each once per client.
    pub(crate) deliveries: u64,
    /// Sequences that the clients which read have behind them, whether they came or not.
    pub(crate) passed: u64,
    /// Bytes read by clients.
    pub(crate) bytes: u64,
    /// Reads that gave some.
    pub(crate) reads: u64,
    /// `gap` events.
    pub(crate) gaps: u64,
    /// `reset` events.
    pub(crate) resets: u64,
    /// Events of somebody else.
    pub(crate) foreign: u64,
    /// Connections that we cut.
    pub(crate) cuts: u64,
    /// Connections that came back with the id of what they had last.
    pub(crate) resumed: u64,
    /// Connections that the server ended.
    pub(crate) closed_by_server: u64,
    /// Attempts to come back that failed.
    pub(crate) refused: u64,
}

impl Totals {
    pub(crate) fn new() -> Totals {
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
