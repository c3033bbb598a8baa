//! Deadlines that have passed, and the walk once a second.

use super::conn::Phase;
use super::end::EndReason;
use super::service::{Farewell, Service};
use super::turn::Reactor;
use super::wheel::Tick;

/// Connections of the walk between two looks at the clock.
const WALK_STEP: u32 = 64;

impl<S: Service> Reactor<S> {
    pub(super) fn pass_deadlines(&mut self) {
        let tick = self.core.tick_of(self.core.settled);
        self.core.wheel.expire(tick, &mut self.due);
        // As many as there is time for: thousands may be due at once.
        while let Some(i) = self.due.pop() {
            let cold = &mut self.core.cold[i as usize];
            if cold.looked_at <= tick {
                cold.looked_at = Tick::MAX;
            }
            let deadline = cold.deadline;
            if deadline <= tick {
                self.core.clear_deadline(i);
                self.pass_deadline(i);
            } else if deadline != Tick::MAX {
                self.core.set_deadline_tick(i, deadline);
            }
            if self.core.is_slice_over() {
                break;
            }
        }
        if self.core.second() >= self.next_scan {
            self.next_scan = self.core.second() + 1;
            if self.walk.is_none() {
                self.walk = Some(self.core.begin_walk(&mut self.service));
            }
        }
        self.go_on_walking();
    }

    /// Walks on over all connections, for a slice of time.
    fn go_on_walking(&mut self) {
        let Some(mut walk) = self.walk.take() else {
            return;
        };
        while self.core.walk(&mut self.service, &mut walk, WALK_STEP) {
            if self.core.is_slice_over() {
                self.core.pause_walk(&mut walk);
                self.walk = Some(walk);
                return;
            }
        }
    }

    fn pass_deadline(&mut self, i: u32) {
        match self.core.phase(i) {
            Phase::Free => {}
            // More of it is here, and its turn to be read comes.
            Phase::Request if self.core.has_input(i) => {
                let next = self.core.tick() + 1;
                self.core.set_deadline_tick(i, next);
            }
            Phase::Request => self.core.request_timed_out(&mut self.service, i),
            Phase::CatchUp | Phase::Log => {
                let ages = self.core.cold[i as usize].ages;
                let why = if ages {
                    Farewell::Aged
                } else {
                    Farewell::Expired
                };
                self.core.end_stream_early(&mut self.service, i, why);
            }
            Phase::Socket => {
                self.core.part_for(&mut self.service, i, Farewell::Expired);
            }
            Phase::Watch { .. } => {
                let (core, service) = (&mut self.core, &mut self.service);
                core.end_watch(service, i, EndReason::Expired);
            }
            Phase::Parting | Phase::Closing | Phase::Drain => {
                self.core.close(&mut self.service, i, EndReason::Expired);
            }
        }
    }
}
