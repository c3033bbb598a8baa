//! How an event gets into the logs of a compressed form: compressed by itself, if anybody needs that,
//! and once for each window log.

use smallvec::SmallVec;

use crate::net::class::ClassId;
use crate::net::conns::conn::{Flags, Phase};
use crate::net::form::Codec;
use crate::net::form::FormId;
use crate::net::frames::Frames;
use crate::net::service::Service;
use crate::net::window_log::{MEMBERS_MIN, WindowLog};
use crate::wire::deflate::{Block, Independent, bound};
use crate::wire::ws::{compressed_frame, split_frame};

/// Compressors that all streams share, made when first needed.
#[derive(Default)]
pub(in crate::net) struct Compressors {
    apart: Option<Independent>,
    history: Option<Independent>,
    block: Vec<u8>,
    frame: Vec<u8>,
    pub(in crate::net) plain: Vec<u8>,
}

impl Compressors {
    /// Compresses an event by itself.
    fn apart(&mut self, plain: &[u8]) -> &[u8] {
        self.block.clear();
        let encoder = self.apart.get_or_insert_default();
        encoder.encode(plain, &mut self.block);
        &self.block
    }

    /// Compresses history for one stream, which is a lot for one stream: fast.
    pub(in crate::net) fn history(&mut self, plain: &[u8]) -> &[u8] {
        self.block.clear();
        let encoder = self.history.get_or_insert_with(Independent::fast);
        encoder.encode(plain, &mut self.block);
        &self.block
    }

