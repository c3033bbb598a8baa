//! The part of a stream's state that each event touches.

use crate::fanout::class::ClassId;

/// The place of a stream in its log or in history.
///
/// Packed, so that a connection which holds it beside its socket has 40 bytes in all: a round visits many of them.
#[derive(Clone, Copy, Debug, Default)]
#[repr(Rust, packed(4))]
pub struct Reader {
    /// See [`Source`].
    cursor: u64,
    class: ClassId,
    /// Index in the class's members.
    slot: u32,
    source: Source,
    /// The stream fell behind, and its policy has yet to be applied.
    slow: bool,
    /// `cursor` is a byte of the class's window log, and the stream has each byte of it since a keyframe.
    aligned: bool,
}

const _: () = assert!(size_of::<Reader>() == 20 && align_of::<Reader>() == 4);

/// The source of a stream's next events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Source {
    /// None: the stream is in no class.
    #[default]
    Nothing,
    /// From history; `cursor` is an offset.
    CatchUp,
    /// From a frame log; `cursor` is a byte of it.
    Log,
}

impl Reader {
    /// Returns whether a stream reads a log, so that a [visit](crate::fanout::Fanout::next_visit) is for it: one that reads
    /// history comes to what is new by itself.
    pub fn is_live(&self) -> bool {
        self.reads_log()
    }

    pub(in crate::fanout) fn class(self) -> ClassId {
        self.class
    }

    /// Its index in the class's members.
    pub(in crate::fanout) fn slot(self) -> usize {
        self.slot as usize
    }

    /// A byte of its log, or an offset of history.
    pub(in crate::fanout) fn cursor(self) -> u64 {
        self.cursor
    }

    pub(in crate::fanout) fn is_member(self) -> bool {
        self.source != Source::Nothing
    }

    pub(in crate::fanout) fn reads_log(self) -> bool {
        self.source == Source::Log
    }

    pub(in crate::fanout) fn reads_history(self) -> bool {
        self.source == Source::CatchUp
    }

    /// Returns whether the log that it reads is the window log of its class.
    pub(in crate::fanout) fn is_aligned(self) -> bool {
        self.aligned
    }

    pub(in crate::fanout) fn is_slow(self) -> bool {
        self.slow
    }

    /// Makes it a member of a class that reads history from offset `from` on.
    pub(in crate::fanout) fn join(&mut self, class: ClassId, slot: usize, from: u64) {
        *self = Self {
            cursor: from,
            class,
            slot: slot as u32,
            source: Source::CatchUp,
            slow: false,
            aligned: false,
        };
    }

    pub(in crate::fanout) fn leave(&mut self) {
        *self = Self::default();
    }

    pub(in crate::fanout) fn move_to_slot(&mut self, slot: usize) {
        self.slot = slot as u32;
    }

    /// Passes to history, from offset `from` on.
    pub(in crate::fanout) fn read_history(&mut self, from: u64) {
        debug_assert!(!self.aligned, "it has left the window log");
        (self.source, self.cursor) = (Source::CatchUp, from);
    }

    /// Passes to byte `cursor` of the log of its wire form.
    pub(in crate::fanout) fn read_log(&mut self, cursor: u64) {
        (self.source, self.cursor) = (Source::Log, cursor);
    }

    /// Passes from the log of its wire form to byte `cursor` of the window log.
    pub(in crate::fanout) fn align(&mut self, cursor: u64) {
        (self.aligned, self.cursor) = (true, cursor);
    }

    /// Notes that it reads the window log no more. What it reads instead has to be said next.
    pub(in crate::fanout) fn unalign(&mut self) {
        self.aligned = false;
    }

    /// Goes on in the source that it reads.
    pub(in crate::fanout) fn advance(&mut self, cursor: u64) {
        self.cursor = cursor;
    }

    pub(in crate::fanout) fn set_slow(&mut self, slow: bool) {
        self.slow = slow;
    }
}
