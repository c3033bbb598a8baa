//! Delivery: private bytes, then history, then the frame log, until the socket is full.

use crate::net::class::ClassSpec;
use crate::net::compressed_reader::LogName;
use crate::net::conns::conn::{Flags, Phase};
use crate::net::core::Core;
use crate::net::disconnect::DisconnectReason;
use crate::net::end::EndReason;
use crate::net::form::Codec;
use crate::net::io::send::{Broken, Bytes};
use crate::net::io::transport::wants_flush;
use crate::net::lifecycle::Lifecycle;
use crate::net::service::Service;
use crate::net::stream_plan::{HistoryMode, StreamPlan, WatchPlan};
use crate::wire::http::chunk;

/// Bytes that one connection gets per visit before it has to queue again.
const VISIT_BYTES: u64 = 256 << 10;

impl<S: Service> Core<S> {
    /// Makes connection `i` a stream and sends what it can.
    pub(in crate::net) fn start_stream(
        &mut self,
        service: &mut S,
        i: u32,
        plan: StreamPlan<S::Key>,
    ) {
        // Half a KiB that a stream does not need any more.
        self.cold[i as usize].requests = None;
        self.clear_deadline(i);
        if let Some(at) = plan.expires_at {
            let tick = self.tick_of(at) + 1;
            self.set_deadline_tick(i, tick);
        }
        // Private, like what is written first and a gap: all of it leaves in one send.
        self.out(i).bytes.extend_from_slice(&plan.head);
        let spec = ClassSpec {
            key: plan.key,
            form: plan.form,
            everything: plan.everything,
            hold: plan.hold,
        };
        // Before anything of the body is written: the class says which form and codec it has.
        self.join_class(service, i, spec);
        self.write_first(i, &plan.first, plan.from.saturating_sub(1));
        let second = self.reset_counts(i);
        self.name_stream(i);
        let cold = &mut self.cold[i as usize];
        (cold.owner, cold.slow_options) = (plan.owner, plan.slow_options);
        cold.ages = plan.ages;
        service.lifecycle(Lifecycle::StreamStarted {
            id: self.stream_id(i),
            owner: plan.owner,
        });
        let hot = self.hot(i);
        hot.heartbeat = plan.heartbeat.as_secs().min(u64::from(u16::MAX)) as u16;
        hot.active = second;
        // By way of history always: it passes to the log as soon as the log has what it wants next.
        hot.phase = Phase::CatchUp;
        hot.cursor = plan.from;
        self.deliver(service, i);
    }

    /// Makes connection `i` one that gets a tick a second, and sends what comes first.
    pub(in crate::net) fn start_watch(&mut self, service: &mut S, i: u32, plan: WatchPlan) {
        self.cold[i as usize].requests = None;
        self.clear_deadline(i);
        if let Some(at) = plan.expires_at {
            let tick = self.tick_of(at) + 1;
            self.set_deadline_tick(i, tick);
        }
        let out = &mut self.out(i).bytes;
        out.extend_from_slice(&plan.head);
        if plan.chunked {
            chunk::wrap(out, plan.first.len(), |out| {
                out.extend_from_slice(&plan.first)
            });
        } else {
            out.extend_from_slice(&plan.first);
        }
        let second = self.reset_counts(i);
        let hot = self.hot(i);
        hot.active = second;
        hot.phase = Phase::Watch {
            chunked: plan.chunked,
        };
        self.counters.watchers.add(1);
        let watchers = self.counters.watchers.get();
        service.lifecycle(Lifecycle::Watched { watchers });
        self.deliver(service, i);
    }

    /// Counts the bytes of connection `i` from here on; returns the second.
    pub(in crate::net) fn reset_counts(&mut self, i: u32) -> u32 {
        let second = self.second();
        self.hot(i).sent = 0;
        let cold = &mut self.cold[i as usize];
        cold.sent_high = 0;
        cold.delivered = 0;
        cold.last_event = 0;
        cold.missed = 0;
        cold.since = second;
        second
    }

    /// Sends what waits for connection `i`, as much as its socket and its share of the turn allow.
    pub(in crate::net) fn deliver(&mut self, service: &mut S, i: u32) {
        if let Err(broken) = self.try_deliver(service, i) {
            self.close(service, i, broken.0);
        }
    }

