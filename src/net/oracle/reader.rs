//! A reader of the log: where it stands by bytes, as a connection does, and by events, as the model does.

use super::model::Model;
use crate::net::class::Class;
use crate::net::framelog::FrameLog;
use crate::wire::deflate::Digest;

/// One reader.
pub(super) struct Reader {
    /// The class that it is a member of.
    pub(super) class: usize,
    /// Its place in the log; `None`: it reads history.
    cursor: Option<u64>,
    /// For the model: the first offset that it still wants.
    wanted: u64,
    /// For the model: how many bytes it has of the frame of that event.
    sent: usize,
    /// The sum of the plain bytes of all its frames, by the sums of the log.
    digest: Digest,
    /// The same, frame by frame.
    told: Digest,
}

impl Reader {
    /// A reader that has nothing yet.
    pub(super) fn new(class: usize) -> Self {
        Self {
            class,
            cursor: None,
            wanted: 1,
            sent: 0,
            digest: Digest::default(),
            told: Digest::default(),
        }
    }

    /// Begins anew with offset `fed`.
    pub(super) fn join(&mut self, fed: u64) {
        (self.cursor, self.wanted, self.sent) = (None, fed, 0);
    }

    /// Comes back for `offset`, unless it stands inside a frame.
    pub(super) fn resume(&mut self, offset: u64) {
        if self.sent == 0 {
            (self.cursor, self.wanted) = (None, offset);
        }
    }

    /// Passes from history to the log.
    pub(super) fn come_back(&mut self, log: &FrameLog, class: &Class<usize>, model: &Model) {
        if self.cursor.is_some() {
            return;
        }
        let oldest = log.frame_at(class.floor());
        let known_from = oldest.map_or(model.fed(), |(mark, _)| mark.offset);
        assert_eq!(known_from, model.known_from(self.class));
        // History has given it what was before.
        self.wanted = known_from.max(self.wanted);
        self.cursor = Some(log.start_of(self.wanted));
    }

    /// Leaves the bytes before `tail`: past frames of others, or to history with the rest of the frame
    /// that it stands in.
    pub(super) fn step_aside(
        &mut self,
        tail: u64,
        log: &FrameLog,
        class: &Class<usize>,
        model: &Model,
    ) {
        let Some(cursor) = self.cursor.filter(|cursor| *cursor < tail) else {
            return;
        };
        let next = class.next_range(cursor, log.end());
        let settled = next.map_or(log.end(), |range| range.start);
        if settled >= tail {
            self.cursor = Some(settled);
            return;
        }
        let (mark, end) = log.frame_at(settled).expect("there is a frame for it");
        let frame = model.next(self.class, self.wanted);
        let frame = frame.expect("the model has it, too");
        assert_eq!(mark.offset, frame.offset);
        assert_eq!(mark.start..end, frame.range);
        assert_eq!(settled, mark.start + self.sent as u64);
        if self.sent > 0 {
            assert_eq!(log.slice(settled..end), model.bytes(settled..end));
            (self.wanted, self.sent) = (mark.offset + 1, 0);
        }
        self.cursor = None;
    }

    /// Reads what comes next, `budget` bytes at most; the log counts plain bytes, or not.
    pub(super) fn read(
        &mut self,
        budget: u64,
        log: &mut FrameLog,
        counts: bool,
        class: &Class<usize>,
        model: &Model,
    ) {
        let cursor = self.cursor.expect("it came back");
        let next = class.next_range(cursor, log.end());
        assert_eq!(next, model.next_range(self.class, cursor));
        let frame = model.next(self.class, self.wanted);
        let Some(next) = next else {
            assert!(frame.is_none(), "there is more for it");
            return;
        };
        let frame = frame.expect("bytes are those of a frame");
        assert_eq!(next.start, frame.range.start + self.sent as u64);
        let end = next.end.min(next.start + budget);
        let begun = self.follow(log.slice(next.start..end), model);
        assert_eq!(log.begun_in(next.start..end), begun);
        assert_eq!(model.begun_in(next.start..end), begun);
        if counts {
            let (from, to) = (log.sum_before(next.start), log.sum_before(end));
            self.digest.extend(from, to);
            assert_eq!(self.digest, self.told);
        }
        self.cursor = Some(end);
    }

    /// Takes bytes as those of the frames that it wants; returns how many of them begin there.
    fn follow(&mut self, mut bytes: &[u8], model: &Model) -> u64 {
        let mut begun = 0;
        while !bytes.is_empty() {
            let frame = model.next(self.class, self.wanted);
            let frame = frame.expect("bytes are those of a frame");
            if self.sent == 0 {
                self.told.update(frame.plain());
                begun += 1;
            }
            let rest = &model.bytes(frame.range.clone())[self.sent..];
            let (now, later) = bytes.split_at(rest.len().min(bytes.len()));
            assert_eq!(now, &rest[..now.len()]);
            self.sent += now.len();
            if now.len() == rest.len() {
                (self.wanted, self.sent) = (frame.offset + 1, 0);
            }
            bytes = later;
        }
        begun
    }
}
