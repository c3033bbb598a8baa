//! What slow streams get instead of everything: the newest of each topic, or a gap.

use crate::event::Position;
use crate::gateway::encode::format::{Gap, WireFormat};
use crate::gateway::gateway::Gateway;
use crate::gateway::stream::request::StreamFilter;
use crate::gateway::telemetry::notices::GapReason;
use crate::reactor::{CatchUp, CaughtUp};

/// Topics looked up for one connection, per visit.
const LATEST_EVENTS: usize = 1024;

impl Gateway {
    /// Encodes the newest event of each topic, in order of position, and says how many it left out.
    pub(in crate::gateway) fn encode_latest(
        &mut self,
        part: CatchUp<'_, StreamFilter>,
        out: &mut Vec<u8>,
    ) -> CaughtUp {
        let form = WireFormat::of(part.form);
        let within = self.last_values.within(part.from..part.to);
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
            let Self {
                history, encoder, ..
            } = self;
            let position = Position {
                epoch: self.epoch,
                offset,
            };
            let read = history.seek(offset).is_ok().then(|| {
                history.read_while(1, |_, event| {
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
        self.tell_missed(part.key, form, reason, part.from..next, missed, out);
        self.metrics.replayed += events;
        CaughtUp {
            next,
            events,
            missed: u32::try_from(missed).unwrap_or(u32::MAX),
            looked_at,
        }
    }

    /// Tells a stream that it does not get the events of `part`.
    pub(in crate::gateway) fn encode_skip(
        &mut self,
        part: CatchUp<'_, StreamFilter>,
        out: &mut Vec<u8>,
    ) -> CaughtUp {
        let missed = part.to - part.from;
        let range = part.from..part.to;
        self.tell_missed(
            part.key,
            WireFormat::of(part.form),
            GapReason::Slow,
            range,
            missed,
            out,
        );
        CaughtUp {
            next: part.to,
            events: 0,
            missed: u32::try_from(missed).unwrap_or(u32::MAX),
            looked_at: 0,
        }
    }

    fn tell_missed(
        &mut self,
        key: &StreamFilter,
        form: WireFormat,
        reason: GapReason,
        range: std::ops::Range<u64>,
        missing: u64,
        out: &mut Vec<u8>,
    ) {
        if missing == 0 {
            return;
        }
        let gap = Gap {
            reason,
            asked: self.at(range.start - 1),
            earliest: self.at(range.end),
            missing,
            exact: self.takes_everything(key),
        };
        self.encoder.gap(form, gap, out);
    }
}
