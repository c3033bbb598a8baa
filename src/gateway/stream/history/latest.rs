//! The slow policies: a stream that is too slow gets the newest event of each topic, or a gap, instead of everything.

use std::ops::Range;

use crate::fanout::{CatchUp, CaughtUp};
use crate::gateway::delivery::StreamFilter;
use crate::gateway::encode::{Encoder, Gap, GapReason, WireFormat};
use crate::gateway::stream::history::History;
use crate::gateway::stream::last_values::LastValues;

/// Topics looked up for one connection, per visit.
const LATEST_EVENTS: usize = 1024;

impl History {
    /// Encodes the newest event of each topic, in order of position, and says how many it left out.
    pub(super) fn encode_latest(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        last_values: &LastValues,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> CaughtUp {
        let form = WireFormat::of(part.form);
        let within = last_values.within(part.from..part.to);
        let offsets: Vec<u64> = within.take(LATEST_EVENTS).collect();
        let mut whole = offsets.len() < LATEST_EVENTS;
        let (mut next, mut events, mut lost) = (part.from, 0, false);
        let mut looked_at = 0;
        for offset in offsets {
            if out.len() >= part.max {
                whole = false;
                break;
            }
            next = offset + 1;
            looked_at += 1;
            let position = self.at(offset);
            let cursor = &mut self.cursor;
            let read = cursor.seek(offset).is_ok().then(|| {
                cursor.read_while(1, |_, event| {
                    if part.key.matches(event.topic()) {
                        events += 1;
                        encoder.event(form, position, event, out);
                    }
                    true
                })
            });
            // A quiet topic's newest event may have left the ring.
            lost |= !matches!(read, Some(Ok(1)));
        }
        if whole {
            next = part.to;
        }
        let reason = match lost {
            true => GapReason::Retention,
            false => GapReason::Coalesced,
        };
        let missed = (next - part.from).saturating_sub(events);
        if let Some(gap) = self.gap_within(part.key, reason, part.from..next, missed) {
            encoder.gap(form, gap, out);
        }
        CaughtUp {
            next,
            events,
            missed: u32::try_from(missed).unwrap_or(u32::MAX),
            looked_at,
        }
    }

    /// Tells a stream that it does not get the events of `part`.
    pub(super) fn encode_skip(
        &mut self,
        part: &CatchUp<'_, StreamFilter>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> CaughtUp {
        let missed = part.to - part.from;
        let range = part.from..part.to;
        if let Some(gap) = self.gap_within(part.key, GapReason::Slow, range, missed) {
            encoder.gap(WireFormat::of(part.form), gap, out);
        }
        CaughtUp {
            next: part.to,
            events: 0,
            missed: u32::try_from(missed).unwrap_or(u32::MAX),
            looked_at: 0,
        }
    }

    /// The gap that tells of `missing` events within a range; `None`: nothing is missing.
    fn gap_within(
        &self,
        key: &StreamFilter,
        reason: GapReason,
        range: Range<u64>,
        missing: u64,
    ) -> Option<Gap> {
        (missing > 0).then(|| Gap {
            reason,
            asked: self.at(range.start - 1),
            earliest: self.at(range.end),
            missing,
            exact: self.takes_everything(key),
            has_events: false,
        })
    }
}
