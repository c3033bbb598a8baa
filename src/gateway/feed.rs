//! From the ring to frames: what is new for all classes, history for one.

use smallvec::SmallVec;

use super::forms::{Form, Gap};
use super::state::Gateway;
use super::stream::StreamFilter;
use super::told::GapReason;
use crate::event::Position;
use crate::hub::ReadError;
use crate::reactor::{CatchUp, CaughtUp, ClassId, Frames};

/// Events read from the ring in one go.
const FEED_EVENTS: usize = 1024;
/// Events looked at for one connection that catches up, per visit.
const CATCH_UP_EVENTS: usize = 1024;
impl Gateway {
    /// Appends what is new to the frame logs, a bounded amount.
    pub(super) fn feed_new(&mut self, frames: &mut Frames<'_, Self>) {
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
            newest,
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
            if newest.is_used() {
                newest.note(offset, event.topic_hash());
            }
            ids.clear();
            router.route(event.topic(), &mut ids);
            ids.retain(|id| {
                let limited = restricted.get(id);
                limited.is_none_or(|filter| filter.may_see(event.topic()))
            });
            if !ids.is_empty() {
                let position = Position {
                    epoch: *epoch,
                    offset,
                };
                frames.append(offset, &ids, |form, oversize, out| {
                    let form = Form::of(form);
                    if oversize {
                        encoder.gap(form, Gap::oversize(position), out);
                    } else {
                        encoder.event(form, position, event, out);
                    }
                });
            }
            frames.set_fed(offset + 1);
            true
        });
        match read {
            Ok(_) | Err(ReadError::Closed) => {}
            Err(ReadError::Lagged { resume_at, .. }) => self.feed_gap(frames, resume_at),
        }
    }

    /// Moves past what the ring has dropped before it was read: one gap for everybody.
    fn feed_gap(&mut self, frames: &mut Frames<'_, Self>, resume_at: u64) {
        let (asked, earliest) = (self.at(frames.fed() - 1), self.at(resume_at));
        let gap = Gap::whole(GapReason::Overrun, asked, earliest).exact_if(false);
        let encoder = &mut self.encoder;
        frames.append_to_all(resume_at - 1, |form, _, out| {
            encoder.gap(Form::of(form), gap, out)
        });
        frames.set_fed(resume_at);
    }

    /// Encodes history for one class.
    pub(super) fn encode_history(
        &mut self,
        part: CatchUp<'_, StreamFilter>,
        out: &mut Vec<u8>,
    ) -> CaughtUp {
        let form = Form::of(part.form);
        let earliest = self.hub.earliest();
        let mut next = part.from;
        if earliest > next {
            next = earliest.min(part.to);
            let (asked, left) = (self.at(part.from - 1), self.at(next));
            let gap = Gap::whole(GapReason::Retention, asked, left);
            self.encoder.gap(form, gap.exact_if(part.key.is_all()), out);
        }
        let missed = u32::try_from(next - part.from).unwrap_or(u32::MAX);
        if next >= part.to || self.history.seek(next).is_err() {
            return CaughtUp {
                next: next.max(part.from + 1),
                events: 0,
                missed,
            };
        }
        let mut events = 0;
        let Self {
            history,
            encoder,
            epoch,
            metrics,
            ..
        } = self;
        // What is overwritten between the look above and this read is met again on the next visit.
        let _ = history.read_while(CATCH_UP_EVENTS, |offset, event| {
            if offset >= part.to || out.len() >= part.max {
                return false;
            }
            if part.key.matches(event.topic()) {
                events += 1;
                encoder.event(
                    form,
                    Position {
                        epoch: *epoch,
                        offset,
                    },
                    event,
                    out,
                );
            }
            next = offset + 1;
            true
        });
        metrics.replayed += events;
        CaughtUp {
            next,
            events,
            missed,
        }
    }
}

impl Gap {
    /// Stands in for an event whose frame is larger than a log takes.
    fn oversize(position: Position) -> Self {
        let before = Position {
            offset: position.offset - 1,
            ..position
        };
        let after = Position {
            offset: position.offset + 1,
            ..position
        };
        Self::whole(GapReason::Oversize, before, after)
    }
}
