//! Falling behind: from the frame log to history, with what was half-sent kept.

use std::sync::Arc;

use crate::net::conns::conn::{Flags, Phase};
use crate::net::core::Core;
use crate::net::service::Service;

impl<S: Service> Core<S> {
    /// Returns the byte of its log at which a stream really stands: past frames of other classes.
    pub(in crate::net) fn settle(&self, i: u32) -> Option<u64> {
        let hot = &self.hot[i as usize];
        let class = self.classes.get(hot.class)?;
        let log = self.logs[class.form.index()].as_ref()?;
        let next = class.next_range(hot.cursor, log.end());
        Some(next.map_or(log.end(), |range| range.start))
    }

    /// Sends connection `i` from its log to the service's history, since the log gives up its bytes or
    /// it may not be that far behind.
    ///
    /// Returns `false` if that would take more memory than allowed: then the connection must go.
    #[must_use]
    pub(in crate::net) fn fall_behind(&mut self, i: u32) -> bool {
        if !self.detach(i) {
            return false;
        }
        self.note_slow(i);
        self.counters.fell_behind.add(1);
        true
    }

    /// Sees to it that what becomes private of connection `i` stands between two frames: it stands there
    /// already, or is taken out of its log as [`detach`](Self::detach) does, with the same result. What
    /// is private leaves before anything from the log does.
    #[must_use]
    pub(in crate::net) fn make_way(&mut self, i: u32) -> bool {
        let cursor = self.hot(i).cursor;
        // Who stands between two frames keeps its place: a pong must cost no trip through
        // history, nor a place in the window log.
        let between = self.phase(i) == Phase::Log
            && self.log_of(i).is_some_and(|(_, _, log)| {
                let frame = log.frame_at(cursor);
                frame.is_none_or(|(mark, _)| mark.start == cursor)
            });
        between || self.detach(i)
    }

    /// Takes connection `i` out of its log, to which it comes back by way of history.
    ///
    /// If it stands inside a frame, the rest of that frame is kept for it: what becomes private then
    /// stands between two frames. Returns `false` if that would take more memory than allowed.
    #[must_use]
    pub(in crate::net) fn detach(&mut self, i: u32) -> bool {
        if self.phase(i) != Phase::Log {
            return true;
        }
        let cursor = self.hot(i).cursor;
        let Some(name) = self.log_of(i).map(|(_, name, _)| name) else {
            return false;
        };
        // While the cursor still says what was sent: the account of a gzip stream is settled by it.
        self.leave_log(i);
        let Some(log) = name.find(&self.logs, &self.classes) else {
            return false;
        };
        let next = match log.frame_at(cursor) {
            None => self.fed,
            Some((mark, _)) if mark.start == cursor => mark.offset,
            Some((mark, end)) => {
                // The peer has a part of the frame, and the log may give up the rest, without which the next
                // frame would be read as the end of this one. One copy serves all who stand in it.
                let frame = match self.partial_frames.find(name, mark.start) {
                    Some(frame) => frame,
                    None => {
                        let frame: Arc<[u8]> = log.slice(mark.start..end).into();
                        if !self
                            .reactors
                            .hold_half_sent(frame.len(), self.limits.half_sent_bytes)
                        {
                            let hot = self.hot(i);
                            hot.phase = Phase::CatchUp;
                            hot.cursor = mark.offset;
                            return false;
                        }
                        self.partial_frames.note(name, mark.start, &frame);
                        frame
                    }
                };
                let sent = (cursor - mark.start) as usize;
                self.out(i).frame = Some((frame, sent));
                // The rest of it is kept, so the frame counts as had.
                mark.offset + 1
            }
        };
        let hot = self.hot(i);
        hot.phase = Phase::CatchUp;
        hot.cursor = next;
        // A blocked one comes back by its edge.
        if !self.hot(i).flags.has(Flags::BLOCKED) {
            self.make_ready(i);
        }
        true
    }

    /// Gives back a saved frame; the last holder frees its memory.
    pub(in crate::net) fn release_frame(&mut self, frame: Arc<[u8]>) {
        // Counted once for all who share it. They are on this thread, so nobody joins between
        // this look and the drop.
        if Arc::strong_count(&frame) == 1 {
            self.reactors.release_half_sent(frame.len());
        }
    }
}
