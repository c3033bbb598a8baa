//! Offsets in the ring that hold nothing: a stream that reads over them is told.

use std::ops::Range;
use std::vec;

use crate::event::{Epoch, Position};
use crate::fanout::CatchUp;
use crate::gateway::delivery::StreamFilter;
use crate::gateway::encode::{Encoder, Gap, WireFormat};
use crate::hub::Hub;
use crate::journal::Hole;

/// The voids within a part of history, each told once.
pub(super) struct Voids {
    epoch: Epoch,
    left: vec::IntoIter<Hole>,
    /// Offsets that were told.
    missed: u32,
}

impl Voids {
    pub(super) fn new(hub: &Hub, range: Range<u64>) -> Self {
        Self {
            epoch: hub.epoch(),
            left: hub.look_back().voids(&range).into_iter(),
            missed: 0,
        }
    }

    /// Tells of those before an offset; returns how many offsets were told so far.
    pub(super) fn tell_before(
        &mut self,
        offset: u64,
        part: &CatchUp<'_, StreamFilter>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> u32 {
        let epoch = self.epoch;
        while let Some(hole) = self.left.as_slice().first()
            && hole.range.start < offset
        {
            let (asked, earliest) = (hole.range.start - 1, hole.range.end);
            let [asked, earliest] = [asked, earliest].map(|offset| Position { epoch, offset });
            let gap = Gap::whole(hole.reason.into(), asked, earliest).exact_if(false);
            encoder.gap(WireFormat::of(part.form), gap, out);
            let told = u32::try_from(gap.missing).unwrap_or(u32::MAX);
            self.missed = self.missed.saturating_add(told);
            self.left.next();
        }
        self.missed
    }
}
