//! Bodies that are kept deflated (RFC 1951), and the frames that they inflate to.

use std::fmt;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::frame::Frames;
use super::header::ChunkHeader;

/// Bytes of frames that a deflated body may hold. A row that says more is damaged, whatever its checksum says: bytes of a
/// file must not take up any amount of memory. Longer bodies are kept as they are.
pub(in crate::journal) const INFLATED_MAX: usize = 1 << 20;

/// The fastest: it takes an eighth of the time of level 6, and leaves a third more. Publishers wait for each step.
const LEVEL: u32 = 1;
/// A body has to become shorter by this part of it: less is not worth inflating it at each look.
const WORTH_PART: usize = 8;

/// Bytes that are inflated before it is looked whether they are enough.
const STEP: usize = 8 << 10;

/// Deflates bodies. About 300 KiB.
pub(in crate::journal) struct Deflater {
    compress: Compress,
    out: Vec<u8>,
    /// Bytes of the last body before and after.
    last: (usize, usize),
}

impl Default for Deflater {
    fn default() -> Self {
        Self {
            compress: Compress::new(Compression::new(LEVEL), false),
            out: Vec::new(),
            last: (1, 1),
        }
    }
}

impl Deflater {
    /// Returns a body deflated; `None`: it is too long for that, or it is not worth it.
    pub(super) fn deflate(&mut self, body: &[u8]) -> Option<&[u8]> {
        let worth = body.len() - body.len() / WORTH_PART;
        self.last = (1, 1);
        if body.is_empty() || body.len() > INFLATED_MAX {
            return None;
        }
        self.compress.reset();
        self.out.clear();
        self.out.reserve(worth);
        let done = self
            .compress
            .compress_vec(body, &mut self.out, FlushCompress::Finish);
        let is_ended = matches!(done, Ok(Status::StreamEnd));
        if !is_ended {
            // One that ended for want of room keeps its place in a buffer of its own when it is reset (zlib-rs 0.6.8), and
            // panics at the end of that, some bodies later.
            self.compress = Compress::new(Compression::new(LEVEL), false);
        }
        let is_whole = is_ended && self.out.len() <= worth;
        if is_whole {
            self.last = (body.len(), self.out.len());
        }
        is_whole.then_some(&self.out[..])
    }

    /// Returns how many bytes of frames become so many, as the last body did.
    pub(in crate::journal) fn inflated(&self, bytes: u64) -> u64 {
        let (before, after) = self.last;
        bytes * before as u64 / after as u64
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").finish_non_exhaustive()
    }
}

/// Gives the frames of bodies, deflated or not. 42 KiB once it had to inflate one.
#[derive(Default)]
pub(in crate::journal) struct Inflater {
    decompress: Option<Box<Decompress>>,
    out: Vec<u8>,
}

impl Inflater {
    /// Returns the frames of a body, in its own buffer where they are deflated.
    pub(in crate::journal) fn frames<'b>(
        &'b mut self,
        header: &ChunkHeader,
        body: &'b [u8],
    ) -> &'b [u8] {
        if header.inflated == 0 {
            return body;
        }
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        self.inflate(header, body, u64::MAX, &mut out);
        self.out = out;
        &self.out
    }

    /// Appends what a deflated body inflates to, up to the bytes that its header says, and no further than behind a frame at or
    /// above an offset: a look at one event inflates half of them on average. Of a damaged body that is what comes before the
    /// damage, or less: frames have checksums of their own, which say what of it is good.
    pub(in crate::journal) fn inflate(
        &mut self,
        header: &ChunkHeader,
        body: &[u8],
        until: u64,
        out: &mut Vec<u8>,
    ) {
        let decompress = self
            .decompress
            .get_or_insert_with(|| Box::new(Decompress::new(false)));
        decompress.reset(false);
        let all = (header.inflated as usize).min(INFLATED_MAX);
        let (step, flush) = match until > header.last {
            true => (all, FlushDecompress::Finish),
            false => (STEP, FlushDecompress::None),
        };
        let (start, mut done, mut taken) = (out.len(), 0, 0);
        loop {
            out.resize(start + (done + step).min(all), 0);
            let result = decompress.decompress(&body[taken..], &mut out[start + done..], flush);
            // Whatever it says, what it wrote is all there is.
            let written = usize::try_from(decompress.total_out())
                .unwrap_or(all)
                .min(all);
            let is_over = written == done || matches!(result, Err(_) | Ok(Status::StreamEnd));
            done = written;
            taken = usize::try_from(decompress.total_in())
                .unwrap_or(body.len())
                .min(body.len());
            out.truncate(start + done);
            if is_over || done == all || Frames::reach(header, &out[start..], until) {
                return;
            }
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Once the bodies that were not worth it left their bytes in the way, until one had no place: a power cut found it.
    #[test]
    fn bodies_that_are_not_worth_it_leave_nothing_behind() {
        let (mut deflater, mut state) = (Deflater::default(), 1_u64);
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        for round in 0..200 {
            let body: Vec<u8> = (0..40_000).map(|_| noise()).collect();
            assert_eq!(deflater.deflate(&body), None, "{round}");
        }
        assert!(deflater.deflate(&[7; 40_000]).is_some());
    }
}
