//! The window log of a class: frames in one shared window, for the members that have all of it.

use std::ops::Range;
use std::time::Instant;

use crate::fanout::log::frame_log::FrameLog;
use crate::wire::deflate::{Block, Chain};
use crate::wire::ws::{Opcode, compressed_frame, split_frame};

/// A class gets a window log when it has so many members, and loses it below half of them: for fewer a
/// second compression costs more than the bytes that it saves.
pub(in crate::fanout) const MEMBERS_MIN: usize = 8;

/// Compressed frames that each refer to those before, in a log of their own.
pub(in crate::fanout) struct WindowLog {
    log: FrameLog,
    encoder: Chain,
    /// The last keyframe, if it is in the form's log too.
    entry: Option<Entry>,
}

/// One event in two logs: the form's, and a window log, where it is a keyframe. Who has everything before
/// it may read it in either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fanout) struct Entry {
    /// Its first byte in the form's log.
    pub(in crate::fanout) apart: u64,
    /// Its first byte in the window log.
    pub(in crate::fanout) window: u64,
}

impl WindowLog {
    pub(in crate::fanout) fn new(bytes: usize) -> Self {
        Self {
            log: FrameLog::new(bytes),
            encoder: Chain::default(),
            entry: None,
        }
    }

    pub(in crate::fanout) fn log(&self) -> &FrameLog {
        &self.log
    }

    pub(in crate::fanout) fn log_mut(&mut self) -> &mut FrameLog {
        &mut self.log
    }

    /// Returns the place where members may pass from the form's log to this one.
    pub(in crate::fanout) fn entry(&self) -> Option<Entry> {
        self.entry
    }

    /// Compresses the next frame; `wanted`: somebody waits for a keyframe.
    pub(in crate::fanout) fn encode(
        &mut self,
        plain: &[u8],
        wanted: bool,
        now: Instant,
        block: &mut Vec<u8>,
    ) -> Block {
        self.encoder.encode(plain, wanted, now, block)
    }

    /// Compresses the payload of `plain`, the frame of a WebSocket message, and appends its frame.
    pub(in crate::fanout) fn encode_message(
        &mut self,
        plain: &[u8],
        wanted: bool,
        now: Instant,
        block: &mut Vec<u8>,
        frame: &mut Vec<u8>,
    ) -> Block {
        let (opcode, payload) = match split_frame(plain) {
            Some((opcode, payload, _)) => (opcode, payload),
            None => (Opcode::Binary, plain),
        };
        let kind = self.encoder.encode(payload, wanted, now, block);
        compressed_frame(frame, opcode, block);
        kind
    }

    /// Appends the frame that [`encode`](Self::encode) made, for which there is room; `counted`: the
    /// plain bytes, where they are counted; `apart`: where the form's log has it.
    pub(in crate::fanout) fn append(
        &mut self,
        offset: u64,
        frame: &[u8],
        counted: Option<&[u8]>,
        block: Block,
        apart: Option<Range<u64>>,
    ) {
        let window = self.log.append_coded(offset, frame, counted).start;
        // Without its twin in the form's log nobody stands in front of it, and nobody can pass here.
        if block == Block::Keyframe {
            self.entry = apart.map(|apart| Entry {
                apart: apart.start,
                window,
            });
        }
    }

    /// Gives up the bytes before `tail`, where nobody stands any more.
    pub(in crate::fanout) fn advance_tail(&mut self, tail: u64) {
        self.log.advance_tail(tail);
        self.entry = self.entry.filter(|entry| entry.window >= tail);
    }
}
