//! Visits: everybody who can go on gets a share of the turn.

pub(in crate::net) mod queue;
pub(in crate::net) mod rounds;

use crate::net::conns::phase::{Flags, Phase};
use crate::net::core::Core;
use crate::net::deliver::Deliver;
use crate::net::delivery::Pending;
use crate::net::http::driver::Http;
use crate::net::io::input::Input;
use crate::net::scheduler::rounds::Publish;
use crate::net::service::Service;
use crate::net::ws::WebSockets;

/// Connections visited before the poll is asked again.
const VISITS: usize = 256;
/// Visits between two looks at the clock.
const VISITS_PER_CLOCK: usize = 32;

/// Visits connections, for as long as it borrows their table, the service and the buffer that sockets are read into.
pub(in crate::net) struct Scheduler<'a, S: Service> {
    core: &'a mut Core<S>,
    service: &'a mut S,
    buffer: &'a mut [u8],
}

impl<'a, S: Service> Scheduler<'a, S> {
    pub(in crate::net) fn new(
        core: &'a mut Core<S>,
        service: &'a mut S,
        buffer: &'a mut [u8],
    ) -> Self {
        Self {
            core,
            service,
            buffer,
        }
    }

    /// Sends answers whose outcomes are known, and goes on with what waits for room.
    pub(in crate::net) fn answer(&mut self) {
        // Taken first: whoever still waits puts itself back.
        for i in self.core.http.take_waiting() {
            self.core.conns.hot_mut(i).clear(Flags::PARKED);
            Http::new(self.core, self.service).go_on_stalled(i);
            Http::new(self.core, self.service).flush_answers(i);
            WebSockets::new(self.core, self.service).go_on_stalled(i);
            WebSockets::new(self.core, self.service).flush_parked(i);
            self.let_streams_in();
        }
    }

    /// Sends to who has something to get, for a slice of time.
    pub(in crate::net) fn deliver(&mut self) {
        Publish::new(self.core, self.service).release();
        self.end_slice();
        let mut visits = 0;
        while visits < VISITS && (self.has_visits() || self.core.queue.ready() > 0) {
            // Those that were there: who queues again meanwhile comes behind the streams.
            for _ in 0..self.core.queue.ready().min(VISITS_PER_CLOCK) {
                if let Some(i) = self.core.queue.pop() {
                    visits += 1;
                    self.visit(i);
                }
                // One of them may have as much to do as many.
                if self.core.timers.is_slice_over() {
                    break;
                }
            }
            // Streams have a slice of their own: whatever others ask for, they get their share.
            self.end_slice();
            loop {
                let visited = self.visit_streams(VISITS_PER_CLOCK);
                visits += visited;
                if visited < VISITS_PER_CLOCK || visits >= VISITS {
                    break;
                }
                if self.core.timers.is_slice_over() {
                    self.end_slice();
                    return;
                }
            }
            if self.core.timers.is_slice_over() || self.core.queue.ready() > 0 {
                break;
            }
        }
        self.end_slice();
    }

    /// Lets streams have what was published, if other work has taken a slice of time since they last had.
    pub(in crate::net) fn let_streams_in(&mut self) {
        if self.core.timers.is_slice_over() {
            Publish::new(self.core, self.service).publish();
            self.deliver();
        }
    }

    /// Notes how long streams had to wait.
    pub(in crate::net) fn end_slice(&mut self) {
        let us = self.core.timers.end_slice().as_micros() as u64;
        let counter = &self.core.counters.stall_max_us;
        if us > counter.get() {
            counter.set(us);
        }
    }

    fn has_visits(&self) -> bool {
        self.service.pending() == Pending::Visits
    }

    /// Visits streams that there is news for, at most `visits`; returns how many were visited.
    fn visit_streams(&mut self, visits: usize) -> usize {
        let mut done = 0;
        while done < visits
            && let Some(i) = self.service.next_visit()
        {
            done += 1;
            // One that reads history comes to this event by itself.
            if self.service.is_live(self.core.conns.hot(i).reader()) {
                Deliver::new(self.core, self.service).deliver(i);
            }
        }
        done
    }

    fn visit(&mut self, i: u32) {
        let hot = self.core.conns.hot_mut(i);
        // Closed since it queued. The slot may be another's by now, which has not asked.
        if !hot.has(Flags::READY) {
            return;
        }
        // Before the visit, in which it may queue again.
        hot.clear(Flags::READY);
        if hot.has(Flags::HELD) {
            hot.clear(Flags::HELD);
            WebSockets::new(self.core, self.service).input(i, &mut []);
            Publish::new(self.core, self.service).publish_if_behind();
            // No event says here whether an end follows a short read, so the socket is read until it says so.
            self.input().read(i, true);
            return self.go_on(i);
        }
        let unread = hot.has(Flags::UNREAD);
        let wants_input = self.input().wants_input(i);
        if wants_input && Http::new(self.core, self.service).holds_input(i) {
            Http::new(self.core, self.service).take_input(i, &[]);
            Publish::new(self.core, self.service).publish_if_behind();
        } else if unread && wants_input {
            self.input().read(i, true);
            self.go_on(i);
        } else {
            Deliver::new(self.core, self.service).deliver(i);
        }
    }

    /// Sends to connection `i`, which was read first and may be here because something waits for it, history or the rest
    /// of a long visit: a read sends nothing of that.
    fn go_on(&mut self, i: u32) {
        let waits = match self.core.conns.phase(i) {
            Phase::Free | Phase::Request => false,
            Phase::Socket | Phase::Stream => true,
            _ => self.core.conns.out_len(i) > 0,
        };
        if waits {
            Deliver::new(self.core, self.service).deliver(i);
        }
    }

    fn input(&mut self) -> Input<'_, S> {
        Input::new(self.core, self.service, self.buffer)
    }
}