    fn try_deliver(&mut self, service: &mut S, i: u32) -> Result<(), Broken> {
        let mut budget = VISIT_BYTES;
        loop {
            // Until its edge comes the socket takes nothing, and trying would be a system call.
            let blocked = self.hot(i).flags.has(Flags::BLOCKED);
            if blocked || !self.flush(i)? || !self.send_private(i)? {
                return Ok(());
            }
            if self.hot(i).flags.has(Flags::HELD) {
                self.resume_socket(i);
            }
            match self.phase(i) {
                Phase::Free | Phase::Drain | Phase::Watch { .. } | Phase::CloseSent => {
                    return Ok(());
                }
                Phase::Socket if !self.send_queued(service, i, &mut budget)? => return Ok(()),
                Phase::Socket => {}
                Phase::Request => {
                    self.resume_reading(i);
                    return Ok(());
                }
                Phase::Closing => {
                    self.finish(service, i);
                    return Ok(());
                }
                Phase::CatchUp if !self.catch_up(service, i, &mut budget)? => return Ok(()),
                Phase::CatchUp => {}
                Phase::Log if !self.send_log(i, &mut budget)? => return Ok(()),
                Phase::Log => {}
            }
            // Whoever has much to catch up on queues again behind everybody else who is ready.
            if budget == 0 {
                self.make_ready(i);
                return Ok(());
            }
        }
    }

    /// Sends private bytes; `true`: none are left.
    fn send_private(&mut self, i: u32) -> Result<bool, Broken> {
        while self.out_len(i) > 0 {
            let sent = self.send(i, Bytes::Private)?;
            if let Some(frame) = self.out(i).advance(sent) {
                self.release_frame(frame);
            }
            if self.hot(i).flags.has(Flags::BLOCKED) {
                // TLS may have taken all of it and kept some.
                let rest = self.out_len(i) > 0 || wants_flush(&self.cold[i as usize].session);
                return Ok(!rest);
            }
        }
        // A connection at rest keeps no buffer.
        self.cold[i as usize].out = None;
        Ok(true)
    }

    /// Encodes and sends a part of history; `false`: nothing more can be done now.
    fn catch_up(&mut self, service: &mut S, i: u32, budget: &mut u64) -> Result<bool, Broken> {
        let slow = self.hot(i).flags.has(Flags::SLOW);
        if (slow || self.has_replay(i)) && !self.may_take_history(i) {
            return Ok(false);
        }
        if slow {
            return self.apply_policy(service, i, budget);
        }
        let (id, from) = (self.hot(i).class, self.hot(i).cursor);
        let Some(class) = self.classes.get(id) else {
            return Err(Broken(EndReason::Reset));
        };
        let form = class.form;
        if self.send_replay(service, i, form, budget) {
            return Ok(true);
        }
        let (Some(class), Some(log)) = (self.classes.get(id), &self.logs[form.index()]) else {
            return Err(Broken(EndReason::Reset));
        };
        // In the log from here on?
        let known_from = log
            .frame_at(class.floor())
            .map_or(self.fed, |(mark, _)| mark.offset);
        if from >= known_from && from <= self.fed {
            let cursor = log.start_of(from);
            self.begin_log(i, cursor);
            return Ok(true);
        }
        if from > self.fed {
            // Published, but not fed yet: this turn or the next will.
            self.make_ready(i);
            return Ok(false);
        }
        if !self.may_take_history(i) {
            return Ok(false);
        }
        self.take_history(i, HistoryMode::All, budget, |part, out| {
            service.history(part, out)
        })?;
        Ok(true)
    }

    /// Sends from the frame log; `false`: nothing more can be done now.
    fn send_log(&mut self, i: u32, budget: &mut u64) -> Result<bool, Broken> {
        let cursor = self.hot(i).cursor;
        let Some((class, name, log)) = self.log_of(i) else {
            return Err(Broken(EndReason::Reset));
        };
        let range = match name {
            // Aligned members get every frame of their window log: there are no extents to ask.
            LogName::Window(_) => (cursor < log.end()).then_some(cursor..log.end()),
            LogName::Form(_) if cursor < class.floor() && cursor < log.end() => {
                return if self.fall_behind(i) {
                    Ok(true)
                } else {
                    Err(Broken(EndReason::HalfSent))
                };
            }
            LogName::Form(_) => class.next_range(cursor, log.end()),
        };
        let Some(range) = range else {
            return Ok(false);
        };
        // Lag is looked at here alone, where something is sent: no walk over connections looks for slow ones.
        if self.is_too_far(i, range.start, log.end()) {
            return if self.fall_behind(i) {
                Ok(true)
            } else {
                Err(Broken(EndReason::HalfSent))
            };
        }
        let form = class.form;
        if S::codec(form) == Codec::Brotli {
            return self.compress_log(i, form, range, budget);
        }
        // From the start of the range on: a frame that is cut by the budget goes on at the next visit.
        let mut end = range.end.min(range.start + *budget);
        if let (LogName::Form(_), Some(entry)) = (name, class.entry()) {
            // The keyframe is next in both logs: nothing is missed or had twice by passing.
            if range.start == entry.apart {
                self.join_window(i, entry.window);
                return Ok(true);
            }
            if range.start < entry.apart {
                // Stops in front of the keyframe, where it can pass.
                end = end.min(entry.apart);
            }
        }
        let sent = self.send(i, Bytes::Log(name, range.start, end))? as u64;
        let end = range.start + sent;
        self.hot(i).cursor = end;
        let Self { logs, classes, .. } = self;
        if let Some(log) = name.find_mut(logs, classes) {
            // By the index of the log: members ask for the same range one after the other,
            // which makes it a comparison.
            let events = log.begun_in(range.start..end);
            self.counters.delivered.add(events);
            let second = self.second();
            self.count_events(i, events, second);
        }
        if let LogName::Form(form) = name {
            self.digest_sent(i, form, range.start, end);
        }
        *budget -= sent;
        Ok(true)
    }

