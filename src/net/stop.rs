//! Stopping: everybody gets what is published already, within a time.

use std::time::{Duration, Instant};

use crate::deadline;
use crate::net::conns::phase::{Flags, Phase};
use crate::net::core::Core;
use crate::net::end::closing::Closing;
use crate::net::end::disconnect::DisconnectReason;
use crate::net::end::reason::EndReason;
use crate::net::http::driver::Http;
use crate::net::lifecycle::Lifecycle;
use crate::net::listen::listeners::Listeners;
use crate::net::service::Service;
use crate::net::ws::WebSockets;

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

/// The stop of a reactor: when, how far it is, and how it ended.
pub(in crate::net) struct Stop {
    /// The reactor's place in the set.
    number: usize,
    /// Set before a stop that comes later: when, and the time that it has.
    later: Option<(Instant, Duration)>,
    /// Set while stopping: when to give up.
    at: Option<Instant>,
    /// The connection that is next while stopping, and whether the sweep over all of them is in the middle.
    next: u32,
    goes_on: bool,
    report: Option<StopReport>,
}

impl Stop {
    pub(in crate::net) fn new(number: usize) -> Self {
        Self {
            number,
            later: None,
            at: None,
            next: 0,
            goes_on: false,
            report: None,
        }
    }

    /// The way in which the reactor ended, if it has.
    pub(in crate::net) fn report(&self) -> Option<StopReport> {
        self.report
    }

    /// Returns whether connections are to be looked at in the next turn.
    pub(in crate::net) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// The moments from which there is something to do.
    pub(in crate::net) fn moments(&self) -> [Option<Instant>; 2] {
        [self.at, self.later.map(|(at, _)| at)]
    }

    /// Goes on for `delay`, and stops then.
    pub(in crate::net) fn plan<S: Service>(
        &mut self,
        core: &Core<S>,
        delay: Duration,
        timeout: Duration,
    ) {
        let at = deadline::after(core.timers.now(), delay);
        let earlier = self.later.filter(|(earlier, _)| *earlier <= at);
        if self.at.is_none() {
            self.later = earlier.or(Some((at, timeout)));
        }
    }

    pub(in crate::net) fn begin<S: Service>(
        &mut self,
        core: &mut Core<S>,
        service: &mut S,
        listeners: &mut Listeners,
        timeout: Duration,
    ) {
        let at = deadline::after(core.timers.now(), timeout);
        // A second stop may hasten the first one, not delay it.
        self.at = Some(self.at.map_or(at, |earlier| earlier.min(at)));
        self.later = None;
        core.stopping = true;
        // First of all: whoever comes now must go to another server, not wait for this one.
        listeners.close();
        service.lifecycle(Lifecycle::Stopping);
        if self.number == 0 {
            core.reactors.stop_others(timeout);
        }
    }

    /// Begins the stop that was to come later, if its moment has come.
    pub(in crate::net) fn begin_planned<S: Service>(
        &mut self,
        core: &mut Core<S>,
        service: &mut S,
        listeners: &mut Listeners,
    ) {
        if let Some((at, timeout)) = self.later
            && at <= core.timers.now()
        {
            self.begin(core, service, listeners, timeout);
        }
    }

    /// Ends connections that have got everything, as many as there is time for; reports when none is left or time is up.
    pub(in crate::net) fn go_on<S: Service>(&mut self, core: &mut Core<S>, service: &mut S) {
        let Some(stop_at) = self.at else { return };
        // An event that has an outcome and is not published to the streams yet is one that somebody still gets.
        let all_published = service.has_published_all();
        let slots = core.conns.len();
        let mut looked_at = 0;
        while looked_at < slots {
            self.next = (self.next + 1) % slots;
            stop_one(core, service, self.next, all_published);
            looked_at += 1;
            // Those who are not done yet still get their events while others are closed.
            if looked_at % STOP_STEP == 0 && core.timers.is_slice_over() {
                break;
            }
        }
        self.goes_on = looked_at < slots;
        let left = core.counters.connections.get();
        // The first one goes last: who waits for it has waited for all.
        let first = self.number > 0 || core.reactors.others_have_ended();
        if (left == 0 && first) || core.timers.now() >= stop_at {
            self.report = Some(cut_all(core, service));
            core.reactors.end(self.number);
        }
    }
}

/// Ends connection `i`, if it has got everything.
fn stop_one<S: Service>(core: &mut Core<S>, service: &mut S, i: u32, all_published: bool) {
    match core.conns.phase(i) {
        Phase::Request if Http::new(core, service).is_between_requests(i) => {
            Closing::new(core, service).begin_closing(i, EndReason::Stopping);
        }
        Phase::Watch { .. } => Closing::new(core, service).end_watch(i, EndReason::Stopping),
        Phase::Stream if all_published && is_caught_up(core, service, i) => {
            Closing::new(core, service).end_stream(i, DisconnectReason::Stopping);
        }
        Phase::Socket if all_published && !WebSockets::new(core, service).has_queued(i) => {
            WebSockets::new(core, service).disconnect(i, DisconnectReason::Stopping);
        }
        _ => {}
    }
}

/// Returns whether stream `i` has everything that there is for it.
fn is_caught_up<S: Service>(core: &Core<S>, service: &S, i: u32) -> bool {
    let hot = core.conns.hot(i);
    !hot.has(Flags::BLOCKED)
        && core.conns.cold(i).out().is_empty()
        && service.is_caught_up(hot.reader())
}

/// Closes all that are left.
fn cut_all<S: Service>(core: &mut Core<S>, service: &mut S) -> StopReport {
    let conns = &core.conns;
    // Who only has to close its half has got everything.
    let has_all = |i: &u32| match conns.phase(*i) {
        Phase::Free | Phase::Drain => true,
        Phase::CloseSent => conns.out_len(*i) == 0,
        _ => false,
    };
    let left = (0..conns.len()).filter(|i| !has_all(i)).count() as u64;
    for i in 0..core.conns.len() {
        Closing::new(core, service).close(i, EndReason::StopDeadline);
    }
    StopReport {
        clean: left == 0,
        connections_left: left,
    }
}
