//! Compressed streams: which log each reads, how it passes from one to the other, and what its bytes
//! come to.
//!
//! A stream is *loose* in the form's own log, whose frames refer to nothing, and *aligned* in the window log
//! of its class. It may pass to the window log at a keyframe only, and leaves it when it misses anything, or is
//! sent anything of its own through the reader's inflater: see [`deflate`](crate::wire::deflate).

use std::hash::Hash;

use crate::net::class::{Class, ClassId, Classes};
use crate::net::conns::conn::{Cold, Flags, Phase};
use crate::net::core::Core;
use crate::net::form::Codec;
use crate::net::form::FormId;
use crate::net::framelog::FrameLog;
use crate::net::own_compressor::OwnCompressor;
use crate::net::service::Service;
use crate::wire::deflate::{Digest, gzip};

/// Names a log while it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum LogName {
    /// The log of a wire form.
    Form(FormId),
    /// The window log of a class.
    Window(ClassId),
}

impl LogName {
    pub(in crate::net) fn find<'a, K: Clone + Eq + Hash>(
        self,
        logs: &'a [Option<FrameLog>],
        classes: &'a Classes<K>,
    ) -> Option<&'a FrameLog> {
        match self {
            Self::Form(form) => logs[form.index()].as_ref(),
            Self::Window(id) => Some(&classes.get(id)?.window_log.as_ref()?.log),
        }
    }

    pub(in crate::net) fn find_mut<'a, K: Clone + Eq + Hash>(
        self,
        logs: &'a mut [Option<FrameLog>],
        classes: &'a mut Classes<K>,
    ) -> Option<&'a mut FrameLog> {
        match self {
            Self::Form(form) => logs[form.index()].as_mut(),
            Self::Window(id) => Some(&mut classes.get_mut(id)?.window_log.as_mut()?.log),
        }
    }
}

/// The state of a stream whose bytes are one compressed stream.
pub(in crate::net) enum CompressedReader {
    Gzip(Sent),
    Own(Box<OwnCompressor>),
}

/// The bytes that a gzip stream was sent, as far as its trailer needs them.
pub(in crate::net) struct Sent {
    /// All that is plain of it, but for what came from the window log since it was joined.
    digest: Digest,
    /// The digest of the window log at the byte where it was joined.
    joined: Digest,
    /// The newest id that it has beside those of events.
    told: u64,
}

/// Returns the digest of what a stream was sent, if it has one.
fn sent_of<S: Service>(cold: &mut Cold<S>) -> Option<&mut Sent> {
    match cold.compressed.as_deref_mut() {
        Some(CompressedReader::Gzip(sent)) => Some(sent),
        _ => None,
    }
}

impl<S: Service> Core<S> {
    /// Writes what precedes the events of stream `i`, whose class is joined.
    pub(in crate::net) fn write_first(&mut self, i: u32, plain: &[u8], told: u64) {
        let form = self.form_of(i).unwrap_or_default();
        let mut out = std::mem::take(&mut self.out(i).bytes);
        match S::codec(form) {
            Codec::Identity | Codec::Messages { .. } => out.extend_from_slice(plain),
            Codec::Brotli => {
                let mut own = OwnCompressor::new(&self.reactors);
                own.write::<S>(form, plain, &mut out);
                self.cold[i as usize].compressed =
                    Some(Box::new(CompressedReader::Own(Box::new(own))));
            }
            Codec::Gzip => {
                let mut digest = Digest::default();
                digest.update(plain);
                self.cold[i as usize].compressed = Some(Box::new(CompressedReader::Gzip(Sent {
                    digest,
                    joined: Digest::default(),
                    told,
                })));
                let mut block = gzip::HEAD.to_vec();
                // Stored: it is a few bytes once, and no window of an encoder of its own is to be kept for it.
                gzip::stored(plain, &mut block);
                S::frame_block(form, &block, false, &mut out);
            }
        }
        self.out(i).bytes = out;
    }

