//! Streams with a compressor of their own: what they get is compressed for each of them.
//!
//! They read the plain frames of their form's log, whole ones, so that they always stand between two.

use std::ops::Range;
use std::sync::Arc;

use crate::net::compressed_reader::CompressedReader;
use crate::net::core::Core;
use crate::net::form::FormId;
use crate::net::framelog::FrameLog;
use crate::net::io::send::Broken;
use crate::net::service::Service;
use crate::net::set::reactor_set::ReactorSet;
#[cfg(feature = "brotli")]
use crate::wire::brotli::Encoder;

#[cfg(not(feature = "brotli"))]
#[path = "no_brotli.rs"]
mod encoder;
#[cfg(not(feature = "brotli"))]
use encoder::Encoder;

/// One stream's compressor, and its place among those that there may be.
pub(in crate::net) struct OwnCompressor {
    encoder: Encoder,
    reactors: Arc<ReactorSet>,
    block: Vec<u8>,
}

impl OwnCompressor {
    pub(in crate::net) fn new(reactors: &Arc<ReactorSet>) -> Self {
        reactors.enter_own_compressor();
        Self {
            encoder: Encoder::new(),
            reactors: reactors.clone(),
            block: Vec::new(),
        }
    }

    /// Appends `plain` compressed, framed as `form` does.
    pub(in crate::net) fn write<S: Service>(
        &mut self,
        form: FormId,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) {
        if plain.is_empty() {
            return;
        }
        self.block.clear();
        self.encoder.encode(plain, &mut self.block);
        S::frame_block(form, &self.block, false, out);
    }

    /// Appends `plain` and the end of the stream.
    pub(in crate::net) fn end<S: Service>(
        &mut self,
        form: FormId,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) {
        self.block.clear();
        if !plain.is_empty() {
            self.encoder.encode(plain, &mut self.block);
        }
        self.encoder.finish(&mut self.block);
        S::frame_block(form, &self.block, true, out);
    }
}

impl Drop for OwnCompressor {
    fn drop(&mut self) {
        self.reactors.leave_own_compressor();
    }
}

impl<S: Service> Core<S> {
    /// Compresses whole frames from the start of `range` of the log of `form` for stream `i`, and moves it
    /// on.
    pub(in crate::net) fn compress_log(
        &mut self,
        i: u32,
        form: FormId,
        range: Range<u64>,
        budget: &mut u64,
    ) -> Result<bool, Broken> {
        let max = (self.limits.private_bytes as u64).min(*budget);
        let second = self.second();
        let mut out = std::mem::take(&mut self.out(i).bytes);
        let Some(log) = &mut self.logs[form.index()] else {
            return Ok(false);
        };
        let range = whole_frames(log, range, max);
        if let Some(CompressedReader::Own(own)) = self.cold[i as usize].compressed.as_deref_mut() {
            own.write::<S>(form, log.slice(range.clone()), &mut out);
        }
        let events = log.begun_in(range.clone());
        self.out(i).bytes = out;
        self.hot(i).cursor = range.end;
        self.counters.delivered.add(events);
        self.counters.compressions.add(events);
        self.count_events(i, events, second);
        *budget = budget.saturating_sub(range.end - range.start);
        Ok(true)
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
