//! The record of what one client received, and its share in the totals.

use super::payload::RunId;
use super::sequence_check::{Seen, SequenceCheck};
use crate::bench::decode::Message;
use crate::bench::measure::Totals;

/// The record of one client.
#[derive(Debug, Default)]
pub(crate) struct ClientStats {
    pub(crate) sequences: SequenceCheck,
    /// True for a client that stalls at some time: its latencies say nothing about those that do not.
    pub(crate) slow: bool,
    /// Nanoseconds of the run at which its stream opened: what was due before came from history.
    listening: u64,
}

impl ClientStats {
    pub(crate) fn new(slow: bool) -> ClientStats {
        ClientStats {
            slow,
            ..ClientStats::default()
        }
    }

    /// Takes what the server said at `now`, in nanoseconds of the run.
    pub(crate) fn record(
        &mut self,
        message: Message<'_>,
        run_id: RunId,
        totals: &mut Totals,
        now: u64,
    ) {
        match message {
            Message::Opened => self.listening = now,
            Message::Event(text) => match run_id.read(text) {
                Some(payload) => {
                    let seen = self.sequences.see(payload.sequence);
                    self.count(seen, totals);
                    if seen != Seen::Duplicate && payload.due >= self.listening && !self.slow {
                        totals.latency.record(now.saturating_sub(payload.due));
                    }
                }
                None => totals.foreign += 1,
            },
            Message::Binary => totals.foreign += 1,
            Message::Gap(missing) => {
                self.sequences.gap(missing);
                totals.gaps += 1;
            }
            Message::Reset => {
                self.sequences.reset();
                totals.resets += 1;
            }
        }
    }

    fn count(&self, seen: Seen, totals: &mut Totals) {
        match seen {
            Seen::New(passed) => {
                totals.deliveries += 1;
                totals.passed += if self.slow { 0 } else { passed };
            }
            Seen::Late => totals.deliveries += 1,
            Seen::Duplicate => {}
        }
    }
}
