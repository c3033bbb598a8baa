//! Once a second: heartbeats for the quiet, ticks for watchers, an end for those who take nothing,
//! and the figures that only a sweep over all connections gives.

use crate::net::compressed_reader::LogName;
use crate::net::conns::conn::{Flags, Phase};
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::service::Service;
use crate::wire::http::chunk;

/// The counts of one sweep, which become gauges once it is through.
#[derive(Default)]
struct SweepCounts {
    catching_up: u64,
    blocked: u64,
    closing: u64,
    lagging: u64,
    lag_max: u64,
}

/// The sweep over all connections, a part at a time.
pub(in crate::net) struct Sweep {
    /// The connection that is next.
    next: u32,
    counts: SweepCounts,
    /// The heartbeat of each wire form, as written in this turn.
    beats: Vec<Vec<u8>>,
    tick: Vec<u8>,
    chunked_tick: Vec<u8>,
}

impl<S: Service> Core<S> {
    pub(in crate::net) fn begin_sweep(&mut self, service: &mut S) -> Sweep {
        let mut beats = std::mem::take(&mut self.beats);
        beats.iter_mut().for_each(Vec::clear);
        let (mut tick, mut chunked_tick) = (Vec::new(), Vec::new());
        // A tick looks at all that is counted: only while somebody watches.
        if self.counters.watchers.get() > 0 {
            service.tick(&mut tick);
            chunk::wrap(&mut chunked_tick, tick.len(), |out| {
                out.extend_from_slice(&tick)
            });
        }
        Sweep {
            next: 0,
            counts: SweepCounts::default(),
            beats,
            tick,
            chunked_tick,
        }
    }

    /// Looks at the next `step` connections; `false`: those were the last ones.
    pub(in crate::net) fn sweep(&mut self, service: &mut S, sweep: &mut Sweep, step: u32) -> bool {
        let end = (self.hot.len() as u32).min(sweep.next + step);
        for i in sweep.next..end {
            self.look_at(service, i, sweep);
        }
        sweep.next = end;
        if (end as usize) < self.hot.len() {
            return true;
        }
        self.beats = std::mem::take(&mut sweep.beats);
        let (counters, counts) = (&self.counters, &sweep.counts);
        // At the end, all of them: a reading in the middle of a sweep would show a part.
        counters.catching_up.set(counts.catching_up);
        counters.blocked.set(counts.blocked);
        counters.closing.set(counts.closing);
        counters.lagging.set(counts.lagging);
        counters.lag_max.set(counts.lag_max);
        false
    }

    /// The sweep goes on in another turn: by then a heartbeat says something newer.
    pub(in crate::net) fn pause_sweep(&self, sweep: &mut Sweep) {
        sweep.beats.iter_mut().for_each(Vec::clear);
    }

    fn look_at(&mut self, service: &mut S, i: u32, sweep: &mut Sweep) {
        match self.phase(i) {
            Phase::CatchUp | Phase::Log => {
                self.count_stream(i, &mut sweep.counts);
                self.sweep_stream(service, i, &mut sweep.beats);
            }
            Phase::Socket => {
                if !self.cut_if_unfinished(service, i) && !self.cut_if_stalled(service, i) {
                    self.look_after_socket(service, i);
                }
            }
            Phase::Watch { chunked: false } => self.sweep_watcher(service, i, &sweep.tick),
            Phase::Watch { chunked: true } => self.sweep_watcher(service, i, &sweep.chunked_tick),
            Phase::Closing | Phase::Drain | Phase::CloseSent => sweep.counts.closing += 1,
            Phase::Free | Phase::Request => {}
        }
    }

    fn count_stream(&self, i: u32, counts: &mut SweepCounts) {
        let hot = &self.hot[i as usize];
        let catches_up = hot.phase == Phase::CatchUp;
        let blocked = hot.flags.has(Flags::BLOCKED);
        counts.catching_up += u64::from(catches_up);
        counts.blocked += u64::from(blocked);
        // Who is neither gets all there is in this turn or the next.
        if catches_up || blocked {
            let lag = self.lag_of(i);
            counts.lagging += u64::from(lag > 0);
            counts.lag_max = counts.lag_max.max(lag);
        }
    }

    fn sweep_stream(&mut self, service: &mut S, i: u32, beats: &mut [Vec<u8>]) {
        if self.cut_if_unfinished(service, i)
            || self.cut_if_stalled(service, i)
            || self.look_after_socket(service, i)
        {
            return;
        }
        let hot = &self.hot[i as usize];
        let silent = self.second() - hot.active.min(self.second());
        // Only to who has everything: the newest id in it would move the client's place past
        // events that it has not got.
        if hot.heartbeat > 0
            && silent >= u32::from(hot.heartbeat)
            && self.is_caught_up(i)
            && let Some(form) = self.classes.get(hot.class).map(|class| class.form)
        {
            let beat = &mut beats[form.index()];
            if beat.is_empty() {
                service.heartbeat(form, self.fed, beat);
            }
            // Plain ones share the bytes and copy none.
            let sent = if self.cold[i as usize].compressed.is_none() {
                self.send_between(i, beat)
            } else {
                let mut bytes = Vec::new();
                self.write_heartbeat(i, beat, &mut bytes);
                self.send_between(i, &bytes)
            };
            if let Err(broken) = sent {
                self.close(service, i, broken.0);
            }
        }
    }

    /// Sends a watcher the newest tick, unless it has not taken the last one yet.
    fn sweep_watcher(&mut self, service: &mut S, i: u32, tick: &[u8]) {
        if self.cut_if_stalled(service, i) || self.out_len(i) > 0 {
            return;
        }
        if let Err(broken) = self.send_between(i, tick) {
            self.close(service, i, broken.0);
        }
    }

    /// Ends connection `i` if its socket is full for too long; `true`: it is full or gone.
    fn cut_if_stalled(&mut self, service: &mut S, i: u32) -> bool {
        let hot = &self.hot[i as usize];
        if !hot.flags.has(Flags::BLOCKED) {
            return false;
        }
        // By what was looked at: whoever had no chance to take something, since this process slept, is not slow.
        let silent = self.settled_second().saturating_sub(hot.active);
        if u64::from(silent) > self.limits.write_timeout.as_secs() {
            self.close(service, i, EndReason::Stalled);
        }
        true
    }

    /// Events between stream `i` and the newest one, of all topics.
    pub(in crate::net) fn lag_of(&self, i: u32) -> u64 {
        let hot = &self.hot[i as usize];
        let next = match hot.phase {
            Phase::CatchUp => hot.cursor,
            Phase::Log => self.next_offset_of(i),
            _ => self.fed,
        };
        self.fed.saturating_sub(next)
    }

    fn next_offset_of(&self, i: u32) -> u64 {
        let cursor = self.hot[i as usize].cursor;
        let place = self.log_of(i).and_then(|(class, name, log)| match name {
            LogName::Window(_) => log.frame_at(cursor),
            LogName::Form(_) => {
                let next = class.next_range(cursor.max(class.floor()), log.end())?;
                log.frame_at(next.start)
            }
        });
        place.map_or(self.fed, |(mark, _)| mark.offset)
    }
}