    /// Sends `bytes` between two frames, keeping what the socket does not take.
    pub(in crate::net) fn send_between(&mut self, i: u32, bytes: &[u8]) -> Result<(), Broken> {
        let sent = self.send(i, Bytes::Given(bytes))?;
        if sent < bytes.len() {
            self.out(i).bytes.extend_from_slice(&bytes[sent..]);
        }
        Ok(())
    }

    /// Returns whether stream `i` has everything that there is for it.
    pub(in crate::net) fn is_caught_up(&self, i: u32) -> bool {
        let hot = &self.hot[i as usize];
        if hot.phase != Phase::Log || hot.flags.has(Flags::BLOCKED) || self.out_len(i) > 0 {
            return false;
        }
        match self.log_of(i) {
            None => false,
            Some((_, LogName::Window(_), log)) => hot.cursor == log.end(),
            Some((class, LogName::Form(_), log)) => {
                hot.cursor >= class.floor().min(log.end())
                    && class.next_range(hot.cursor, log.end()).is_none()
            }
        }
    }

    /// Ends stream `i`, which stands between two frames, with the words of its wire form.
    pub(in crate::net) fn end_stream(&mut self, service: &mut S, i: u32, why: DisconnectReason) {
        let id = self.hot(i).class;
        if self.is_socket(i) {
            return self.disconnect_socket(service, i, why);
        }
        if let Some(form) = self.classes.get(id).map(|class| class.form) {
            let mut plain = Vec::new();
            service.disconnect(form, why, &mut plain);
            let mut bytes = std::mem::take(&mut self.out(i).bytes);
            self.write_end(i, form, &plain, &mut bytes);
            self.out(i).bytes = bytes;
        }
        self.begin_closing(service, i, why.into());
    }

    /// Ends the ticks of watcher `i` in order, after the one that it is inside, if it is.
    pub(in crate::net) fn end_watch(&mut self, service: &mut S, i: u32, why: EndReason) {
        if self.phase(i) == (Phase::Watch { chunked: true }) {
            self.out(i).bytes.extend_from_slice(chunk::LAST);
        }
        self.begin_closing(service, i, why);
    }

    /// Ends stream `i` wherever it stands: after the frame that it is inside, if it is.
    pub(in crate::net) fn end_stream_early(
        &mut self,
        service: &mut S,
        i: u32,
        why: DisconnectReason,
    ) {
        match self.phase(i) {
            // Inside a frame there is no place for last words: its rest is kept and leaves before them.
            Phase::CatchUp | Phase::Log if self.detach(i) => self.end_stream(service, i, why),
            Phase::CatchUp | Phase::Log => self.close(service, i, EndReason::HalfSent),
            _ => {}
        }
    }

    /// Visits members of dirty classes, at most `visits`; returns how many were visited.
    pub(in crate::net) fn pump(&mut self, service: &mut S, visits: usize) -> usize {
        let mut done = 0;
        while done < visits
            && let Some(id) = self.dirty.front().copied()
        {
            let Some(class) = self.classes.get_mut(id) else {
                self.dirty.pop_front();
                continue;
            };
            if class.pump_left == 0 || class.members.is_empty() {
                class.pump_left = 0;
                self.dirty.pop_front();
                continue;
            }
            // Counted down before the visit: a visit may end the member, or the class.
            class.pump_left -= 1;
            class.pump_at = (class.pump_at + 1) % class.members.len();
            let i = class.members[class.pump_at];
            done += 1;
            // One that reads history comes to this event by itself.
            if self.hot(i).phase == Phase::Log {
                self.deliver(service, i);
            }
        }
        // Everybody had a turn since the last append, so the logs may be filled again.
        if self.dirty.is_empty() && self.held.is_empty() {
            self.unpumped = 0;
        }
        done
    }
}
