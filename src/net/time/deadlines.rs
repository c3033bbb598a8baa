//! Deadlines that have passed, and the sweep once a second.

use crate::net::conns::conn::Phase;
use crate::net::disconnect::DisconnectReason;
use crate::net::end::EndReason;
use crate::net::reactor::Reactor;
use crate::net::service::Service;
use crate::net::time::wheel::Tick;

/// Connections of the sweep between two looks at the clock.
const SWEEP_STEP: u32 = 64;

impl<S: Service> Reactor<S> {
    pub(in crate::net) fn pass_deadlines(&mut self) {
        // Not by `now`: to a process that was stopped everybody would seem late whose bytes wait in the kernel.
        let tick = self.core.tick_of(self.core.settled);
        self.core.wheel.expire(tick, &mut self.due);
        // As many as there is time for: thousands may be due at once.
        while let Some(i) = self.due.pop() {
            // The wheel may have looked for a deadline that was moved since: the connection knows its own.
            let cold = &mut self.core.cold[i as usize];
            // The entry that was due is used up; a later one of this slot is still in the wheel.
            if cold.looked_at <= tick {
                cold.looked_at = Tick::MAX;
            }
            let deadline = cold.deadline;
            if deadline <= tick {
                self.core.clear_deadline(i);
                self.pass_deadline(i);
            // It has moved since, or is further away than the wheel reaches.
            } else if deadline != Tick::MAX {
                self.core.set_deadline_tick(i, deadline);
            }
            if self.core.is_slice_over() {
                break;
            }
        }
        if self.core.second() >= self.next_sweep {
            self.next_sweep = self.core.second() + 1;
            // A sweep that takes longer than a second is ended first: begun anew it would never
            // come to the last ones.
            if self.sweep.is_none() {
                self.sweep = Some(self.core.begin_sweep(&mut self.service));
            }
        }
        self.go_on_sweeping();
    }

    /// Goes on sweeping over all connections, for a slice of time.
    fn go_on_sweeping(&mut self) {
        let Some(mut sweep) = self.sweep.take() else {
            return;
        };
        while self.core.sweep(&mut self.service, &mut sweep, SWEEP_STEP) {
            if self.core.is_slice_over() {
                self.core.pause_sweep(&mut sweep);
                self.sweep = Some(sweep);
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
                    DisconnectReason::Aged
                } else {
                    DisconnectReason::Expired
                };
                self.core.end_stream_early(&mut self.service, i, why);
            }
            Phase::Socket => {
                self.core
                    .disconnect_socket(&mut self.service, i, DisconnectReason::Expired);
            }
            Phase::Watch { .. } => {
                let (core, service) = (&mut self.core, &mut self.service);
                core.end_watch(service, i, EndReason::Expired);
            }
            Phase::CloseSent | Phase::Closing | Phase::Drain => {
                self.core.close(&mut self.service, i, EndReason::Expired);
            }
        }
    }
}
