//! The driver that makes connections streams.

use std::time::{Duration, Instant};

use crate::net::conns::phase::Phase;
use crate::net::conns::plan::{StreamPlan, WatchPlan};
use crate::net::core::Core;
use crate::net::deliver::Deliver;
use crate::net::lifecycle::Lifecycle;
use crate::net::service::Service;
use crate::wire::http::chunk;

/// Makes connections that were in requests something else, for as long as it borrows their table and the service.
pub(in crate::net) struct Start<'a, S: Service> {
    core: &'a mut Core<S>,
    service: &'a mut S,
}

impl<'a, S: Service> Start<'a, S> {
    pub(in crate::net) fn new(core: &'a mut Core<S>, service: &'a mut S) -> Self {
        Self { core, service }
    }

    /// Makes connection `i` a stream and sends what it can.
    pub(in crate::net) fn stream(&mut self, i: u32, plan: StreamPlan<S::Plan>) {
        let second = self.begin(i, plan.expires_at);
        let id = self.core.conns.name_stream(i);
        self.core.conns.cold_mut(i).set_ages(plan.ages);
        // Private, like what is written first and a gap: all of it leaves in one send.
        let out = self.core.conns.out_mut(i).bytes();
        out.extend_from_slice(&plan.head);
        let stream = self.core.conns.stream(i);
        self.service.open(stream, id, plan.stream);
        let hot = self.core.conns.hot_mut(i);
        hot.start_heartbeat(plan.heartbeat, second);
        hot.set_phase(Phase::Stream);
        Deliver::new(self.core, self.service).deliver(i);
    }

    /// Makes connection `i` one that gets a tick a second, and sends what comes first.
    pub(in crate::net) fn watch(&mut self, i: u32, plan: WatchPlan) {
        let second = self.begin(i, plan.expires_at);
        let out = self.core.conns.out_mut(i).bytes();
        out.extend_from_slice(&plan.head);
        if plan.chunked {
            chunk::wrap(out, plan.first.len(), |out| {
                out.extend_from_slice(&plan.first)
            });
        } else {
            out.extend_from_slice(&plan.first);
        }
        let hot = self.core.conns.hot_mut(i);
        hot.start_heartbeat(Duration::ZERO, second);
        hot.set_phase(Phase::Watch {
            chunked: plan.chunked,
        });
        self.core.counters.watchers.add(1);
        let watchers = self.core.counters.watchers.get();
        self.service.lifecycle(Lifecycle::Watched { watchers });
        Deliver::new(self.core, self.service).deliver(i);
    }

    /// Ends the requests of connection `i`; returns the second.
    fn begin(&mut self, i: u32, expires_at: Option<Instant>) -> u32 {
        // Half a KiB that a stream does not need any more.
        *self.core.conns.cold_mut(i).requests_mut() = None;
        self.core.restart_deadline(i, expires_at);
        let second = self.core.timers.second();
        self.core.conns.conn(i).reset_counts(second);
        second
    }
}
