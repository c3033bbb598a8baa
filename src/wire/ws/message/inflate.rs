//! Messages inflated piece by piece, into a bounded result (RFC 7692, 7.2.2).

use flate2::{Decompress, FlushDecompress, Status};

use super::super::violation::Violation;

/// The end of each compressed message: a sender takes it off, a receiver puts it back.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// Distance that deflate looks back, bytes.
const WINDOW: usize = 32 << 10;
/// Room made for output at first, bytes.
const FIRST_ROOM: usize = 4 << 10;

/// One deflate stream of a peer: 32 KiB of window and about 10 KiB of state.
pub(in crate::wire::ws) struct Inflater(Box<Decompress>);

impl Inflater {
    /// Bytes that one takes.
    pub(in crate::wire::ws) const BYTES: usize = 42 << 10;

    pub(in crate::wire::ws) fn new() -> Self {
        Self(Box::new(Decompress::new(false)))
    }

    /// Forgets the window.
    pub(in crate::wire::ws) fn reset(&mut self) {
        self.0.reset(false);
    }

    /// Appends what `input` inflates to, until `out` would hold more than `limit` bytes.
    pub(in crate::wire::ws) fn push(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), Violation> {
        let mut rest = input;
        loop {
            if out.len() == out.capacity() {
                // One byte over the limit shows that there is more than the limit.
                let room = out.len().max(FIRST_ROOM).min(limit + 1 - out.len());
                out.reserve_exact(room);
            }
            let (before_in, before_out) = (self.0.total_in(), out.len());
            let status = self
                .0
                .decompress_vec(rest, out, FlushDecompress::Sync)
                .map_err(|_| Violation::Deflate)?;
            let taken = (self.0.total_in() - before_in) as usize;
            rest = &rest[taken..];
            if out.len() > limit {
                return Err(Violation::MessageTooLarge {
                    limit: limit as u64,
                });
            }
            let stuck = taken == 0 && out.len() == before_out;
            match status {
                Status::StreamEnd => self.begin_again(out)?,
                Status::Ok | Status::BufError if stuck && !rest.is_empty() => {
                    return Err(Violation::Deflate);
                }
                Status::Ok | Status::BufError => {}
            }
            if rest.is_empty() && out.len() < out.capacity() {
                return Ok(());
            }
        }
    }

    /// Takes the end of a message.
    pub(in crate::wire::ws) fn finish(
        &mut self,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), Violation> {
        self.push(&TAIL, out, limit)
    }

    // RFC 7692, 7.2.3.4: "On platforms where the flush method is not available, implementations can
    // also use blocks with BFINAL set to 1" - blocks may follow, and may look back.
    fn begin_again(&mut self, out: &[u8]) -> Result<(), Violation> {
        self.0.reset(false);
        let window = &out[out.len().saturating_sub(WINDOW)..];
        if window.is_empty() {
            return Ok(());
        }
        let set = self.0.set_dictionary(window);
        set.map(|_| ()).map_err(|_| Violation::Deflate)
    }
}
