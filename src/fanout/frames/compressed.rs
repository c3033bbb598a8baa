//! How an event gets into the logs of a compressed form: compressed by itself, if anybody needs that,
//! and once for each window log.

use std::hash::Hash;
use std::ops::Range;

use crate::fanout::class::ClassId;
use crate::fanout::form::{Codec, FormId};
use crate::fanout::frames::Frames;
use crate::fanout::reader::Readers;
use crate::fanout::{Fanout, Format};
use crate::wire::deflate::Block;

impl<K: Clone + Eq + Hash, F: Format, R: Readers<K>> Frames<'_, K, F, R> {
    /// Appends the plain frame of event `offset` for `classes`, all of the compressed `form`.
    pub(super) fn append_compressed(
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
            let class = self.fanout.logs.classes.get(id);
            needed |= class.is_some_and(|class| class.window_log().is_none() || class.has_loose());
        }
        self.fanout.counters.compressed_events.add(1);
        // Only gzip ends with a checksum and a length of all that was sent.
        let counted = (F::codec(form) == Codec::Gzip).then_some(plain);
        let mut apart = None;
        if needed {
            let compressors = &mut self.fanout.compressors;
            let mut frame = compressors.take_frame();
            match counted {
                Some(plain) => F::frame_block(form, compressors.apart(plain), false, &mut frame),
                None => compressors.message_apart(plain, &mut frame),
            }
            self.fanout.counters.compressions.add(1);
            let len = frame.len();
            apart = self.append_bytes(form, |log| log.append_coded(offset, &frame, counted), len);
            self.fanout.compressors.keep_frame(frame);
        }
        let end = self.fanout.logs.forms.end(form);
        for &id in classes {
            self.append_to_window_log(id, form, offset, plain, apart.clone());
            if let Some(class) = self.fanout.logs.classes.get_mut(id) {
                class.set_last(offset);
                match &apart {
                    Some(range) => class.push(range.clone()),
                    // Nobody of this class reads the form's log: who comes knows it from here on.
                    None => class.trim(end),
                }
            }
        }
        self.note_appended(classes, plain.len());
    }

    fn append_to_window_log(
        &mut self,
        id: ClassId,
        form: FormId,
        offset: u64,
        plain: &[u8],
        apart: Option<Range<u64>>,
    ) {
        let counted = (F::codec(form) == Codec::Gzip).then_some(plain);
        let Fanout {
            logs,
            compressors,
            counters,
            now,
            ..
        } = &mut *self.fanout;
        let Some(class) = logs.classes.get_mut(id) else {
            return;
        };
        let wanted = class.has_loose();
        let Some(window) = class.window_log_mut() else {
            return;
        };
        let (mut block, mut frame) = (compressors.take_block(), compressors.take_frame());
        let kind = match counted {
            Some(plain) => {
                let kind = window.encode(plain, wanted, *now, &mut block);
                F::frame_block(form, &block, false, &mut frame);
                kind
            }
            None => window.encode_message(plain, wanted, *now, &mut block, &mut frame),
        };
        counters.compressions.add(1);
        counters.keyframes.add(u64::from(kind == Block::Keyframe));
        // Only asked here: to move members out takes all of the fan-out, of which the log is a part.
        if let Some(tail) = window.log().tail_for(frame.len()) {
            self.make_room_in_window_log(id, tail);
        }
        let class = self.fanout.logs.classes.get_mut(id);
        if let Some(window) = class.and_then(|class| class.window_log_mut()) {
            window.append(offset, &frame, counted, kind, apart);
        }
        self.fanout.compressors.keep_block(block);
        self.fanout.compressors.keep_frame(frame);
    }
}
