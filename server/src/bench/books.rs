//! What one client has got, and how it counts.

use super::ledger::{Ledger, Seen};
use super::marker::Run;
use super::news::News;
use super::tally::Tally;

/// The books of one client.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) ledger: Ledger,
    /// It stalls at some time, so it says nothing about those that do not.
    pub(super) slow: bool,
    /// Since when it has listened, in nanoseconds of the run: what was due before came from history.
    listening: u64,
}

impl Books {
    pub(super) fn new(slow: bool) -> Books {
        Books {
            slow,
            ..Books::default()
        }
    }

    /// Takes what the server said at `now`, in nanoseconds of the run.
    pub(super) fn enter(&mut self, news: News<'_>, run: Run, tally: &mut Tally, now: u64) {
        match news {
            News::Opened => self.listening = now,
            News::Event(payload) => match run.read(payload) {
                Some(mark) => {
                    let seen = self.ledger.see(mark.sequence);
                    self.count(seen, tally);
                    if seen != Seen::Twice && mark.due >= self.listening && !self.slow {
                        tally.latency.record(now.saturating_sub(mark.due));
                    }
                }
                None => tally.foreign += 1,
            },
            News::Binary => tally.foreign += 1,
            News::Gap(missing) => {
                self.ledger.gap(missing);
                tally.gaps += 1;
            }
            News::Reset => {
                self.ledger.reset();
                tally.resets += 1;
            }
        }
    }

    fn count(&self, seen: Seen, tally: &mut Tally) {
        match seen {
            Seen::New(passed) => {
                tally.deliveries += 1;
                tally.passed += if self.slow { 0 } else { passed };
            }
            Seen::Late => tally.deliveries += 1,
            Seen::Twice => {}
        }
    }
}
