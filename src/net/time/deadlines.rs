//! Deadlines that have passed, and the sweep once a second.

use std::time::Instant;

use crate::net::conns::phase::{Flags, Phase};
use crate::net::core::Core;
use crate::net::end::closing::Closing;
use crate::net::end::disconnect::DisconnectReason;
use crate::net::end::reason::EndReason;
use crate::net::http::driver::Http;
use crate::net::service::Service;
use crate::net::sweep::{Sweep, Sweeping};
use crate::net::time::timers::Due;
use crate::net::ws::WebSockets;

/// Connections of the sweep between two looks at the clock.
const SWEEP_STEP: u32 = 64;

/// The rest of the deadlines that have passed, and of the sweep.
pub(in crate::net) struct Deadlines {
    /// Connections whose deadlines have passed and are not looked at yet.
    due: Vec<u32>,
    /// The sweep of this second, as far as it is; `None`: it is over.
    sweep: Option<Sweep>,
    /// The second of the next sweep.
    next_sweep: u32,
}

impl Deadlines {
    pub(in crate::net) fn new() -> Self {
        Self {
            due: Vec::new(),
            sweep: None,
            next_sweep: 1,
        }
    }

    /// Returns whether something is left to do.
    pub(in crate::net) fn have_work(&self) -> bool {
        !self.due.is_empty() || self.sweep.is_some()
    }

    /// The moment from which there is something to do.
    pub(in crate::net) fn next<S: Service>(&self, core: &Core<S>) -> Instant {
        let sweep = core.timers.start_of(self.next_sweep);
        core.timers.next_look().min(sweep)
    }

    /// Does what is due, as much as there is time for.
    pub(in crate::net) fn pass<S: Service>(&mut self, core: &mut Core<S>, service: &mut S) {
        core.timers.expire(&mut self.due);
        // As many as there is time for: thousands may be due at once.
        while let Some(i) = self.due.pop() {
            let deadline = core.conns.cold_mut(i).deadline_mut();
            if core.timers.look(deadline, i) == Due::Passed {
                pass_deadline(core, service, i);
            }
            if core.timers.is_slice_over() {
                break;
            }
        }
        if core.timers.second() >= self.next_sweep {
            self.next_sweep = core.timers.second() + 1;
            // A sweep that takes longer than a second is ended first: begun anew it would never
            // come to the last ones.
            if self.sweep.is_none() {
                self.sweep = Some(Sweeping::new(core, service).begin());
            }
        }
        self.go_on_sweeping(core, service);
    }

    /// Goes on sweeping over all connections, for a slice of time.
    fn go_on_sweeping<S: Service>(&mut self, core: &mut Core<S>, service: &mut S) {
        let Some(mut sweep) = self.sweep.take() else {
            return;
        };
        while Sweeping::new(core, service).go_on(&mut sweep, SWEEP_STEP) {
            if core.timers.is_slice_over() {
                self.sweep = Some(sweep);
                return;
            }
        }
    }
}

fn pass_deadline<S: Service>(core: &mut Core<S>, service: &mut S, i: u32) {
    match core.conns.phase(i) {
        Phase::Free => {}
        // More of it is here, and its turn to be read comes.
        Phase::Request if has_input(core, service, i) => {
            let next = core.timers.tick() + 1;
            core.set_deadline_tick(i, next);
        }
        Phase::Request => Http::new(core, service).request_timed_out(i),
        Phase::Stream => {
            let why = match core.conns.cold(i).ages() {
                true => DisconnectReason::Aged,
                false => DisconnectReason::Expired,
            };
            Closing::new(core, service).end_stream(i, why);
        }
        Phase::Socket => WebSockets::new(core, service).disconnect(i, DisconnectReason::Expired),
        Phase::Watch { .. } => Closing::new(core, service).end_watch(i, EndReason::Expired),
        Phase::CloseSent | Phase::Closing | Phase::Drain => {
            Closing::new(core, service).close(i, EndReason::Expired);
        }
    }
}

/// Returns whether bytes of requests of connection `i` may be in its socket, and nothing that it does keeps
/// them there.
fn has_input<S: Service>(core: &mut Core<S>, service: &mut S, i: u32) -> bool {
    let unread = core.conns.hot(i).has(Flags::UNREAD);
    let behind = core.is_behind();
    let http = Http::new(core, service);
    // A request that waits for a decision keeps them there.
    unread && !http.is_parked(i) && (behind || http.wants_input(i))
}
