//! Once a second: heartbeats for the quiet, ticks for watchers, an end for those who take nothing,
//! and the figures that only a sweep over all connections gives.

use crate::net::conns::phase::{Flags, Phase};
use crate::net::core::Core;
use crate::net::end::closing::Closing;
use crate::net::end::reason::EndReason;
use crate::net::io::send::Meter;
use crate::net::service::Service;
use crate::net::ws::WebSockets;
use crate::wire::http::chunk;

/// The sweep over all connections, a part at a time.
pub(in crate::net) struct Sweep {
    /// The connection that is next.
    next: u32,
    /// Counts that become gauges once it is through.
    blocked: u64,
    closing: u64,
    tick: Vec<u8>,
    chunked_tick: Vec<u8>,
}

/// Looks after connections, for as long as it borrows their table and the service.
pub(in crate::net) struct Sweeping<'a, S: Service> {
    core: &'a mut Core<S>,
    service: &'a mut S,
}

impl<'a, S: Service> Sweeping<'a, S> {
    pub(in crate::net) fn new(core: &'a mut Core<S>, service: &'a mut S) -> Self {
        Self { core, service }
    }

    pub(in crate::net) fn begin(&mut self) -> Sweep {
        self.service.begin_sweep();
        let (mut tick, mut chunked_tick) = (Vec::new(), Vec::new());
        // A tick looks at all that is counted: only while somebody watches.
        if self.core.counters.watchers.get() > 0 {
            self.service.tick(&mut tick);
            chunk::wrap(&mut chunked_tick, tick.len(), |out| {
                out.extend_from_slice(&tick)
            });
        }
        Sweep {
            next: 0,
            blocked: 0,
            closing: 0,
            tick,
            chunked_tick,
        }
    }

    /// Looks at the next `step` connections; `false`: those were the last ones.
    pub(in crate::net) fn go_on(&mut self, sweep: &mut Sweep, step: u32) -> bool {
        let end = self.core.conns.len().min(sweep.next + step);
        for i in sweep.next..end {
            self.look_at(i, sweep);
        }
        sweep.next = end;
        if end < self.core.conns.len() {
            return true;
        }
        self.service.end_sweep();
        let counters = &self.core.counters;
        // At the end, all of them: a reading in the middle of a sweep would show a part.
        counters.blocked.set(sweep.blocked);
        counters.closing.set(sweep.closing);
        false
    }

    fn look_at(&mut self, i: u32, sweep: &mut Sweep) {
        match self.core.conns.phase(i) {
            Phase::Stream => {
                let blocked = self.core.conns.hot(i).has(Flags::BLOCKED);
                sweep.blocked += u64::from(blocked);
                self.sweep_stream(i, blocked);
            }
            Phase::Socket => {
                self.sweep_socket(i);
            }
            Phase::Watch { chunked: false } => self.sweep_watcher(i, &sweep.tick),
            Phase::Watch { chunked: true } => self.sweep_watcher(i, &sweep.chunked_tick),
            Phase::Closing | Phase::Drain | Phase::CloseSent => sweep.closing += 1,
            Phase::Free | Phase::Request => {}
        }
    }

    fn sweep_stream(&mut self, i: u32, blocked: bool) {
        // Who is blocked may be cut next, and gets no heartbeat: it is counted while it is there.
        if blocked {
            let stream = self.core.conns.stream(i);
            self.service.look(stream, true, false);
        }
        if self.core.conns.is_socket(i) && self.sweep_socket(i) {
            return;
        }
        if blocked {
            self.cut_if_stalled(i);
            return;
        }
        let second = self.core.timers.second();
        let mut conn = self.core.conns.conn(i);
        let silent = conn.hot().is_silent(second) && conn.cold().out().is_empty();
        let beat = self.service.look(conn.stream(), false, silent);
        if beat.is_empty() {
            return;
        }
        let meter = Meter {
            second,
            counters: &self.core.counters,
        };
        if let Err(broken) = conn.send_between(beat, meter) {
            self.close(i, broken.0);
        }
    }

    /// Looks after WebSocket `i`; `true`: it is full, is closed or is gone.
    fn sweep_socket(&mut self, i: u32) -> bool {
        WebSockets::new(self.core, self.service).cut_if_unfinished(i)
            || self.cut_if_stalled(i)
            || WebSockets::new(self.core, self.service).look_after(i)
    }

    /// Sends a watcher the newest tick, unless it has not taken the last one yet.
    fn sweep_watcher(&mut self, i: u32, tick: &[u8]) {
        if self.cut_if_stalled(i) || self.core.conns.out_len(i) > 0 {
            return;
        }
        if let Err(broken) = self.core.send_between(i, tick) {
            self.close(i, broken.0);
        }
    }

    /// Ends connection `i` if its socket is full for too long; `true`: it is full or gone.
    fn cut_if_stalled(&mut self, i: u32) -> bool {
        let hot = self.core.conns.hot(i);
        if !hot.has(Flags::BLOCKED) {
            return false;
        }
        // By what was looked at: whoever had no chance to take something, since this process slept, is not slow.
        let silent = self.core.timers.settled_second();
        let silent = silent.saturating_sub(hot.active());
        if u64::from(silent) > self.core.limits.write_timeout.as_secs() {
            self.close(i, EndReason::Stalled);
        }
        true
    }

    fn close(&mut self, i: u32, why: EndReason) {
        Closing::new(self.core, self.service).close(i, why);
    }
}
