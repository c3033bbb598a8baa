//! The start of a replay: before the last so many events, or before those since a time.

use crate::event::{Epoch, EventRef, Pattern, Position};
use crate::gateway::delivery::JournalStart;
use crate::gateway::delivery::StreamFilter;
use crate::gateway::encode::{Encoder, Gap, GapReason, WireFormat};
use crate::gateway::stream::history::History;
use crate::gateway::stream::start::StartFrom;
use crate::hub::LastEvents;

/// Events looked at from the newest back, in one go.
const CHUNK: u64 = 1024;
/// Events that are looked at for a pattern over more topics than can be looked up: about a millisecond. What lies before
/// them is told as a gap.
const LOOK_BACK_EVENTS: u64 = 64 * CHUNK;
/// Events that are looked at for new streams in a turn, together; one stream goes over it. Then requests wait for the next
/// turn, so that what is live does not wait for them.
const LOOK_BACK_PER_TURN: u64 = 8 * CHUNK;
/// Events that looking up the topics of patterns counts as.
const PATTERN_EVENTS: u64 = 256;
const NS_PER_MS: i64 = 1_000_000;

/// The offset at which a replay starts, and what is missing before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct ReplayStart {
    /// The first offset wanted.
    pub(in crate::gateway) from: u64,
    /// Events before it that would belong to it and do not come, at most.
    pub(in crate::gateway) missing: u64,
    /// The number is exact.
    pub(in crate::gateway) exact: bool,
}

/// The start of a part of what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum FoundStart {
    /// There.
    Known(ReplayStart),
    /// Only the journal can tell: the stream opens, and begins there as soon as that is known.
    InJournal(JournalStart),
}

impl ReplayStart {
    /// Writes what a stream is told of where it starts: what is missing before it, or the id before its first event.
    pub(in crate::gateway) fn write(
        self,
        epoch: Epoch,
        form: WireFormat,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) {
        let at = |offset| Position { epoch, offset };
        match self.gap(epoch) {
            Some(gap) => encoder.gap(form, gap, out),
            None => encoder.heartbeat(form, at(self.from - 1), out),
        }
    }

    /// The gap before it, if there is one.
    pub(in crate::gateway) fn gap(self, epoch: Epoch) -> Option<Gap> {
        let at = |offset| Position { epoch, offset };
        let asked = self.from - 1 - self.missing;
        let gap = Gap::whole(GapReason::Retention, at(asked), at(self.from));
        (self.missing > 0).then(|| gap.exact_if(self.exact))
    }
}

impl History {
    /// Finds where a part of what is kept begins for a filter: by what is known of times and topics, never by looking at
    /// all events.
    pub(in crate::gateway) fn replay_start(
        &mut self,
        start: StartFrom,
        key: &StreamFilter,
    ) -> FoundStart {
        if !key.wanted.patterns().iter().all(Pattern::is_literal) {
            self.looked_back += PATTERN_EVENTS;
        }
        match start {
            StartFrom::Last(count) if self.takes_everything(key) => {
                let next = self.hub.visible() + 1;
                let from = next.saturating_sub(count).max(self.oldest());
                FoundStart::Known(ReplayStart {
                    from,
                    missing: count.saturating_sub(next - from).min(from - 1),
                    exact: true,
                })
            }
            StartFrom::Last(count) => self.last(count, key),
            StartFrom::Since(time) => self.since(time, key),
        }
    }

    /// Returns whether enough was looked at in this turn for requests.
    pub(in crate::gateway) fn has_looked_back_enough(&self) -> bool {
        self.looked_back >= LOOK_BACK_PER_TURN
    }

    /// Lets requests look back again: a turn has begun.
    pub(in crate::gateway) fn begin_turn(&mut self) {
        self.looked_back = 0;
    }

    fn since(&mut self, time: i64, key: &StreamFilter) -> FoundStart {
        let from = self.hub.look_back().taken_since(time);
        let (earliest, oldest) = (self.hub.earliest(), self.oldest());
        if self.journal.is_some() && from < earliest && oldest < earliest {
            // Whole milliseconds are kept: an event of this one may have been taken after the time.
            let recorded = time.div_euclid(NS_PER_MS);
            return FoundStart::InJournal(JournalStart::since(key, recorded, from, earliest));
        }
        FoundStart::Known(ReplayStart {
            from: from.max(oldest),
            missing: oldest.saturating_sub(from),
            exact: false,
        })
    }

    /// Finds the last so many events of some topics.
    fn last(&mut self, count: u64, key: &StreamFilter) -> FoundStart {
        let (found, earliest) = match self.look_up.last(&self.hub, key, count) {
            Some(last) => (last, self.hub.earliest()),
            None => self.look_back(count, key),
        };
        let left = count - found.found;
        // Only where there is a journal: what was looked at may end far above what the ring has.
        if left > 0 && self.journal.is_some() && self.oldest() < earliest {
            let start = JournalStart::last(key, left, found.from, earliest);
            return FoundStart::InJournal(start);
        }
        FoundStart::Known(ReplayStart {
            from: match left {
                0 => found.from,
                _ => earliest.min(found.from),
            },
            missing: left.min(earliest - 1),
            exact: false,
        })
    }

    /// Looks at the newest events, from the last one back. Returns what it found and the offset of the first one that it
    /// looked at.
    fn look_back(&mut self, count: u64, key: &StreamFilter) -> (LastEvents, u64) {
        let newest = self.hub.visible();
        let (mut from, mut left) = (newest + 1, count);
        let stop = self
            .hub
            .earliest()
            .max(from.saturating_sub(LOOK_BACK_EVENTS));
        let (mut end, mut found) = (from, Vec::new());
        let mut topics = Verdicts::default();
        while left > 0 && end > stop {
            let start = end.saturating_sub(CHUNK).max(stop);
            found.clear();
            if self.cursor.seek(start).is_err() {
                break;
            }
            // What is overwritten under the look is gone for the stream, too, which is told then.
            self.looked_back += CHUNK;
            let _ = self.cursor.read_while(CHUNK as usize, |offset, event| {
                if offset < end && topics.takes(key, event) {
                    found.push(offset);
                }
                offset < end
            });
            let taken = left.min(found.len() as u64);
            let first = found.len() - taken as usize;
            from = found.get(first).copied().unwrap_or(from);
            left -= taken;
            end = start;
        }
        let found = LastEvents {
            from,
            found: count - left,
        };
        (found, end)
    }
}

/// Topics whose verdict is remembered while events are looked at.
const VERDICTS: usize = 1024;

/// Verdicts of a filter on topics: one word each, the topic's hash with the verdict as its lowest bit; 0 is nothing.
struct Verdicts([u64; VERDICTS]);

impl Default for Verdicts {
    fn default() -> Self {
        Self([0; VERDICTS])
    }
}

impl Verdicts {
    fn takes(&mut self, key: &StreamFilter, event: EventRef<'_>) -> bool {
        let hash = event.topic_hash();
        let entry = &mut self.0[(hash >> 32) as usize % VERDICTS];
        if *entry == 0 || (*entry ^ hash) >> 1 != 0 {
            *entry = hash & !1 | u64::from(key.matches(event.topic()));
        }
        *entry & 1 == 1
    }
}
