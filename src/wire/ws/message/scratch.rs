//! Buffers and inflaters that the decoders of one thread share, so that an idle connection holds none.

use super::super::violation::Violation;
use super::inflate::Inflater;

/// Inflaters and buffers kept for the next message.
const KEPT: usize = 16;
/// A buffer that has grown over this is given back, bytes.
const KEPT_BYTES: usize = 64 << 10;
/// Compressed messages that may be half there at once, over all decoders.
const INFLATING_MAX: usize = 1024;

/// Buffers and inflaters that all [`MessageDecoder`](crate::wire::ws::MessageDecoder)s of one thread share.
///
/// A message that arrives in one piece needs nothing of its own; one that comes in fragments or
/// compressed borrows from here until it is whole. At most 1024 compressed messages may be half
/// there at once (42 KiB each); a further one is refused with
/// [`Violation::TooManyInflating`](crate::wire::ws::Violation::TooManyInflating): who wants to take it nonetheless ends one of
/// the others first, see [`is_full`](Self::is_full).
#[derive(Default)]
pub struct Scratch {
    inflaters: Vec<Inflater>,
    /// Inflaters that are out.
    inflating: usize,
    buffers: Vec<Vec<u8>>,
}

impl Scratch {
    /// Creates one that holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns whether the next compressed message would be refused.
    pub fn is_full(&self) -> bool {
        self.inflating >= INFLATING_MAX
    }

    pub(super) fn take_inflater(&mut self) -> Result<Inflater, Violation> {
        if self.inflating >= INFLATING_MAX {
            return Err(Violation::TooManyInflating);
        }
        self.inflating += 1;
        let kept = self.inflaters.pop();
        Ok(kept.unwrap_or_else(Inflater::new))
    }

    pub(super) fn give_inflater(&mut self, mut inflater: Inflater) {
        self.inflating -= 1;
        if self.inflaters.len() < KEPT {
            // Now and not when it is taken: the last message's window must not lie about.
            inflater.reset();
            self.inflaters.push(inflater);
        }
    }

    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    pub(super) fn give_buffer(&mut self, mut buffer: Vec<u8>) {
        // One large message must not cost a thread its size for good; one without capacity saves nothing.
        if self.buffers.len() < KEPT && (1..=KEPT_BYTES).contains(&buffer.capacity()) {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch")
            .field("inflating", &self.inflating)
            .finish_non_exhaustive()
    }
}
