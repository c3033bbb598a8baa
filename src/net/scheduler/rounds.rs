//! Rounds: what was published is brought to the streams, and how long that takes is measured.

use std::time::Instant;

use crate::net::core::Core;
use crate::net::delivery::Pending;
use crate::net::end::closing::Closing;
use crate::net::service::Service;

/// The times by which a batch of events is measured.
pub(in crate::net) struct RoundClock {
    /// The moment at which the oldest event that not everybody has was published, or earlier.
    batch_since: Option<Instant>,
    /// Nothing that the next round finds was published before this.
    since: Instant,
    /// The moment at which this turn began, by the machine's clock.
    looked: Instant,
}

impl RoundClock {
    pub(in crate::net) fn new(now: Instant) -> Self {
        Self {
            batch_since: None,
            since: now,
            looked: now,
        }
    }

    /// Begins a turn at `looked`; `slept`: the thread may have, until it was woken at `woken`, if it was.
    pub(in crate::net) fn begin_turn(
        &mut self,
        looked: Instant,
        slept: bool,
        woken: Option<Instant>,
    ) {
        let before = std::mem::replace(&mut self.looked, looked);
        // An older wake was for what the last turn has published.
        let woken = woken.filter(|at| *at > before);
        self.since = match slept {
            true => woken.unwrap_or(looked),
            false => before,
        };
    }

    /// Notes that a round is over, in which there was something new or not.
    fn end_round(&mut self, news: bool) {
        if news {
            self.batch_since.get_or_insert(self.since);
        }
        self.since = self.looked;
    }

    /// Ends the batch, which everybody who could has had; returns when it began.
    fn end_batch(&mut self) -> Option<Instant> {
        self.batch_since.take()
    }
}

/// Brings news to the streams, for as long as it borrows their table and the service.
pub(in crate::net) struct Publish<'a, S: Service> {
    core: &'a mut Core<S>,
    service: &'a mut S,
}

impl<'a, S: Service> Publish<'a, S> {
    pub(in crate::net) fn new(core: &'a mut Core<S>, service: &'a mut S) -> Self {
        Self { core, service }
    }

    /// Brings what was published to the streams.
    pub(in crate::net) fn publish(&mut self) {
        let news = self.service.publish(&mut self.core.readers());
        self.core.look_behind(self.service);
        // Only now: closing calls the service, which was busy publishing.
        Closing::new(self.core, self.service).cut();
        self.core.rounds.end_round(news);
    }

    /// The same, if requests wait for it: now, not in the next turn, since a publisher on this thread must not lap the
    /// streams that it serves.
    pub(in crate::net) fn publish_if_behind(&mut self) {
        if self.core.is_behind() {
            self.publish();
        }
    }

    /// Lets those be visited whose time to collect is over.
    pub(in crate::net) fn release(&mut self) {
        self.service.release(self.core.stopping);
    }

    /// Notes how long the batch took, once everybody who could had it.
    pub(in crate::net) fn measure(&mut self) {
        if self.core.rounds.batch_since.is_some()
            && self.service.pending() == Pending::Nothing
            && let Some(since) = self.core.rounds.end_batch()
        {
            let us = since.elapsed().as_micros() as u64;
            self.core.counters.latency.record(us);
        }
    }
}
