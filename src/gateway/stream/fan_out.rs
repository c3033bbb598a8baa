//! From the ring to frames: for each new event, for each class that wants it, its frame is appended.

use std::sync::Arc;

use crate::event::{Epoch, EventRef, Position};
use crate::fanout::ClassId;
use crate::gateway::delivery::{EventFrames, StreamFilter};
use crate::gateway::encode::{Encoder, Gap, GapReason, WireFormat};
use crate::gateway::stream::classes::{ClassIds, ClassRouter};
use crate::gateway::stream::last_values::LastValues;
use crate::gateway::telemetry::topic_rates::TopicRates;
use crate::hub::{Cursor, CursorReadError, Hub, HubWaiter};
use crate::journal::Hole;
use crate::ring::Notify;

/// Events read from the ring in one go.
const PUBLISH_EVENTS: usize = 1024;
/// Requests wait while more than this part of the ring is not yet in the logs. A batch takes half of
/// it at most, so a publisher over HTTP never overruns the streams.
const BEHIND_SHARE: u64 = 4;

/// The reader of the ring for the fan-out of one reactor: each new event goes to the frame logs of the classes that
/// want it.
pub(in crate::gateway) struct FanOut {
    hub: Hub,
    epoch: Epoch,
    /// `true`: a journal has what the ring drops.
    has_journal: bool,
    /// Follows the newest event; lossy, so it never holds a publisher back.
    cursor: Cursor,
    waiter: HubWaiter,
    classes: ClassRouter,
    last_values: LastValues,
    /// Deletions of events that the logs know of.
    deletions: u64,
}

impl FanOut {
    pub(super) fn new(hub: &Hub, cursor: Cursor, reactor: Arc<dyn Notify>) -> Self {
        Self {
            hub: hub.clone(),
            epoch: hub.epoch(),
            has_journal: hub.read_side().journal().is_some(),
            waiter: cursor.waiter(reactor),
            cursor,
            classes: ClassRouter::new(),
            last_values: LastValues::default(),
            deletions: deletions(hub),
        }
    }

    pub(super) fn class_opened(&mut self, id: ClassId, key: &StreamFilter) {
        self.classes.insert(id, key);
        if key.latest {
            self.last_values.join();
        }
    }

    pub(super) fn class_closed(&mut self, id: ClassId, key: &StreamFilter) {
        self.classes.remove(id, key);
        if key.latest {
            self.last_values.leave();
        }
    }

    /// Returns whether any stream wants events.
    pub(super) fn has_classes(&self) -> bool {
        !self.classes.is_empty()
    }

    pub(super) fn last_values(&self) -> &LastValues {
        &self.last_values
    }

    /// Returns whether so much is not in the logs yet that requests, which may publish more, have to wait.
    pub(super) fn is_behind(&self, fed: u64) -> bool {
        (self.hub.visible() + 1).saturating_sub(fed) > self.hub.capacity() as u64 / BEHIND_SHARE
    }

    /// Asks to be woken when there is something from offset `fed` on; `false`: there is already.
    pub(super) fn arm(&mut self, fed: u64, is_idle: bool) -> bool {
        // A closed hub has nothing more to wake for; armed, its waiter would say so at once, and the poll would spin. What
        // is not committed yet still comes.
        if is_idle || (self.hub.is_closed() && fed > self.hub.head()) {
            return true;
        }
        self.waiter.arm(fed)
    }

    pub(super) fn disarm(&mut self) {
        self.waiter.disarm();
    }

