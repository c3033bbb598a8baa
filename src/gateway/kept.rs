//! Where a stream begins in what is kept: the last so many events, or those since a time.

use super::resume::Kept;
use super::state::Gateway;
use super::stream::StreamFilter;
use crate::event::EventRef;

/// Events looked at in one go, from the newest back.
const CHUNK: u64 = 1024;

/// A place in what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The first offset wanted.
    pub(super) from: u64,
    /// Events before it that would belong to it and are gone, at most.
    pub(super) missing: u64,
    /// Whether it is exactly so many.
    pub(super) exact: bool,
}

impl Gateway {
    /// Finds where a part of what is kept begins for a filter.
    ///
    /// All events: a subtraction. Behind a filter, or by time, what is kept is read backwards as far as
    /// needed: some 20 ns an event.
    pub(super) fn place_of(&mut self, kept: Kept, key: &StreamFilter) -> Place {
        match kept {
            Kept::Last(count) if key.is_all() => {
                let next = self.hub.visible() + 1;
                let from = next.saturating_sub(count).max(self.hub.earliest());
                Place {
                    from,
                    missing: count.saturating_sub(next - from).min(from - 1),
                    exact: true,
                }
            }
            Kept::Last(count) => self.last_of(count, key),
            Kept::Since(time) => self.since(time),
        }
    }

    fn last_of(&mut self, count: u64, key: &StreamFilter) -> Place {
        let mut from = self.hub.visible() + 1;
        let mut left = count;
        self.look_back(
            |event| key.matches(event.topic()),
            |found| {
                let taken = left.min(found.len() as u64);
                from = found[found.len() - taken as usize..]
                    .first()
                    .copied()
                    .unwrap_or(from);
                left -= taken;
                left > 0
            },
        );
        let earliest = self.hub.earliest();
        Place {
            from: if left > 0 { earliest.min(from) } else { from },
            missing: left.min(earliest - 1),
            exact: false,
        }
    }

    fn since(&mut self, time: i64) -> Place {
        let mut from = self.hub.visible() + 1;
        // Times are nearly in order: a whole chunk of earlier ones ends the search.
        self.look_back(
            |event| event.time() >= time,
            |found| {
                from = found.first().copied().unwrap_or(from);
                !found.is_empty()
            },
        );
        let earliest = self.hub.earliest();
        Place {
            from,
            missing: if from <= earliest { earliest - 1 } else { 0 },
            exact: false,
        }
    }

    /// Shows the offsets that `wants` says true for, ascending, chunk by chunk from the newest back,
    /// while `more` says true.
    fn look_back(
        &mut self,
        wants: impl Fn(EventRef<'_>) -> bool,
        mut more: impl FnMut(&[u64]) -> bool,
    ) {
        let mut end = self.hub.visible() + 1;
        let mut found = Vec::new();
        while end > self.hub.earliest() {
            let start = end.saturating_sub(CHUNK).max(self.hub.earliest());
            found.clear();
            if self.history.seek(start).is_err() {
                return;
            }
            // What is overwritten under the look is gone for the stream, too, which is told then.
            let _ = self.history.read_while(CHUNK as usize, |offset, event| {
                if offset < end && wants(event) {
                    found.push(offset);
                }
                offset < end
            });
            if !more(&found) {
                return;
            }
            end = start;
        }
    }
}