    /// Appends WebSocket messages for one stream, compressed; `shared_context`: each may refer to those before
    /// it in `frames`, so the stream gets them all.
    pub(in crate::net) fn messages(
        &mut self,
        frames: &[u8],
        shared_context: bool,
        out: &mut Vec<u8>,
    ) {
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
    fn message_apart(&mut self, plain: &[u8], out: &mut Vec<u8>) {
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
}

/// The most plain bytes that fit a log whose frames have `largest` bytes at most.
pub(in crate::net) fn plain_max(largest: usize) -> usize {
    // What framing adds to a block is less than a kibibyte.
    largest - (bound(largest) - largest) - 1024
}

impl<S: Service> Frames<'_, S> {
    /// Appends the plain frame of event `offset` for `classes`, all of the compressed `form`.
    pub(in crate::net) fn append_compressed(
        &mut self,
        offset: u64,
        form: FormId,
        classes: &[ClassId],
        plain: &[u8],
    ) {
        // The form's own log is fed only while somebody reads it: with all members in window logs an event is
        // compressed once, else twice.
        let mut needed = false;
        for &id in classes {
            self.fit_window_log(id);
            let class = self.core.classes.get(id);
            needed |= class.is_some_and(|class| class.window_log.is_none() || class.loose > 0);
        }
        self.core.counters.compressed_events.add(1);
        // Only gzip ends with a checksum and a length of all that was sent.
        let counted = (S::codec(form) == Codec::Gzip).then_some(plain);
        let mut apart = None;
        if needed {
            // Taken and put back: one buffer serves all events, and none of them allocates.
            let mut frame = std::mem::take(&mut self.core.compressors.frame);
            frame.clear();
            let compressors = &mut self.core.compressors;
            match counted {
                Some(plain) => S::frame_block(form, compressors.apart(plain), false, &mut frame),
                None => compressors.message_apart(plain, &mut frame),
            }
            self.core.counters.compressions.add(1);
            apart = self.append_bytes(
                form,
                |log| log.append_coded(offset, &frame, counted),
                frame.len(),
            );
            self.core.compressors.frame = frame;
        }
        let end = self.core.logs[form.index()]
            .as_ref()
            .map_or(0, |log| log.end());
        for &id in classes {
            self.append_to_window_log(id, form, offset, plain, apart.clone());
            if let Some(class) = self.core.classes.get_mut(id) {
                class.last = offset;
                match &apart {
                    Some(range) => class.push(range.clone()),
                    // Nobody of this class reads the form's log: who comes knows it from here on.
                    None => class.trim(end),
                }
            }
            self.core.make_dirty(id);
        }
        self.core.unpumped += plain.len();
        self.core.appended += 1;
    }

    fn append_to_window_log(
        &mut self,
        id: ClassId,
        form: FormId,
        offset: u64,
        plain: &[u8],
        apart: Option<std::ops::Range<u64>>,
    ) {
        let now = self.core.now;
        let counted = (S::codec(form) == Codec::Gzip).then_some(plain);
        let mut block = std::mem::take(&mut self.core.compressors.block);
        let mut frame = std::mem::take(&mut self.core.compressors.frame);
        block.clear();
        frame.clear();
        if let Some(class) = self.core.classes.get_mut(id)
            && let Some(window) = &mut class.window_log
        {
            let wanted = class.loose > 0;
            let kind = match counted {
                Some(plain) => {
                    let kind = window.encode(plain, wanted, now, &mut block);
                    S::frame_block(form, &block, false, &mut frame);
                    kind
                }
                None => window.encode_message(plain, wanted, now, &mut block, &mut frame),
            };
            // Only asked here: to move members out takes all of the core, of which the log is a part.
            let tail = window.log.tail_for(frame.len());
            self.core.counters.compressions.add(1);
            self.core
                .counters
                .keyframes
                .add(u64::from(kind == Block::Keyframe));
            if let Some(tail) = tail {
                self.make_room_in_window_log(id, tail);
            }
            let class = self.core.classes.get_mut(id);
            if let Some(window) = class.and_then(|class| class.window_log.as_mut()) {
                window.append(offset, &frame, counted, kind, apart);
            }
        }
        self.core.compressors.block = block;
        self.core.compressors.frame = frame;
    }

    /// Gives class `id` a window log if it has grown enough, and takes it if it has shrunk.
    fn fit_window_log(&mut self, id: ClassId) {
        let bytes = self.core.limits.frame_log_bytes;
        let chains = &self.core.counters.chains;
        let may = chains.get() < self.core.limits.max_chains as u64;
        let Some(class) = self.core.classes.get_mut(id) else {
            return;
        };
        let members = class.members.len();
        // Messages that may not refer to those before have no use for a window.
        let shared_context = S::codec(class.form)
            != Codec::Messages {
                shared_context: false,
            };
        if class.window_log.is_none() && shared_context && members >= MEMBERS_MIN && may {
            class.window_log = Some(Box::new(WindowLog::new(bytes)));
            chains.add(1);
        } else if let Some(window) = &class.window_log
            && members < MEMBERS_MIN / 2
        {
            let end = window.log.end();
            // Past the end: also who has read all of it moves.
            self.move_out_of_window_log(id, end + 1);
            if let Some(class) = self.core.classes.get_mut(id) {
                class.window_log = None;
                self.core.window_log_gone();
            }
        }
    }

    fn make_room_in_window_log(&mut self, id: ClassId, tail: u64) {
        self.move_out_of_window_log(id, tail);
        let class = self.core.classes.get_mut(id);
        if let Some(window) = class.and_then(|class| class.window_log.as_mut()) {
            window.advance_tail(tail);
        }
    }

    /// Sends all members that stand before byte `before` of the window log to history.
    fn move_out_of_window_log(&mut self, id: ClassId, before: u64) {
        let Some(class) = self.core.classes.get(id) else {
            return;
        };
        let members = class.members.iter().copied();
        let behind: SmallVec<[u32; 8]> = members
            .filter(|&i| {
                let hot = &self.core.hot[i as usize];
                hot.phase == Phase::Log && hot.flags.has(Flags::ALIGNED) && hot.cursor < before
            })
            .collect();
        for i in behind {
            if !self.core.fall_behind(i) {
                self.cut.push(i);
                // Closed later, out of the log at once: nothing may point at bytes that go.
                self.core.hot(i).phase = Phase::CatchUp;
            }
        }
    }
}
