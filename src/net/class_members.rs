//! Class membership: connections join and leave classes.

use std::time::Duration;

use crate::net::class::{ClassId, ClassSpec};
use crate::net::conns::conn::Phase;
use crate::net::core::Core;
use crate::net::end::{EndReason, StreamEnd};
use crate::net::framelog::FrameLog;
use crate::net::lifecycle::Lifecycle;
use crate::net::service::Service;

impl<S: Service> Core<S> {
    /// Makes connection `i` a member of the class of `key` and `form`.
    pub(in crate::net) fn join_class(&mut self, service: &mut S, i: u32, spec: ClassSpec<S::Key>) {
        let form = spec.form;
        let bytes = self.limits.frame_log_bytes;
        // With the first stream of its form: a server whose clients never ask for it does not pay for the log.
        let log = self.logs[form.index()].get_or_insert_with(|| FrameLog::new(bytes));
        let id = match self.classes.find(&spec.key, form) {
            Some(id) => id,
            None => {
                let key = spec.key.clone();
                // Counted, so that `only_holds` need not look at all classes before each sleep.
                self.eager += usize::from(spec.hold.is_zero());
                // From the end on: nobody asked this filter about the frames that are there already.
                let id = self.classes.open(spec, log.end());
                service.lifecycle(Lifecycle::ClassOpened {
                    id,
                    key: &key,
                    form,
                });
                id
            }
        };
        if let Some(class) = self.classes.get_mut(id) {
            class.members.push(i);
            if class.pump_left > 0 {
                // The round is longer now: who was last in it must not fall out.
                class.pump_left = class.members.len();
            }
            let slot = class.members.len() as u32 - 1;
            let hot = self.hot(i);
            hot.class = id;
            hot.slot = slot;
        }
        self.counters.streams.add(1);
    }

    /// Takes connection `i` out of what it receives, if it is a stream or watches.
    pub(in crate::net) fn leave(&mut self, service: &mut S, i: u32, why: EndReason) {
        self.leave_stream(service, i, why);
        self.end_socket(service, i);
        if matches!(self.phase(i), Phase::Watch { .. }) {
            self.counters.watchers.sub(1);
            let watchers = self.counters.watchers.get();
            service.lifecycle(Lifecycle::Watched { watchers });
        }
    }

    /// Takes connection `i` out of its class, if it is a stream.
    pub(in crate::net) fn leave_stream(&mut self, service: &mut S, i: u32, why: EndReason) {
        if matches!(self.phase(i), Phase::CatchUp | Phase::Log) {
            // While it is still a member: the report names its filter and its lag.
            self.tell_end(service, i, why);
            self.leave_class(service, i);
        }
    }

    fn tell_end(&self, service: &mut S, i: u32, reason: EndReason) {
        let (hot, cold) = (&self.hot[i as usize], &self.cold[i as usize]);
        let Some(class) = self.classes.get(hot.class) else {
            return;
        };
        service.lifecycle(Lifecycle::StreamEnded(StreamEnd {
            reason,
            id: self.stream_id(i),
            owner: cold.owner,
            peer: cold.peer.into(),
            key: &class.key,
            delivered: cold.delivered,
            bytes: u64::from(cold.sent_high) << 32 | u64::from(hot.sent),
            open: Duration::from_secs(u64::from(self.second().saturating_sub(cold.since))),
            lag: self.lag_of(i),
        }));
    }

    pub(in crate::net) fn leave_class(&mut self, service: &mut S, i: u32) {
        if self.phase(i) == Phase::Log {
            self.leave_log(i);
        }
        let (id, slot) = (self.hot(i).class, self.hot(i).slot as usize);
        self.counters.streams.sub(1);
        let Some(class) = self.classes.get_mut(id) else {
            return;
        };
        // No search and no shifting: members know their slots, and only that of the last one changes.
        class.members.swap_remove(slot);
        if class.pump_left > 0 {
            // The member that moved may have been ahead of the pump: visit all again.
            class.pump_left = class.members.len().max(1);
        }
        if let Some(moved) = class.members.get(slot).copied() {
            self.hot(moved).slot = slot as u32;
        } else if class.members.is_empty() {
            let (form, queued) = (class.form, class.pump_left > 0);
            let chained = class.window_log.take().is_some();
            self.eager -= usize::from(class.hold.is_zero());
            if queued {
                // The id is free from here on, and whoever gets it must not be pumped in this one's place.
                self.dirty.retain(|dirty| *dirty != id);
            }
            self.held.forget(id);
            if chained {
                self.window_log_gone();
            }
            if let Some(key) = self.classes.close(id) {
                service.lifecycle(Lifecycle::ClassClosed {
                    id,
                    key: &key,
                    form,
                });
            }
        }
    }

    /// Notes that a class has lost its window log: another may have one, by the same name even.
    pub(in crate::net) fn window_log_gone(&mut self) {
        self.counters.chains.sub(1);
        self.partial_frames.clear();
    }

    /// Queues a class whose members have something to read.
    pub(in crate::net) fn make_dirty(&mut self, id: ClassId) {
        if let Some(class) = self.classes.get_mut(id)
            && !class.members.is_empty()
        {
            // Queued already: the round begins anew, since there is more for those who were visited.
            if class.pump_left > 0 {
                class.pump_left = class.members.len();
            } else if class.hold.is_zero() {
                class.pump_left = class.members.len();
                self.dirty.push_back(id);
            } else {
                let hold = class.hold;
                self.hold(id, hold);
            }
        }
    }
}
