//! A message that is not whole yet.

use super::super::limits::MessageLimits;
use super::super::violation::Violation;
use super::inflate::Inflater;
use super::item::MessageKind;
use super::scratch::Scratch;
use super::utf8::Utf8;

/// The fragments of one message, joined, inflated and checked as they come.
pub(super) struct Assembly {
    pub(super) kind: MessageKind,
    pub(super) data: Vec<u8>,
    /// The inflater of a compressed message, until its end.
    inflater: Option<Inflater>,
    utf8: Utf8,
    /// Frames begun.
    fragments: u32,
    /// Payload bytes announced so far, as they come over the wire.
    wire_bytes: u64,
}

impl Assembly {
    pub(super) fn new(kind: MessageKind, inflater: Option<Inflater>, data: Vec<u8>) -> Self {
        Self {
            kind,
            data,
            inflater,
            utf8: Utf8::default(),
            fragments: 0,
            wire_bytes: 0,
        }
    }

    /// Takes the header of the next fragment, before any of its payload.
    pub(super) fn begin_fragment(
        &mut self,
        len: u64,
        limits: &MessageLimits,
    ) -> Result<(), Violation> {
        // Empty ones count: a peer could send them for ever, each for the price of a header.
        self.fragments += 1;
        if self.fragments > limits.fragments {
            let limit = limits.fragments;
            return Err(Violation::TooManyFragments { limit });
        }
        // Cannot overflow: a length has 63 bits, and the sum was below the limit before.
        self.wire_bytes += len;
        check_message(self.wire_bytes, limits)
    }

    /// Takes payload that is unmasked already.
    pub(super) fn push(&mut self, bytes: &[u8], limits: &MessageLimits) -> Result<(), Violation> {
        let start = self.data.len();
        match &mut self.inflater {
            Some(inflater) => inflater.push(bytes, &mut self.data, limits.message_bytes)?,
            None => self.data.extend_from_slice(bytes),
        }
        self.check_text(start)
    }

    /// Takes the end of the last fragment.
    pub(super) fn finish(&mut self, limits: &MessageLimits) -> Result<(), Violation> {
        if let Some(inflater) = &mut self.inflater {
            let start = self.data.len();
            inflater.finish(&mut self.data, limits.message_bytes)?;
            self.check_text(start)?;
        }
        if self.utf8.is_whole() {
            return Ok(());
        }
        let at = self.utf8.whole_bytes();
        Err(Violation::Utf8 { at })
    }

    pub(super) fn take_inflater(&mut self) -> Option<Inflater> {
        self.inflater.take()
    }

    pub(super) fn is_inflating(&self) -> bool {
        self.inflater.is_some()
    }

    /// Bytes that it holds, room for more of them too.
    pub(super) fn held_bytes(&self) -> usize {
        let inflater = self.inflater.as_ref().map_or(0, |_| Inflater::BYTES);
        self.data.capacity() + inflater
    }

    /// Gives back what was borrowed.
    pub(super) fn recycle(mut self, scratch: &mut Scratch) {
        if let Some(inflater) = self.inflater.take() {
            scratch.give_inflater(inflater);
        }
        scratch.give_buffer(self.data);
    }

    fn check_text(&mut self, start: usize) -> Result<(), Violation> {
        if self.kind == MessageKind::Binary {
            return Ok(());
        }
        // After inflation: the text is what has to be UTF-8, not what travels.
        let checked = self.utf8.push(&self.data[start..]);
        checked.map_err(|at| Violation::Utf8 { at })
    }
}

/// Refuses a message of `bytes` bytes that is over its limit.
pub(super) fn check_message(bytes: u64, limits: &MessageLimits) -> Result<(), Violation> {
    let limit = limits.message_bytes as u64;
    if bytes > limit {
        return Err(Violation::MessageTooLarge { limit });
    }
    Ok(())
}