    /// Writes `plain` for stream `i` alone, which stands between two frames. A WebSocket message that is
    /// not compressed passes by the reader's inflater, and leaves the stream aligned.
    pub(in crate::net) fn write_private(&mut self, i: u32, plain: &[u8], out: &mut Vec<u8>) {
        if self.cold[i as usize].compressed.is_none() {
            return out.extend_from_slice(plain);
        }
        // These bytes pass through the reader's inflater and move its window. Shared frames behind them would
        // refer to other bytes than were meant, and nothing would tell.
        self.leave_window(i);
        let Some(form) = self.form_of(i) else {
            return;
        };
        match self.cold[i as usize].compressed.as_deref_mut() {
            Some(CompressedReader::Gzip(sent)) => {
                sent.digest.update(plain);
                let mut block = Vec::with_capacity(plain.len() + 8);
                gzip::stored(plain, &mut block);
                S::frame_block(form, &block, false, out);
            }
            Some(CompressedReader::Own(own)) => own.write::<S>(form, plain, out),
            None => {}
        }
    }

    /// Has `write` make history for stream `i`, which reads no log, and compresses it.
    pub(in crate::net) fn write_history<R>(
        &mut self,
        i: u32,
        form: FormId,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>) -> R,
    ) -> R {
        let codec = S::codec(form);
        if codec == Codec::Identity {
            return write(out);
        }
        let mut plain = std::mem::take(&mut self.compressors.plain);
        plain.clear();
        let done = write(&mut plain);
        match (codec, self.cold[i as usize].compressed.as_deref_mut()) {
            (Codec::Messages { shared_context }, _) => {
                self.compressors.messages(&plain, shared_context, out)
            }
            (_, Some(CompressedReader::Own(own))) => own.write::<S>(form, &plain, out),
            (_, Some(CompressedReader::Gzip(sent))) if !plain.is_empty() => {
                sent.digest.update(&plain);
                S::frame_block(form, self.compressors.history(&plain), false, out);
            }
            _ => {}
        }
        self.compressors.plain = plain;
        done
    }

    /// Writes the last words of stream `i`, which has got everything.
    pub(in crate::net) fn write_end(
        &mut self,
        i: u32,
        form: FormId,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) {
        self.leave_window(i);
        match self.cold[i as usize].compressed.as_deref_mut() {
            Some(CompressedReader::Gzip(sent)) => {
                sent.digest.update(plain);
                let mut block = Vec::with_capacity(plain.len() + 16);
                gzip::stored(plain, &mut block);
                gzip::end(sent.digest, &mut block);
                S::frame_block(form, &block, true, out);
            }
            Some(CompressedReader::Own(own)) => own.end::<S>(form, plain, out),
            None => out.extend_from_slice(plain),
        }
    }

    /// Writes a sign of life for stream `i`, which has got everything. `beat` is the plain one, with the
    /// newest id: a compressed stream that has this id already is sent an empty block, which leaves it
    /// aligned.
    pub(in crate::net) fn write_heartbeat(&mut self, i: u32, beat: &[u8], out: &mut Vec<u8>) {
        let newest = self.fed.saturating_sub(1);
        let class = self.classes.get(self.hot[i as usize].class);
        if let (Some(class), Some(sent)) = (class, sent_of(&mut self.cold[i as usize])) {
            // An empty block touches no window: the stream stays aligned, and nothing is compressed for it alone.
            if sent.told.max(class.last) >= newest {
                return S::frame_block(class.form, &gzip::HEARTBEAT, false, out);
            }
            sent.told = newest;
        }
        self.write_private(i, beat, out);
    }

    /// Notes that stream `i` reads the form's log now.
    pub(in crate::net) fn begin_log(&mut self, i: u32, cursor: u64) {
        let hot = self.hot(i);
        hot.phase = Phase::Log;
        hot.cursor = cursor;
        self.count_loose(i, 1);
    }

    /// Passes stream `i` from the form's log to byte `start` of the window log, where a keyframe begins.
    pub(in crate::net) fn join_window(&mut self, i: u32, start: u64) {
        let id = self.hot(i).class;
        if let Some(class) = self.classes.get_mut(id)
            && let Some(window) = &class.window_log
        {
            if let Some(own) = sent_of(&mut self.cold[i as usize]) {
                own.joined = window.log.sum_before(start);
            }
            class.loose -= 1;
            let hot = self.hot(i);
            hot.flags.set(Flags::ALIGNED);
            hot.cursor = start;
        }
    }

    /// Takes stream `i`, which stands between two frames, out of the window log, if it reads one.
    fn leave_window(&mut self, i: u32) {
        if !self.hot(i).flags.has(Flags::ALIGNED) {
            return;
        }
        let (id, cursor) = (self.hot(i).class, self.hot(i).cursor);
        self.leave_log(i);
        let class = self.classes.get(id);
        let Some((class, window)) =
            class.and_then(|class| Some((class, class.window_log.as_ref()?)))
        else {
            return;
        };
        let end = self.logs[class.form.index()].as_ref().map(FrameLog::end);
        match (window.log.frame_at(cursor), end) {
            // It has everything, so it goes on at the end of the form's log without a way through history.
            (None, Some(end)) => self.begin_log(i, end),
            (Some((mark, _)), _) => {
                debug_assert_eq!(mark.start, cursor, "between two frames");
                let hot = self.hot(i);
                hot.phase = Phase::CatchUp;
                // The form's log has this event elsewhere, or not at all: history finds it by its offset.
                hot.cursor = mark.offset;
            }
            (None, None) => {}
        }
    }

    /// Settles what stream `i` got from the log that it reads, the frame included that it stands in. It
    /// keeps phase and cursor, which must change now.
    pub(in crate::net) fn leave_log(&mut self, i: u32) {
        let hot = &self.hot[i as usize];
        if !hot.flags.has(Flags::ALIGNED) {
            return self.count_loose(i, -1);
        }
        let sum = self.log_of(i).map(|(_, _, log)| log.sum_before(hot.cursor));
        if let (Some(sum), Some(own)) = (sum, sent_of(&mut self.cold[i as usize])) {
            // The difference of two sums of the log: no checksum is made for each reader.
            own.digest.extend(own.joined, sum);
        }
        self.hot(i).flags.clear(Flags::ALIGNED);
    }

    fn count_loose(&mut self, i: u32, more: i32) {
        let id = self.hot(i).class;
        if let Some(class) = self.classes.get_mut(id)
            && matches!(S::codec(class.form), Codec::Gzip | Codec::Messages { .. })
        {
            class.loose = class.loose.saturating_add_signed(more);
        }
    }

    /// Notes that stream `i` was sent the frames of its form's log that begin in these bytes.
    pub(in crate::net) fn digest_sent(&mut self, i: u32, form: FormId, start: u64, end: u64) {
        if let Some(sent) = sent_of(&mut self.cold[i as usize])
            && let Some(log) = &self.logs[form.index()]
        {
            let (from, to) = (log.sum_before(start), log.sum_before(end));
            sent.digest.extend(from, to);
        }
    }

    fn form_of(&self, i: u32) -> Option<FormId> {
        let class = self.classes.get(self.hot[i as usize].class)?;
        Some(class.form)
    }

    /// The class of stream `i` and the log that it reads, or would read.
    pub(in crate::net) fn log_of(&self, i: u32) -> Option<(&Class<S::Key>, LogName, &FrameLog)> {
        let hot = &self.hot[i as usize];
        let class = self.classes.get(hot.class)?;
        let name = if hot.flags.has(Flags::ALIGNED) {
            LogName::Window(hot.class)
        } else {
            LogName::Form(class.form)
        };
        Some((class, name, name.find(&self.logs, &self.classes)?))
    }
}
