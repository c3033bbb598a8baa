//! The start of a replay: before the last so many events, or before those since a time.

use crate::event::{EventRef, Pattern};
use crate::gateway::delivery::StreamFilter;
use crate::gateway::stream::history::History;
use crate::gateway::stream::start::StartFrom;

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

impl History {
    /// Finds where a part of what is kept begins for a filter: by what is known of times and topics, never by looking at
    /// all events.
    pub(in crate::gateway) fn replay_start(
        &mut self,
        start: StartFrom,
        key: &StreamFilter,
    ) -> ReplayStart {
        if !key.wanted.patterns().iter().all(Pattern::is_literal) {
            self.looked_back += PATTERN_EVENTS;
        }
        match start {
            StartFrom::Last(count) if self.takes_everything(key) => {
                let next = self.hub.visible() + 1;
                let from = next.saturating_sub(count).max(self.hub.earliest());
                ReplayStart {
                    from,
                    missing: count.saturating_sub(next - from).min(from - 1),
                    exact: true,
                }
            }
            StartFrom::Last(count) => match self.look_up.last(&self.hub, key, count) {
                Some(last) => {
                    let (left, earliest) = (count - last.found, self.hub.earliest());
                    ReplayStart {
                        from: if left > 0 {
                            earliest.min(last.from)
                        } else {
                            last.from
                        },
                        missing: left.min(earliest - 1),
                        exact: false,
                    }
                }
                None => self.look_back(count, key),
            },
            StartFrom::Since(time) => self.since(time),
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

    fn since(&mut self, time: i64) -> ReplayStart {
        let from = self.hub.look_back().taken_since(time);
        let earliest = self.hub.earliest();
        ReplayStart {
            from: from.max(earliest),
            missing: earliest.saturating_sub(from),
            exact: false,
        }
    }

    /// Looks at the newest events, from the last one back. What lies before them counts as missing.
    fn look_back(&mut self, count: u64, key: &StreamFilter) -> ReplayStart {
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
        ReplayStart {
            from: if left > 0 { end } else { from },
            missing: left.min(end - 1),
            exact: false,
        }
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
