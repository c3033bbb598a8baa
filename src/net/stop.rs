//! Stopping: everybody gets what is published already, within a time.

use std::time::Duration;

use crate::deadline;
use crate::net::conns::conn::Phase;
use crate::net::disconnect::DisconnectReason;
use crate::net::end::EndReason;
use crate::net::lifecycle::Lifecycle;
use crate::net::reactor::Reactor;
use crate::net::service::Service;

/// Connections of a stop between two looks at the clock.
const STOP_STEP: u32 = 32;

/// The way in which a reactor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// `true`: everybody got what was published before the stop.
    pub clean: bool,
    /// Connections that were cut at the deadline.
    pub connections_left: u64,
}

impl<S: Service> Reactor<S> {
    /// Goes on for `delay`, and stops then.
    pub(in crate::net) fn stop_later(&mut self, delay: Duration, timeout: Duration) {
        let at = deadline::after(self.core.now, delay);
        let earlier = self.stop_later.filter(|(earlier, _)| *earlier <= at);
        if self.stop_at.is_none() {
            self.stop_later = earlier.or(Some((at, timeout)));
        }
    }

    pub(in crate::net) fn begin_stop(&mut self, timeout: Duration) {
        let at = deadline::after(self.core.now, timeout);
        // A second stop may hasten the first one, not delay it.
        self.stop_at = Some(self.stop_at.map_or(at, |earlier| earlier.min(at)));
        self.stop_later = None;
        // First of all: whoever comes now must go to another server, not wait for this one.
        self.listeners.close();
        self.service.lifecycle(Lifecycle::Stopping);
        if self.number == 0 {
            self.core.reactors.stop_others(timeout);
        }
    }

    /// Ends connections that have got everything, as many as there is time for; reports when none is left or time is up.
    pub(in crate::net) fn go_on_stopping(&mut self) {
        let Some(stop_at) = self.stop_at else { return };
        // An offset that has an outcome and is not in the logs yet is one that somebody still gets.
        let fed = self.core.fed;
        let all_fed = self.service.outcome(&(fed..fed + 1)).is_none();
        let slots = self.core.hot.len() as u32;
        let mut looked_at = 0;
        while looked_at < slots {
            self.stop_next = (self.stop_next + 1) % slots;
            self.stop_one(self.stop_next, all_fed);
            looked_at += 1;
            // Those who are not done yet still get their events while others are closed.
            if looked_at % STOP_STEP == 0 && self.core.is_slice_over() {
                break;
            }
        }
        self.stop_goes_on = looked_at < slots;
        let left = self.core.counters.connections.get();
        // The first one goes last: who waits for it has waited for all.
        let first = self.number > 0 || self.core.reactors.others_have_ended();
        if (left == 0 && first) || self.core.now >= stop_at {
            self.report = Some(self.stop_report());
            self.core.reactors.end(self.number);
        }
    }

    /// Ends connection `i`, if it has got everything.
    fn stop_one(&mut self, i: u32, all_fed: bool) {
        let (core, service) = (&mut self.core, &mut self.service);
        match core.phase(i) {
            Phase::Request if core.is_between_requests(i) => {
                core.begin_closing(service, i, EndReason::Stopping);
            }
            Phase::Watch { .. } => core.end_watch(service, i, EndReason::Stopping),
            Phase::Log if all_fed && core.is_caught_up(i) => {
                core.end_stream(service, i, DisconnectReason::Stopping);
            }
            Phase::Socket if all_fed && !core.has_queued(service, i) => {
                core.disconnect_socket(service, i, DisconnectReason::Stopping);
            }
            _ => {}
        }
    }

    fn stop_report(&mut self) -> StopReport {
        // Who only has to close its half has got everything.
        let core = &self.core;
        let undelivered = |i: &u32| {
            !matches!(core.phase(*i), Phase::Free | Phase::Drain) && !core.has_sent_close(*i)
        };
        let left = (0..core.hot.len() as u32).filter(undelivered).count() as u64;
        for i in 0..self.core.hot.len() as u32 {
            self.core
                .close(&mut self.service, i, EndReason::StopDeadline);
        }
        StopReport {
            clean: left == 0,
            connections_left: left,
        }
    }
}
