//! The history of one reactor: what the hub keeps, encoded for connections that are behind. What the ring has no more is
//! read elsewhere, from the journal, if the hub has one.

mod latest;
mod look_up;
mod replay_start;
mod voids;

use self::look_up::TopicLookUp;
pub(in crate::gateway) use self::replay_start::{FoundStart, ReplayStart};
use self::voids::Voids;
use std::sync::Arc;

use crate::event::{Epoch, Position};
use crate::fanout::{CatchUp, CaughtUp, HistoryMode};
use crate::gateway::delivery::StartNote;
use crate::gateway::delivery::StreamFilter;
use crate::gateway::encode::{Encoder, Gap, GapReason, WireFormat};
use crate::gateway::stream::catch_up::{JournalCatchUp, Starts};
use crate::gateway::stream::last_values::LastValues;
use crate::hub::{Cursor, Hub, LookedUp};
use crate::ring::Notify;

/// Events looked at for one connection that catches up, at a time.
const CATCH_UP_EVENTS: usize = 1024;
/// Events looked up for one connection that catches up, at a time.
const LOOKED_UP_EVENTS: usize = 256;
/// Events that are looked at one by one rather than looked up: what is near is found faster so.
const NEAR_EVENTS: u64 = 64;

/// The reader of what the hub keeps, shared by all connections of a reactor that are behind.
pub(in crate::gateway) struct History {
    hub: Hub,
    epoch: Epoch,
    /// Jumps to where connections are that catch up.
    cursor: Cursor,
    look_up: TopicLookUp,
    /// `None`: the hub has no journal, and what the ring has no more is gone.
    journal: Option<JournalCatchUp>,
    /// Events that were looked at for the requests of this turn.
    looked_back: u64,
}

impl History {
    /// Makes it; `wake` ends the next sleep of the reactor.
    pub(super) fn new(hub: &Hub, cursor: Cursor, wake: Arc<dyn Notify>) -> Self {
        let has_journal = hub.read_side().journal().is_some();
        Self {
            journal: has_journal.then(|| JournalCatchUp::new(hub, wake)),
            hub: hub.clone(),
            epoch: hub.epoch(),
            cursor,
            look_up: TopicLookUp::default(),
            looked_back: 0,
        }
    }

    /// The position of an offset of this hub.
    pub(in crate::gateway) fn at(&self, offset: u64) -> Position {
        Position {
            epoch: self.epoch,
            offset,
        }
    }

    /// The position of the newest event that readers may see.
    pub(in crate::gateway) fn visible(&self) -> Position {
        self.at(self.hub.visible())
    }

    /// The position of the newest event, which readers may not see yet: for ids that clients come with, never told.
    pub(in crate::gateway) fn newest(&self) -> Position {
        self.at(self.hub.head())
    }

    /// The oldest offset that is kept, in the ring or in the journal.
    pub(in crate::gateway) fn oldest(&self) -> u64 {
        let earliest = self.hub.earliest();
        let journal = self.hub.read_side().journal();
        journal.map_or(earliest, |journal| journal.oldest().min(earliest))
    }

    /// Notes where a stream starts, for the reader of the journal.
    pub(super) fn note_start(&mut self, stream: u32, start: StartNote) {
        if let Some(journal) = &mut self.journal {
            journal.begin(stream, start);
        }
    }

    /// Returns what is to be noted of a stream that begins with the oldest event that is kept.
    pub(in crate::gateway) fn oldest_start(
        &self,
        from: u64,
        filter: &StreamFilter,
    ) -> Option<StartNote> {
        let retained_below = self
            .hub
            .read_side()
            .journal()?
            .retained_below(&filter.wanted);
        (from < retained_below).then(|| StartNote::Oldest {
            filter: filter.clone(),
            from,
            retained_below,
        })
    }

    /// Takes out where the parts of a stream begin that are still looked up.
    pub(super) fn take_starts(&mut self, stream: u32) -> Starts {
        let journal = self.journal.as_mut();
        journal.map_or_else(Starts::default, |journal| journal.take_starts(stream))
    }

    /// Puts them back.
    pub(super) fn put_starts(&mut self, stream: u32, starts: Starts) {
        if let Some(journal) = &mut self.journal {
            journal.put_starts(stream, starts);
        }
    }

    /// Forgets a stream that has ended.
    pub(super) fn ended(&mut self, stream: u32) {
        if let Some(journal) = &mut self.journal {
            journal.forget(stream);
        }
    }

    /// Takes what has come of the journal, and has `visit` visit the streams that wait for it.
    pub(super) fn take_pieces(&mut self, visit: impl FnMut(u32)) {
        if self
            .journal
            .as_ref()
            .is_some_and(JournalCatchUp::is_at_rest)
        {
            return;
        }
        let oldest = self.oldest();
        if let Some(journal) = &mut self.journal {
            journal.take_turn(oldest, visit);
        }
    }

