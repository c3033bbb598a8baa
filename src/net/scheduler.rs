//! Visits: everybody who can go on gets a share of the turn.

use std::time::{Duration, Instant};

use crate::net::conns::conn::{Flags, Phase};
use crate::net::core::Core;
use crate::net::reactor::Reactor;
use crate::net::service::Service;

/// Connections visited before the poll is asked again.
const VISITS: usize = 256;
/// Time after which the poll is asked again, and streams have their turn.
const SLICE: Duration = Duration::from_millis(1);
/// Visits between two looks at the clock.
const VISITS_PER_CLOCK: usize = 32;

impl<S: Service> Core<S> {
    /// Returns whether other work has taken so much time that streams should have their turn.
    pub(in crate::net) fn is_slice_over(&self) -> bool {
        // By the machine's clock, not by `now`, which stands still for a turn.
        self.slice.elapsed() > SLICE
    }
}

impl<S: Service> Reactor<S> {
    /// Sends answers whose events have become visible.
    pub(in crate::net) fn complete(&mut self) {
        // Taken first: whoever still waits puts itself back.
        for i in std::mem::take(&mut self.core.waiting) {
            self.core.hot(i).flags.clear(Flags::PARKED);
            self.core.flush_answers(&mut self.service, i);
            self.core.flush_parked(&mut self.service, i);
            self.let_streams_in();
        }
    }

    /// Sends to who has something to get, for a slice of time.
    pub(in crate::net) fn pump(&mut self) {
        self.end_slice();
        let mut visits = 0;
        while visits < VISITS && (!self.core.dirty.is_empty() || !self.core.ready.is_empty()) {
            // Those that were there: who queues again meanwhile comes behind the streams.
            for _ in 0..self.core.ready.len().min(VISITS_PER_CLOCK) {
                if let Some(i) = self.core.ready.pop_front() {
                    visits += 1;
                    self.visit(i);
                }
                // One of them may have as much to do as many.
                if self.core.is_slice_over() {
                    break;
                }
            }
            // Streams have a slice of their own: whatever others ask for, they get their share.
            self.end_slice();
            loop {
                let pumped = self.core.pump(&mut self.service, VISITS_PER_CLOCK);
                visits += pumped;
                if pumped < VISITS_PER_CLOCK || visits >= VISITS {
                    break;
                }
                if self.core.is_slice_over() {
                    self.end_slice();
                    return;
                }
            }
            if self.core.is_slice_over() || !self.core.ready.is_empty() {
                break;
            }
        }
        self.end_slice();
    }

    /// Lets streams have what was published, if other work has taken a slice of time since they last had.
    pub(in crate::net) fn let_streams_in(&mut self) {
        if self.core.is_slice_over() {
            self.feed();
            let full = self.core.is_full();
            self.core.release_held(full || self.stop_at.is_some());
            self.pump();
        }
    }

    /// Notes how long streams had to wait.
    pub(in crate::net) fn end_slice(&mut self) {
        let now = Instant::now();
        let us = now.saturating_duration_since(self.core.slice).as_micros() as u64;
        let counter = &self.core.counters.stall_max_us;
        if us > counter.get() {
            counter.set(us);
        }
        self.core.slice = now;
    }

    fn visit(&mut self, i: u32) {
        // Closed since it queued. The slot may be another's by now, which has not asked.
        if !self.core.hot(i).flags.has(Flags::READY) {
            return;
        }
        // Before the visit, in which it may queue again.
        self.core.hot(i).flags.clear(Flags::READY);
        if self.core.hot(i).flags.has(Flags::HELD) {
            self.core.hot(i).flags.clear(Flags::HELD);
            self.core.socket_input(&mut self.service, i, &mut []);
            if self.core.is_behind() {
                self.feed();
            }
            // No event says here whether an end follows a short read, so the socket is read until it says so.
            self.read(i, true);
            return self.go_on(i);
        }
        if self.core.wants_input(i) && self.core.holds_input(i) {
            self.core.take_input(&mut self.service, i, &[]);
            if self.core.is_behind() {
                self.feed();
            }
        } else if self.core.hot(i).flags.has(Flags::UNREAD) && self.core.wants_input(i) {
            self.read(i, true);
            self.go_on(i);
        } else {
            self.core.deliver(&mut self.service, i);
        }
    }

    /// Sends to connection `i`, which was read first and may be here because something waits for it: a
    /// read sends nothing of that, and history waits for nothing else.
    fn go_on(&mut self, i: u32) {
        let waits = match self.core.phase(i) {
            Phase::Free | Phase::Request => false,
            Phase::Socket | Phase::CatchUp => true,
            _ => self.core.out_len(i) > 0,
        };
        if waits {
            self.core.deliver(&mut self.service, i);
        }
    }
}
