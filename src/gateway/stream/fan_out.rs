//! From the ring to frames: what is new for all classes, history for one.

use smallvec::SmallVec;

use crate::event::Position;
use crate::gateway::encode::format::{Gap, WireFormat};
use crate::gateway::gateway::Gateway;
use crate::gateway::stream::request::StreamFilter;
use crate::gateway::telemetry::notices::GapReason;
use crate::hub::LookedUp;
use crate::hub::ReadError;
use crate::reactor::{CatchUp, CaughtUp, ClassId, Frames};

/// Events read from the ring in one go.
const FEED_EVENTS: usize = 1024;
/// Events looked at for one connection that catches up, at a time.
const CATCH_UP_EVENTS: usize = 1024;
/// Events looked up for one connection that catches up, at a time.
const LOOKED_UP_EVENTS: usize = 256;
/// Events that are looked at one by one rather than looked up: what is near is found faster so.
const NEAR_EVENTS: u64 = 64;

impl Gateway {
    /// Appends what is new to the frame logs, a bounded amount.
    pub(in crate::gateway) fn feed_new(&mut self, frames: &mut Frames<'_, Self>) {
        if self.is_idle() {
            // Nobody listens: whoever comes next catches up from the ring.
            frames.set_fed(self.hub.visible() + 1);
            return;
        }
        if self.live.next_offset() != frames.fed() && self.live.seek(frames.fed()).is_err() {
            return;
        }
        let Self {
            live,
            router,
            restricted,
            encoder,
            epoch,
            topics,
            last_values,
            ..
        } = self;
        let mut ids: SmallVec<[ClassId; 8]> = SmallVec::new();
        let read = live.read_while(FEED_EVENTS, |offset, event| {
            if !frames.has_room() {
                return false;
            }
            if topics.is_watched() {
                topics.count(event.topic(), event.data().len());
            }
            if last_values.is_used() {
                last_values.note(offset, event.topic_hash());
            }
            ids.clear();
            router.route(event.topic(), &mut ids);
            ids.retain(|id| {
                let limited = restricted.get(id);
                limited.is_none_or(|filter| filter.may_see(event.topic()))
            });
            if !ids.is_empty() {
                if event.is_reserved() {
                    // Classes of all topics read their log as it is: from here on they must not.
                    frames.list_frames();
                }
                let position = Position {
                    epoch: *epoch,
                    offset,
                };
                frames.append(offset, &ids, |form, oversize, out| {
                    let form = WireFormat::of(form);
                    if oversize {
                        // It is larger than a log takes.
                        let gap = Gap::of_one(GapReason::Oversize, position);
                        encoder.gap(form, gap, out);
                    } else {
                        encoder.event(form, position, event, out);
                    }
                });
            }
            frames.set_fed(offset + 1);
            true
        });
        match read {
            Ok(0) | Err(ReadError::Closed) => {}
            Ok(_) => self.hub.look_back().note_time(),
            Err(ReadError::Lagged { resume_at, .. }) => self.feed_gap(frames, resume_at),
        }
    }

    /// Moves past what the ring has dropped before it was read: one gap for everybody.
    fn feed_gap(&mut self, frames: &mut Frames<'_, Self>, resume_at: u64) {
        let (asked, earliest) = (self.at(frames.fed() - 1), self.at(resume_at));
        let gap = Gap::whole(GapReason::Overrun, asked, earliest).exact_if(false);
        let encoder = &mut self.encoder;
        frames.append_to_all(resume_at - 1, |form, _, out| {
            encoder.gap(WireFormat::of(form), gap, out)
        });
        frames.set_fed(resume_at);
    }

    /// Whether a class takes every event that the hub has: then what it missed is a difference of offsets. Reserved
    /// topics are taken by name only, so that one event of them is enough to make that a bound.
    pub(in crate::gateway) fn takes_everything(&self, key: &StreamFilter) -> bool {
        key.is_all() && self.hub.look_back().all_is_everything()
    }