    /// For each new event, a bounded number of them, and for each class that wants it, appends its frame.
    pub(super) fn publish(
        &mut self,
        frames: &mut EventFrames<'_, '_>,
        encoder: &mut Encoder,
        topic_rates: &mut TopicRates,
    ) {
        let deletions = deletions(&self.hub);
        if std::mem::replace(&mut self.deletions, deletions) != deletions {
            // Their frames may be in the logs: whoever comes for what is before this place finds what is left in history.
            frames.skip_to(frames.fed());
        }
        if self.classes.is_empty() && !topic_rates.is_watched() {
            // Nobody listens: whoever comes next catches up from the ring.
            frames.set_fed(self.hub.visible() + 1);
            return;
        }
        // While nobody listened it stood still, and the logs were moved on without it.
        if self.cursor.next_offset() != frames.fed() && self.cursor.seek(frames.fed()).is_err() {
            return;
        }
        let Self {
            hub,
            cursor,
            classes,
            epoch,
            last_values,
            ..
        } = self;
        let mut wanting = ClassIds::new();
        let read = cursor.read_while(PUBLISH_EVENTS, |offset, event| {
            if !frames.has_room() {
                return false;
            }
            if offset > frames.fed() {
                append_voids(hub, frames, offset, encoder);
            }
            if topic_rates.is_watched() {
                topic_rates.count(event.topic(), event.data().len());
            }
            if last_values.is_used() {
                last_values.note(offset, event.topic_hash());
            }
            classes.route(event, &mut wanting);
            let epoch = *epoch;
            append(frames, Position { epoch, offset }, event, &wanting, encoder);
            // For events that no class takes, too: heartbeats tell this offset, so that a client of a quiet filter
            // comes back with an id that is still kept.
            frames.set_fed(offset + 1);
            true
        });
        match read {
            Ok(0) | Err(CursorReadError::Closed) => {}
            Ok(_) => {
                // Passed, and nothing behind it: else whoever waits for more would be told that there is.
                let next = self.cursor.next_offset();
                if next > frames.fed() {
                    append_voids(&self.hub, frames, next, encoder);
                }
                self.hub.look_back().note_time();
            }
            // The journal has it: every stream catches up from there, at its own pace.
            Err(CursorReadError::Gap { resume_at, .. }) if self.has_journal => {
                frames.skip_to(resume_at);
            }
            Err(CursorReadError::Gap { resume_at, .. }) => {
                self.append_gap(frames, resume_at, encoder)
            }
        }
    }

    /// Moves past what the ring has dropped before it was read: one gap for everybody.
    fn append_gap(&self, frames: &mut EventFrames<'_, '_>, resume_at: u64, encoder: &mut Encoder) {
        let epoch = self.epoch;
        let [asked, earliest] =
            [frames.fed() - 1, resume_at].map(|offset| Position { epoch, offset });
        // What the ring has dropped cannot be judged by any filter: the number is a bound for each class.
        let gap = Gap::whole(GapReason::Overrun, asked, earliest).exact_if(false);
        frames.append_to_all(resume_at - 1, |form, _, out| {
            encoder.gap(WireFormat::of(form), gap, out)
        });
        frames.set_fed(resume_at);
    }
}

/// Returns how often events of a hub were deleted.
fn deletions(hub: &Hub) -> u64 {
    let journal = hub.read_side().journal();
    journal.map_or(0, |reads| reads.deletions())
}

/// Moves past offsets that hold nothing: their commit failed, which everybody is told.
#[cold]
fn append_voids(hub: &Hub, frames: &mut EventFrames<'_, '_>, to: u64, encoder: &mut Encoder) {
    let epoch = hub.epoch();
    for Hole { range, reason } in hub.look_back().voids(&(frames.fed()..to)) {
        let [asked, earliest] =
            [range.start - 1, range.end].map(|offset| Position { epoch, offset });
        // Nobody knows any more which topics they were on.
        let gap = Gap::whole(reason.into(), asked, earliest).exact_if(false);
        frames.append_to_all(range.end - 1, |form, _, out| {
            encoder.gap(WireFormat::of(form), gap, out)
        });
    }
    frames.set_fed(to);
}

/// Appends the frame of an event for the classes that want it, encoded once for each wire format among them.
fn append(
    frames: &mut EventFrames<'_, '_>,
    position: Position,
    event: EventRef<'_>,
    classes: &[ClassId],
    encoder: &mut Encoder,
) {
    if classes.is_empty() {
        return;
    }
    if event.is_reserved() {
        // Classes of all topics read their log as it is: from here on they must not.
        frames.list_frames();
    }
    frames.append(position.offset, classes, |form, oversize, out| {
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