    /// Returns whether a class takes every event that the hub has: then what it missed is a difference of offsets. Reserved
    /// topics are taken by name only, so that one event of them is enough to make that a bound.
    pub(in crate::gateway) fn takes_everything(&self, key: &StreamFilter) -> bool {
        key.is_all() && self.hub.look_back().all_is_everything()
    }

    /// Encodes a part of history for one class, as its mode says; `None`: it is read elsewhere, and the stream is visited
    /// when it has come.
    pub(super) fn encode(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        last_values: &LastValues,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Option<CaughtUp> {
        match part.mode {
            HistoryMode::All => self.encode_all(part, encoder, out),
            HistoryMode::Latest => Some(self.encode_latest(part, last_values, encoder, out)),
            HistoryMode::Skip => Some(self.encode_skip(part, encoder, out)),
        }
    }

    fn encode_all(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Option<CaughtUp> {
        let floor = self.hub.earliest();
        if let Some(journal) = &mut self.journal
            && (part.from < floor || part.from == 0)
        {
            return journal.write(part, floor, encoder, out);
        }
        // A look-up takes the lock that publishers take: for a few events reading them is cheaper, and hinders nobody.
        let far = part.to - part.from > NEAR_EVENTS && !part.key.is_all();
        let range = part.from..part.to;
        let found = if far {
            self.look_up
                .range(&self.hub, part.key, range, LOOKED_UP_EVENTS)
        } else {
            None
        };
        // What was looked up goes by the floor of that moment: what has gone since is met as it is read.
        let earliest = found.map_or_else(|| self.hub.earliest(), |found| found.floor);
        let (form, mut next) = (WireFormat::of(part.form), part.from);
        if let Some(journal) = &mut self.journal {
            // It has left the ring since the look above.
            if part.from < earliest {
                return journal.write(part, earliest, encoder, out);
            }
            journal.end(part.number);
        }
        if earliest > next {
            next = earliest.min(part.to);
            let (asked, left) = (self.at(part.from - 1), self.at(next));
            let gap = Gap::whole(GapReason::Retention, asked, left);
            let exact = self.takes_everything(part.key);
            encoder.gap(form, gap.exact_if(exact), out);
        }
        let missed = u32::try_from(next - part.from).unwrap_or(u32::MAX);
        if next >= part.to {
            return Some(CaughtUp {
                // At least one further: a visit that moves nowhere would be repeated for ever.
                next: next.max(part.from + 1),
                events: 0,
                missed,
                looked_at: 0,
            });
        }
        let done = match found {
            Some(found) => self.encode_found(part, found, next, encoder, out),
            None => self.encode_scanned(part, next, encoder, out),
        };
        Some(CaughtUp {
            missed: missed.saturating_add(done.missed),
            ..done
        })
    }

    /// Encodes what was looked up, from `next` on.
    fn encode_found(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        found: LookedUp,
        next: u64,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> CaughtUp {
        let offsets = self.look_up.take_offsets();
        let (mut events, mut looked_at, mut left_at) = (0, 0, None);
        let mut voids = Voids::new(&self.hub, next..found.to);
        for &offset in &offsets {
            voids.tell_before(offset, part, encoder, out);
            if out.len() >= part.max {
                left_at = Some(offset);
                break;
            }
            let Self { cursor, epoch, .. } = self;
            // Neighbours need no seek, and most events of a busy class are neighbours.
            let at_it = cursor.next_offset() == offset || cursor.seek(offset).is_ok();
            let read = at_it.then(|| {
                cursor.read_while(1, |offset, event| {
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
        self.look_up.give_back(offsets);
        let next = left_at.unwrap_or(found.to).max(next);
        CaughtUp {
            missed: voids.tell_before(next, part, encoder, out),
            next,
            events,
            looked_at,
        }
    }

    /// Looks at event after event from `next` on, and encodes what is wanted.
    fn encode_scanned(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        mut next: u64,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> CaughtUp {
        let (mut events, mut looked_at) = (0, 0);
        let mut voids = Voids::new(&self.hub, next..part.to);
        let Self { cursor, epoch, .. } = self;
        if cursor.seek(next).is_ok() {
            // What is overwritten between the look before and this read is met again on the next visit.
            let read = cursor.read_while(CATCH_UP_EVENTS, |offset, event| {
                if offset >= part.to || out.len() >= part.max {
                    return false;
                }
                voids.tell_before(offset, part, encoder, out);
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
            // Behind the last event there may be offsets that hold none.
            if read.is_ok() {
                next = next.max(cursor.next_offset().min(part.to));
            }
        }
        CaughtUp {
            missed: voids.tell_before(next, part, encoder, out),
            next,
            events,
            looked_at,
        }
    }
}
