//! Delivery: private bytes, then history, then the frame log, until the socket is full.

use super::conn::{Flags, Phase};
use super::core::Core;
use super::end::EndReason;
use super::send::{Broken, Bytes};
use super::service::{CatchUp, Farewell, Service, StreamPlan, WatchPlan};

/// Bytes that one connection gets per visit before it has to queue again.
const VISIT_BYTES: u64 = 256 << 10;

impl<S: Service> Core<S> {
    /// Makes connection `i` a stream and sends what it can.
    pub(super) fn start_stream(&mut self, service: &mut S, i: u32, plan: StreamPlan<S::Key>) {
        self.cold[i as usize].requests = None;
        self.clear_deadline(i);
        if let Some(at) = plan.expires_at {
            let tick = self.tick_of(at) + 1;
            self.set_deadline_tick(i, tick);
        }
        self.out(i).bytes.extend_from_slice(&plan.head);
        self.join_class(service, i, (plan.key, plan.form, plan.everything));
        let second = self.begin_account(i);
        let serial = self.next_serial;
        self.next_serial = self.next_serial.wrapping_add(1);
        let cold = &mut self.cold[i as usize];
        (cold.serial, cold.tag, cold.pace) = (serial, plan.tag, plan.pace);
        cold.ages = plan.ages;
        service.stream_started(self.stream_id(i), plan.tag);
        let hot = self.hot(i);
        hot.heartbeat = plan.heartbeat.as_secs().min(u64::from(u16::MAX)) as u16;
        hot.active = second;
        hot.phase = Phase::CatchUp;
        hot.cursor = plan.from;
        self.deliver(service, i);
    }

    /// Makes connection `i` one that gets a tick a second, and sends what comes first.
    pub(super) fn start_watch(&mut self, service: &mut S, i: u32, plan: WatchPlan) {
        self.cold[i as usize].requests = None;
        self.clear_deadline(i);
        if let Some(at) = plan.expires_at {
            let tick = self.tick_of(at) + 1;
            self.set_deadline_tick(i, tick);
        }
        self.out(i).bytes.extend_from_slice(&plan.head);
        let second = self.begin_account(i);
        let hot = self.hot(i);
        hot.active = second;
        hot.phase = Phase::Watch;
        self.counters.watchers.add(1);
        service.watched(self.counters.watchers.get());
        self.deliver(service, i);
    }