    /// Encodes history for one class.
    pub(in crate::gateway) fn encode_history(
        &mut self,
        part: CatchUp<'_, StreamFilter>,
        out: &mut Vec<u8>,
    ) -> CaughtUp {
        let far = part.to - part.from > NEAR_EVENTS && !part.key.is_all();
        let range = part.from..part.to;
        let found = far.then(|| self.look_up(part.key, range, LOOKED_UP_EVENTS));
        let found = found.flatten();
        // What was looked up goes by the floor of that moment: what has gone since is met as it is read.
        let earliest = found.map_or_else(|| self.hub.earliest(), |found| found.floor);
        let (form, mut next) = (WireFormat::of(part.form), part.from);
        if earliest > next {
            next = earliest.min(part.to);
            let (asked, left) = (self.at(part.from - 1), self.at(next));
            let gap = Gap::whole(GapReason::Retention, asked, left);
            let exact = self.takes_everything(part.key);
            self.encoder.gap(form, gap.exact_if(exact), out);
        }
        let missed = u32::try_from(next - part.from).unwrap_or(u32::MAX);
        if next >= part.to {
            return CaughtUp {
                next: next.max(part.from + 1),
                events: 0,
                missed,
                looked_at: 0,
            };
        }
        let done = match found {
            Some(found) => self.encode_found(&part, found, next, out),
            None => self.encode_scanned(&part, next, out),
        };
        self.metrics.replayed += done.events;
        CaughtUp { missed, ..done }
    }

    /// Encodes what was looked up, from `next` on.
    fn encode_found(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        found: LookedUp,
        next: u64,
        out: &mut Vec<u8>,
    ) -> CaughtUp {
        let offsets = std::mem::take(&mut self.looked_up.offsets);
        let (mut events, mut looked_at, mut left_at) = (0, 0, None);
        for &offset in &offsets {
            if out.len() >= part.max {
                left_at = Some(offset);
                break;
            }
            let at_it = self.history.next_offset() == offset || self.history.seek(offset).is_ok();
            let Self {
                history,
                encoder,
                epoch,
                ..
            } = self;
            let read = at_it.then(|| {
                history.read_while(1, |offset, event| {
                    // Two names with one hash would be one topic to the hub.
                    if part.key.matches(event.topic()) {
                        events += 1;
                        let epoch = *epoch;
                        let position = Position { epoch, offset };
                        encoder.event(WireFormat::of(part.form), position, event, out);
                    }
                    true
                })
            });
            looked_at += 1;
            // Overwritten meanwhile: the next visit begins with it, and tells.
            if !matches!(read, Some(Ok(1))) {
                left_at = Some(offset);
                break;
            }
        }
        self.looked_up.offsets = offsets;
        CaughtUp {
            next: left_at.unwrap_or(found.to).max(next),
            events,
            missed: 0,
            looked_at,
        }
    }

    /// Looks at event after event from `next` on, and encodes what is wanted.
    fn encode_scanned(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        mut next: u64,
        out: &mut Vec<u8>,
    ) -> CaughtUp {
        let (mut events, mut looked_at) = (0, 0);
        let Self {
            history,
            encoder,
            epoch,
            ..
        } = self;
        if history.seek(next).is_ok() {
            // What is overwritten between the look before and this read is met again on the next visit.
            let _ = history.read_while(CATCH_UP_EVENTS, |offset, event| {
                if offset >= part.to || out.len() >= part.max {
                    return false;
                }
                if part.key.matches(event.topic()) {
                    events += 1;
                    let epoch = *epoch;
                    encoder.event(
                        WireFormat::of(part.form),
                        Position { epoch, offset },
                        event,
                        out,
                    );
                }
                looked_at += 1;
                next = offset + 1;
                true
            });
        }
        CaughtUp {
            next,
            events,
            missed: 0,
            looked_at,
        }
    }
}
