//! Rounds and sweeps: the fan-out is told the time, is brought what is new, and names who is to be visited.

use std::time::Instant;

use crate::fanout;
use crate::gateway::delivery::readers::member;
use crate::gateway::encode::WireFormat;
use crate::gateway::gateway::Gateway;
use crate::net::{Pending, Readers, Rounds, StreamMut, Sweeps};

impl Rounds for Gateway {
    fn begin_turn(&mut self, now: Instant, second: u32) {
        self.fanout.begin_turn(now, second);
        self.telemetry.begin_turn(second);
    }

    fn publish(&mut self, readers: &mut Readers<'_, Self>) -> bool {
        let (before, mut fed) = (self.fanout.appended(), None);
        // Until nothing is new, not once: a publisher that pipelines would lap the ring under
        // the streams of its own reactor.
        while !self.fanout.is_full() && fed != Some(self.fanout.fed()) {
            fed = Some(self.fanout.fed());
            let mut frames = self.fanout.frames(readers);
            let topic_rates = self.telemetry.topic_rates_mut();
            self.streaming
                .publish(&mut frames, &mut self.encoder, topic_rates);
            self.telemetry.share(self.progress());
        }
        self.fanout.appended() != before
    }

    fn release(&mut self, all: bool) {
        self.fanout.release(all);
    }

    fn next_visit(&mut self) -> Option<u32> {
        self.fanout.next_visit()
    }

    fn is_live(&self, reader: &fanout::Reader) -> bool {
        reader.is_live()
    }

    fn pending(&self) -> Pending {
        match self.fanout.pending() {
            fanout::Pending::Nothing => Pending::Nothing,
            fanout::Pending::Visits => Pending::Visits,
            fanout::Pending::Collecting { due, all } => Pending::Collecting { due, all },
        }
    }

    fn is_behind(&self) -> bool {
        self.streaming.is_behind(self.fanout.fed())
    }

    fn has_published_all(&self) -> bool {
        // An offset that has an outcome and is not in the logs yet is one that somebody still gets.
        let fed = self.fanout.fed();
        self.streaming.outcome(&(fed..fed + 1)).is_none()
    }
}

impl Sweeps for Gateway {
    fn begin_sweep(&mut self) {
        self.fanout.begin_sweep();
    }

    fn look(&mut self, mut stream: StreamMut<'_, Self>, blocked: bool, silent: bool) -> &[u8] {
        let Self {
            fanout,
            streaming,
            encoder,
            ..
        } = self;
        fanout.look(member(&mut stream), blocked, silent, |form, fed, out| {
            let newest = streaming.history().at(fed - 1);
            encoder.heartbeat(WireFormat::of(form), newest, out);
        })
    }

    fn end_sweep(&mut self) {
        self.fanout.end_sweep();
    }

    fn is_caught_up(&self, reader: &fanout::Reader) -> bool {
        self.fanout.is_caught_up(reader)
    }

    fn tick(&mut self, out: &mut Vec<u8>) {
        self.write_tick(out);
        self.telemetry.topic_rates_mut().tick();
    }
}
