//! The compressors that all streams of a fan-out share.

use std::hash::Hash;

use crate::fanout::Format;
use crate::fanout::form::{Codec, FormId};
use crate::fanout::reader::{Extra, StreamState};
use crate::wire::deflate::{Independent, bound};
use crate::wire::ws::{compressed_frame, split_frame};

/// Compressors that all streams share, made when first needed.
#[derive(Default)]
pub(in crate::fanout) struct Compressors {
    apart: Option<Independent>,
    history: Option<Independent>,
    block: Vec<u8>,
    frame: Vec<u8>,
    plain: Vec<u8>,
}

impl Compressors {
    // Taken and kept again: one pair of buffers serves all events, and none of them allocates.

    /// Takes the buffer of a frame, empty.
    pub(in crate::fanout) fn take_frame(&mut self) -> Vec<u8> {
        self.frame.clear();
        std::mem::take(&mut self.frame)
    }

    pub(in crate::fanout) fn keep_frame(&mut self, frame: Vec<u8>) {
        self.frame = frame;
    }

    /// Takes the buffer of a block, empty.
    pub(in crate::fanout) fn take_block(&mut self) -> Vec<u8> {
        self.block.clear();
        std::mem::take(&mut self.block)
    }

    pub(in crate::fanout) fn keep_block(&mut self, block: Vec<u8>) {
        self.block = block;
    }

    /// Compresses an event by itself.
    pub(in crate::fanout) fn apart(&mut self, plain: &[u8]) -> &[u8] {
        self.block.clear();
        let encoder = self.apart.get_or_insert_default();
        encoder.encode(plain, &mut self.block);
        &self.block
    }

    /// Compresses history for one stream, which is a lot for one stream: fast.
    fn history(&mut self, plain: &[u8]) -> &[u8] {
        self.block.clear();
        let encoder = self.history.get_or_insert_with(Independent::fast);
        encoder.encode(plain, &mut self.block);
        &self.block
    }

    /// Appends WebSocket messages for one stream, compressed; `shared_context`: each may refer to those before
    /// it in `frames`, so the stream gets them all.
    fn messages(&mut self, frames: &[u8], shared_context: bool, out: &mut Vec<u8>) {
        let encoder = self.history.get_or_insert_with(Independent::fast);
        let mut rest = frames;
        let mut first = true;
        while let Some((opcode, payload, after)) = split_frame(rest) {
            self.block.clear();
            if first || !shared_context {
                encoder.encode(payload, &mut self.block);
            } else {
                encoder.encode_linked(payload, &mut self.block);
            }
            compressed_frame(out, opcode, &self.block);
            (rest, first) = (after, false);
        }
        debug_assert!(rest.is_empty(), "history is whole frames");
    }

    /// Appends a WebSocket message compressed by itself, or as it is if that is shorter.
    pub(in crate::fanout) fn message_apart(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        if let Some((opcode, payload, _)) = split_frame(plain) {
            let block = self.apart(payload);
            compressed_frame(out, opcode, block);
        }
        let shorter = (1..plain.len()).contains(&(out.len() - start));
        if !shorter {
            out.truncate(start);
            out.extend_from_slice(plain);
        }
    }

    /// Has `write` make history for one stream, and compresses it.
    pub(in crate::fanout) fn write_history<K: Clone + Eq + Hash, F: Format, R>(
        &mut self,
        form: FormId,
        state: &mut StreamState<K>,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>) -> R,
    ) -> R {
        let codec = F::codec(form);
        if codec == Codec::Identity {
            return write(out);
        }
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        let done = write(&mut plain);
        match (codec, state.extra_mut()) {
            (Codec::Messages { shared_context }, _) => self.messages(&plain, shared_context, out),
            (_, Some(Extra::Own(own))) => own.write::<F>(form, &plain, out),
            (_, Some(Extra::Gzip(sent))) if !plain.is_empty() => {
                sent.update(&plain);
                F::frame_block(form, self.history(&plain), false, out);
            }
            _ => {}
        }
        self.plain = plain;
        done
    }
}

/// The most plain bytes that fit a log whose frames have `largest` bytes at most.
pub(in crate::fanout) fn plain_max(largest: usize) -> usize {
    // What framing adds to a block is less than a kibibyte.
    largest - (bound(largest) - largest) - 1024
}
