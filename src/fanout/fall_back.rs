//! Falling behind: from the frame log to history, with what was half-sent kept.

use std::hash::Hash;

use super::log::KeptFrame;
use super::reader::Member;
use super::slow::SlowPolicy;
use super::{Fanout, Format};

impl<K: Clone + Eq + Hash, F: Format> Fanout<K, F> {
    /// Sends a stream from its log to history, since the log gives up its bytes or it may not be that far behind.
    ///
    /// Returns `false` if that would take more memory than allowed: then the stream must go.
    #[must_use]
    pub(super) fn fall_behind(&mut self, member: Member<'_, K>) -> bool {
        let Member {
            number,
            reader,
            state,
            out,
        } = member;
        if !self.detach(Member {
            number,
            reader: &mut *reader,
            state: &mut *state,
            out,
        }) {
            return false;
        }
        // Only where its policy has to do something about it.
        if state.slow_options().slow != SlowPolicy::CatchUp {
            reader.set_slow(true);
        }
        self.counters.fell_behind.add(1);
        true
    }

    /// Sees to it that what is put into a stream's outbox stands between two frames: it stands there already, or is
    /// taken out of its log as [`detach`](Self::detach) does, with the same result. What is in the outbox leaves before
    /// anything from the log does.
    #[must_use]
    pub fn make_way(&mut self, member: Member<'_, K>) -> bool {
        let cursor = member.reader.cursor();
        // Who stands between two frames keeps its place: a pong must cost no trip through
        // history, nor a place in the window log.
        let between = member.reader.reads_log()
            && self.logs.place_of(member.reader).is_some_and(|place| {
                let frame = place.log.frame_at(cursor);
                frame.is_none_or(|(mark, _)| mark.start == cursor)
            });
        between || self.detach(member)
    }

    /// Takes a stream out of its log, to which it comes back by way of history.
    ///
    /// If it stands inside a frame, the rest of that frame is kept in its outbox: what is put there then stands between
    /// two frames. Returns `false` if that would take more memory than allowed.
    #[must_use]
    pub fn detach(&mut self, member: Member<'_, K>) -> bool {
        let Member {
            reader, state, out, ..
        } = member;
        if !reader.reads_log() {
            return true;
        }
        let cursor = reader.cursor();
        let Some(name) = self.logs.place_of(reader).map(|place| place.name) else {
            return false;
        };
        // While the cursor still says what was sent: the account of a gzip stream is settled by it.
        self.logs.leave_log(reader, state);
        let Some(log) = self.logs.log(name) else {
            return false;
        };
        let next = match log.frame_at(cursor) {
            None => self.fed,
            Some((mark, _)) if mark.start == cursor => mark.offset,
            Some((mark, end)) => {
                // The peer has a part of the frame, and the log may give up the rest, without which the next
                // frame would be read as the end of this one. One copy serves all who stand in it.
                let found = self.partial_frames.find(name, mark.start);
                let max = self.limits.half_sent_bytes;
                let kept = found.or_else(|| {
                    let kept = KeptFrame::new(log.slice(mark.start..end), &self.shared, max)?;
                    self.partial_frames.note(name, mark.start, &kept);
                    Some(kept)
                });
                let Some(kept) = kept else {
                    reader.read_history(mark.offset);
                    return false;
                };
                out.hold(kept, (cursor - mark.start) as usize);
                // The rest of it is kept, so the frame counts as had.
                mark.offset + 1
            }
        };
        reader.read_history(next);
        true
    }
}
