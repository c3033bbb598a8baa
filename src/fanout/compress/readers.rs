//! Streams that are compressed: what is written for one alone, how it passes from one log to the other, and what its
//! bytes come to.

use std::hash::Hash;

use crate::fanout::compress::OwnCompressor;
use crate::fanout::form::{Codec, FormId};
use crate::fanout::reader::{Extra, Member, Reader, StreamState};
use crate::fanout::{Fanout, Format};
use crate::wire::deflate::{Digest, gzip};

/// The bytes that a gzip stream was sent, as far as its trailer needs them.
pub(in crate::fanout) struct Sent {
    /// All that is plain of it, but for what came from the window log since it was joined.
    digest: Digest,
    /// The digest of the window log at the byte where it was joined.
    joined: Digest,
    /// The newest id that it has beside those of events.
    told: u64,
}

impl Sent {
    /// Notes bytes that were compressed for it.
    pub(super) fn update(&mut self, plain: &[u8]) {
        self.digest.update(plain);
    }

    /// Notes bytes of its form's log, by the sums of the log before and behind them.
    pub(in crate::fanout) fn extend(&mut self, from: Digest, to: Digest) {
        self.digest.extend(from, to);
    }

    /// Notes the sum of the window log at the byte where the stream joins it.
    pub(in crate::fanout) fn join(&mut self, sum: Digest) {
        self.joined = sum;
    }

    /// Notes the sum of the window log at the byte where the stream leaves it.
    pub(in crate::fanout) fn leave(&mut self, sum: Digest) {
        // The difference of two sums of the log: no checksum is made for each reader.
        self.digest.extend(self.joined, sum);
    }
}

impl<K: Clone + Eq + Hash, F: Format> Fanout<K, F> {
    /// Writes what precedes the events of a stream, which has the id `told` by it.
    pub(in crate::fanout) fn write_first(
        &self,
        form: FormId,
        state: &mut StreamState<K>,
        plain: &[u8],
        told: u64,
        out: &mut Vec<u8>,
    ) {
        match F::codec(form) {
            Codec::Identity | Codec::Messages { .. } => out.extend_from_slice(plain),
            Codec::Brotli => {
                let mut own = OwnCompressor::new(&self.shared);
                own.write::<F>(form, plain, out);
                state.set_extra(Extra::Own(Box::new(own)));
            }
            Codec::Gzip => {
                let mut digest = Digest::default();
                digest.update(plain);
                state.set_extra(Extra::Gzip(Sent {
                    digest,
                    joined: Digest::default(),
                    told,
                }));
                let mut block = gzip::HEAD.to_vec();
                // Stored: it is a few bytes once, and no window of an encoder of its own is to be kept for it.
                gzip::stored(plain, &mut block);
                F::frame_block(form, &block, false, out);
            }
        }
    }

    /// Writes `plain`, whole frames that are not compressed yet, into the outbox of a stream, which stands between two
    /// frames ([`make_way`](Self::make_way)). A WebSocket message that is not compressed passes by the reader's
    /// inflater, and leaves the stream aligned.
    pub fn write_private(&mut self, member: Member<'_, K>, plain: &[u8]) {
        let Member {
            reader, state, out, ..
        } = member;
        self.write_between(reader, state, plain, out.bytes());
    }

    fn write_between(
        &mut self,
        reader: &mut Reader,
        state: &mut StreamState<K>,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) {
        if !state.is_one_compressed_stream() {
            return out.extend_from_slice(plain);
        }
        // These bytes pass through the reader's inflater and move its window. Shared frames behind them would
        // refer to other bytes than were meant, and nothing would tell.
        self.logs.leave_window(reader, state);
        let Some(form) = self.logs.form_of(reader) else {
            return;
        };
        match state.extra_mut() {
            Some(Extra::Gzip(sent)) => {
                sent.digest.update(plain);
                let mut block = Vec::with_capacity(plain.len() + 8);
                gzip::stored(plain, &mut block);
                F::frame_block(form, &block, false, out);
            }
            Some(Extra::Own(own)) => own.write::<F>(form, plain, out),
            Some(Extra::Replays(_)) | None => {}
        }
    }

    /// Writes the last words of a stream, which stands between two frames, into its outbox.
    pub fn write_last(&mut self, member: Member<'_, K>, plain: &[u8]) {
        let Member {
            reader, state, out, ..
        } = member;
        self.logs.leave_window(reader, state);
        let Some(form) = self.logs.form_of(reader) else {
            return;
        };
        let out = out.bytes();
        match state.extra_mut() {
            Some(Extra::Gzip(sent)) => {
                sent.digest.update(plain);
                let mut block = Vec::with_capacity(plain.len() + 16);
                gzip::stored(plain, &mut block);
                gzip::end(sent.digest, &mut block);
                F::frame_block(form, &block, true, out);
            }
            Some(Extra::Own(own)) => own.end::<F>(form, plain, out),
            Some(Extra::Replays(_)) | None => out.extend_from_slice(plain),
        }
    }

    /// Writes a sign of life for a compressed stream, which has got everything. `plain` has the newest id: a stream that
    /// has this id already is sent an empty block, which leaves it aligned.
    pub(in crate::fanout) fn write_heartbeat(
        &mut self,
        reader: &mut Reader,
        state: &mut StreamState<K>,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) {
        let newest = self.fed.saturating_sub(1);
        let class = self.logs.classes.get(reader.class());
        if let (Some(class), Some(sent)) = (class, state.sent_mut()) {
            // An empty block touches no window: the stream stays aligned, and nothing is compressed for it alone.
            if sent.told.max(class.last()) >= newest {
                return F::frame_block(class.form(), &gzip::HEARTBEAT, false, out);
            }
            sent.told = newest;
        }
        self.write_between(reader, state, plain, out);
    }
}