    /// Counts the bytes of connection `i` from here on; returns the second.
    fn begin_account(&mut self, i: u32) -> u32 {
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
    pub(super) fn deliver(&mut self, service: &mut S, i: u32) {
        if let Err(broken) = self.try_deliver(service, i) {
            self.close(service, i, broken.0);
        }
    }

    fn try_deliver(&mut self, service: &mut S, i: u32) -> Result<(), Broken> {
        let mut budget = VISIT_BYTES;
        loop {
            if self.hot(i).flags.has(Flags::BLOCKED) || !self.send_private(i)? {
                return Ok(());
            }
            match self.phase(i) {
                Phase::Free | Phase::Drain | Phase::Watch => return Ok(()),
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
                return Ok(self.out_len(i) == 0);
            }
        }
        self.cold[i as usize].out = None;
        Ok(true)
    }

    /// Encodes and sends a part of history; `false`: nothing more can be done now.
    fn catch_up(&mut self, service: &mut S, i: u32, budget: &mut u64) -> Result<bool, Broken> {
        if self.hot(i).flags.has(Flags::SLOW) {
            return self.apply_policy(service, i, budget);
        }
        let (id, from) = (self.hot(i).class, self.hot(i).cursor);
        let Some(class) = self.classes.get(id) else {
            return Err(Broken(EndReason::Reset));
        };
        let Some(log) = self.logs[class.form as usize].as_ref() else {
            return Err(Broken(EndReason::Reset));
        };
        // In the log from here on?
        let known_from = log
            .frame_at(class.floor())
            .map_or(self.fed, |(mark, _)| mark.offset);
        if from >= known_from && from <= self.fed {
            let cursor = log.start_of(from);
            let hot = self.hot(i);
            hot.phase = Phase::Log;
            hot.cursor = cursor;
            return Ok(true);
        }
        if from > self.fed {
            // Published, but not fed yet: this turn or the next will.
            self.make_ready(i);
            return Ok(false);
        }
        let max = self.limits.private_bytes.min(*budget as usize);
        let out = self.cold[i as usize].out.get_or_insert_default();
        let part = CatchUp {
            key: &class.key,
            form: class.form,
            from,
            to: self.fed,
            max,
        };
        out.sent = 0;
        let done = service.catch_up(part, &mut out.bytes);
        debug_assert!(done.next >= from);
        *budget = budget.saturating_sub(out.bytes.len().max(max / 4) as u64);
        let cold = &mut self.cold[i as usize];
        cold.missed = cold.missed.saturating_add(done.missed);
        let second = self.second();
        self.count_events(i, done.events, second);
        self.hot(i).cursor = done.next;
        Ok(true)
    }

    /// Sends from the frame log; `false`: nothing more can be done now.
    fn send_log(&mut self, i: u32, budget: &mut u64) -> Result<bool, Broken> {
        let (id, cursor) = (self.hot(i).class, self.hot(i).cursor);
        let Some(class) = self.classes.get(id) else {
            return Err(Broken(EndReason::Reset));
        };
        let Some(log) = self.logs[class.form as usize].as_ref() else {
            return Err(Broken(EndReason::Reset));
        };
        if cursor < class.floor() && cursor < log.end() {
            return if self.fall_behind(i) {
                Ok(true)
            } else {
                Err(Broken(EndReason::HalfSent))
            };
        }
        let Some(range) = class.next_range(cursor, log.end()) else {
            return Ok(false);
        };
        if self.is_too_far(i, range.start, log.end()) {
            return if self.fall_behind(i) {
                Ok(true)
            } else {
                Err(Broken(EndReason::HalfSent))
            };
        }
        let end = range.end.min(range.start + *budget);
        let form = class.form;
        let sent = self.send(i, Bytes::Log(form, range.start, end))? as u64;
        self.hot(i).cursor = range.start + sent;
        if let Some(log) = self.logs[form as usize].as_mut() {
            let events = log.begun_in(range.start..range.start + sent);
            self.counters.delivered.add(events);
            let second = self.second();
            self.count_events(i, events, second);
        }
        *budget -= sent;
        Ok(true)
    }

    /// Sends `bytes` between two frames, keeping what the socket does not take.
    pub(super) fn send_between(&mut self, i: u32, bytes: &[u8]) -> Result<(), Broken> {
        let sent = self.send(i, Bytes::Given(bytes))?;
        if sent < bytes.len() {
            self.out(i).bytes.extend_from_slice(&bytes[sent..]);
        }
        Ok(())
    }

    /// Whether stream `i` has everything that there is for it.
    pub(super) fn is_caught_up(&self, i: u32) -> bool {
        let hot = &self.hot[i as usize];
        if hot.phase != Phase::Log || hot.flags.has(Flags::BLOCKED) || self.out_len(i) > 0 {
            return false;
        }
        let Some(class) = self.classes.get(hot.class) else {
            return false;
        };
        let Some(log) = self.logs[class.form as usize].as_ref() else {
            return false;
        };
        hot.cursor >= class.floor().min(log.end())
            && class.next_range(hot.cursor, log.end()).is_none()
    }

    /// Ends stream `i`, which stands between two frames, with the words of its wire form.
    pub(super) fn end_stream(&mut self, service: &mut S, i: u32, why: Farewell) {
        let id = self.hot(i).class;
        if let Some(form) = self.classes.get(id).map(|class| class.form) {
            let mut bytes = std::mem::take(&mut self.out(i).bytes);
            service.farewell(form, why, &mut bytes);
            self.out(i).bytes = bytes;
        }
        self.begin_closing(service, i, why.into());
    }

    /// Ends stream `i` wherever it stands: after the frame that it is inside, if it is.
    pub(super) fn end_stream_early(&mut self, service: &mut S, i: u32, why: Farewell) {
        match self.phase(i) {
            Phase::CatchUp | Phase::Log if self.detach(i) => self.end_stream(service, i, why),
            Phase::CatchUp | Phase::Log => self.close(service, i, EndReason::HalfSent),
            _ => {}
        }
    }

    /// Visits members of dirty classes, at most `visits`; returns how many were visited.
    pub(super) fn pump(&mut self, service: &mut S, visits: usize) -> usize {
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
            class.pump_left -= 1;
            class.pump_at = (class.pump_at + 1) % class.members.len();
            let i = class.members[class.pump_at];
            done += 1;
            if self.hot(i).phase == Phase::Log {
                self.deliver(service, i);
            }
        }
        if self.dirty.is_empty() && self.held.is_empty() {
            self.unpumped = 0;
        }
        done
    }
}
