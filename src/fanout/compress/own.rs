//! Streams with a compressor of their own: what they get is compressed for each of them.
//!
//! They read the plain frames of their form's log, whole ones, so that they always stand between two.

use std::hash::Hash;
use std::ops::Range;
use std::sync::Arc;

#[cfg(not(feature = "brotli"))]
use crate::fanout::compress::no_brotli::Encoder;
use crate::fanout::counters::Shared;
use crate::fanout::deliver::Step;
use crate::fanout::form::FormId;
use crate::fanout::log::FrameLog;
use crate::fanout::reader::{Extra, Member};
use crate::fanout::{Fanout, Format};
#[cfg(feature = "brotli")]
use crate::wire::brotli::Encoder;

/// One stream's compressor, and its place among those that there may be.
pub(in crate::fanout) struct OwnCompressor {
    encoder: Encoder,
    shared: Arc<Shared>,
    block: Vec<u8>,
}

impl OwnCompressor {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.enter_own_compressor();
        Self {
            encoder: Encoder::new(),
            shared: shared.clone(),
            block: Vec::new(),
        }
    }

    /// Appends `plain` compressed, framed as `form` does.
    pub(super) fn write<F: Format>(&mut self, form: FormId, plain: &[u8], out: &mut Vec<u8>) {
        if plain.is_empty() {
            return;
        }
        self.block.clear();
        self.encoder.encode(plain, &mut self.block);
        F::frame_block(form, &self.block, false, out);
    }

    /// Appends `plain` and the end of the stream.
    pub(super) fn end<F: Format>(&mut self, form: FormId, plain: &[u8], out: &mut Vec<u8>) {
        self.block.clear();
        if !plain.is_empty() {
            self.encoder.encode(plain, &mut self.block);
        }
        self.encoder.finish(&mut self.block);
        F::frame_block(form, &self.block, true, out);
    }
}

impl Drop for OwnCompressor {
    fn drop(&mut self) {
        self.shared.leave_own_compressor();
    }
}

impl<K: Clone + Eq + Hash, F: Format> Fanout<K, F> {
    /// Compresses whole frames from the start of `range` of the log of `form` into a stream's outbox, and moves it
    /// on.
    pub(in crate::fanout) fn compress_log(
        &mut self,
        member: Member<'_, K>,
        form: FormId,
        range: Range<u64>,
        budget: &mut u64,
    ) -> Step {
        let max = (self.limits.private_bytes as u64).min(*budget);
        let Some(log) = self.logs.forms.get_mut(form) else {
            return Step::Wait;
        };
        let range = whole_frames(log, range, max);
        if let Some(Extra::Own(own)) = member.state.extra_mut() {
            own.write::<F>(form, log.slice(range.clone()), member.out.bytes());
        }
        let events = log.begun_in(range.clone());
        member.reader.advance(range.end);
        self.counters.delivered.add(events);
        self.counters.compressions.add(events);
        member.state.count_events(events, self.second);
        *budget = budget.saturating_sub(range.end - range.start);
        Step::Again
    }
}

/// As many whole frames of `range` as have `max` bytes together, or the first one.
fn whole_frames(log: &FrameLog, range: Range<u64>, max: u64) -> Range<u64> {
    let wanted = range.start + max;
    if range.end <= wanted {
        return range;
    }
    let end = match log.frame_at(wanted) {
        Some((mark, _)) if mark.start > range.start => mark.start,
        // The first frame alone is over the bound: it goes whole, since there is no state for half of one.
        Some((_, end)) => end,
        None => range.end,
    };
    range.start..end
}
