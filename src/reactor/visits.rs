//! Visits: everybody who can go on gets a share of the turn.

use std::time::{Duration, Instant};

use super::conn::{Flags, Phase};
use super::service::Service;
use super::turn::Reactor;

/// Connections visited before the poll is asked again.
const VISITS: usize = 256;
/// Time after which the poll is asked again.
const SLICE: Duration = Duration::from_millis(1);
/// Visits between two looks at the clock.
const VISITS_PER_CLOCK: usize = 32;

impl<S: Service> Reactor<S> {
    /// Sends answers whose events have become visible.
    pub(super) fn complete(&mut self) {
        for i in std::mem::take(&mut self.core.waiting) {
            self.core.hot(i).flags.clear(Flags::PARKED);
            self.core.flush_answers(&mut self.service, i);
            self.core.flush_parked(&mut self.service, i);
        }
    }

    /// Sends to who has something to get, for a slice of time.
    pub(super) fn pump(&mut self) {
        let mut visits = 0;
        let started = Instant::now();
        while visits < VISITS && (!self.core.dirty.is_empty() || !self.core.ready.is_empty()) {
            for _ in 0..self.core.ready.len().min(VISITS_PER_CLOCK) {
                if let Some(i) = self.core.ready.pop_front() {
                    visits += 1;
                    self.visit(i);
                }
            }
            visits += self.core.pump(&mut self.service, VISITS_PER_CLOCK);
            if started.elapsed() > SLICE {
                return;
            }
        }
    }

    fn visit(&mut self, i: u32) {
        if !self.core.hot(i).flags.has(Flags::READY) {
            return;
        }
        self.core.hot(i).flags.clear(Flags::READY);
        if self.core.hot(i).flags.has(Flags::HELD) {
            self.core.hot(i).flags.clear(Flags::HELD);
            self.core.socket_input(&mut self.service, i, &mut []);
            if self.core.is_behind() {
                self.feed();
            }
            return self.read(i, true);
        }
        if self.core.wants_input(i) && self.core.holds_input(i) {
            self.core.take_input(&mut self.service, i, &[]);
            if self.core.is_behind() {
                self.feed();
            }
        } else if self.core.hot(i).flags.has(Flags::UNREAD) && self.core.wants_input(i) {
            self.read(i, true);
            // It may be here because something waits for it: a read that finds nothing sends nothing.
            let phase = self.core.phase(i);
            if phase == Phase::Socket || (phase != Phase::Request && self.core.out_len(i) > 0) {
                self.core.deliver(&mut self.service, i);
            }
        } else {
            self.core.deliver(&mut self.service, i);
        }
    }
}
