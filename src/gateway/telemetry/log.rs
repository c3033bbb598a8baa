//! The log of the gateway: ends of streams, and refusals at most once a second each.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::gateway::delivery::StreamEnd;
use crate::gateway::telemetry::metrics::Refused;

/// Shortest time between two lines about the same kind of refusal.
const REFUSED_EVERY: Duration = Duration::from_secs(1);

/// One line for a stream at its end.
pub(super) fn stream_ended(end: &StreamEnd<'_>) {
    tracing::info!(
        reason = end.reason.name(),
        peer = %end.peer,
        filter = %end.key.wanted,
        delivered = end.delivered,
        bytes = end.bytes,
        seconds = end.open.as_secs(),
        lag = end.lag,
        "stream ended"
    );
}

/// Warns of refusals without letting whoever causes them fill the disk.
#[derive(Debug, Default)]
pub(in crate::gateway) struct RefusalLog([LastWarning; Refused::ALL.len()]);

#[derive(Clone, Copy, Debug, Default)]
struct LastWarning {
    at: Option<Instant>,
    /// Refusals since then that nothing was said about.
    held: u64,
}

impl RefusalLog {
    /// Warns, unless a second has not passed since the last warning of its kind.
    pub(in crate::gateway) fn warn(
        &mut self,
        why: Refused,
        peer: Option<SocketAddr>,
        detail: &str,
    ) {
        let Some(held) = self.0[why as usize].pass(Instant::now()) else {
            return;
        };
        let peer = peer.map(tracing::field::display);
        tracing::warn!(
            reason = why.name(),
            peer,
            not_logged = held,
            detail,
            "refused"
        );
    }
}

impl LastWarning {
    fn pass(&mut self, now: Instant) -> Option<u64> {
        // What is held back is counted, and told by the next warning: the log says how much it leaves out.
        if self
            .at
            .is_some_and(|at| now.duration_since(at) < REFUSED_EVERY)
        {
            self.held += 1;
            return None;
        }
        self.at = Some(now);
        Some(std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_says_how_many_it_stands_for() {
        let mut last = LastWarning::default();
        let start = Instant::now();
        let passed: Vec<_> = (0..25)
            .map(|n| last.pass(start + Duration::from_millis(100 * n)))
            .collect();
        let lines: Vec<u64> = passed.into_iter().flatten().collect();
        assert_eq!(lines, [0, 9, 9]);
    }
}
