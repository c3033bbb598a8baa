//! How the service fills the frame logs, and who has to make room for it.

use std::ops::Range;

use crate::net::class::ClassId;
use crate::net::compress;
use crate::net::conns::conn::{Flags, Phase};
use crate::net::core::Core;
use crate::net::form::Codec;
use crate::net::form::FormId;
use crate::net::framelog::FrameLog;
use crate::net::service::Service;

/// Bytes that may be appended before every member had its turn: a quarter of a log. Above it the
/// reactor sends first and reads the ring later, so that nobody falls behind who need not.
const UNPUMPED_SHARE: usize = 4;

/// The frame logs, as the service sees them while it feeds.
pub struct Frames<'a, S: Service> {
    pub(in crate::net) core: &'a mut Core<S>,
    service_scratch: &'a mut Vec<u8>,
    /// Connections that have to go.
    pub(in crate::net) cut: &'a mut Vec<u32>,
}

impl<S: Service> Core<S> {
    /// Returns whether members must have their turn before more is appended.
    pub(in crate::net) fn is_full(&self) -> bool {
        self.unpumped >= self.limits.frame_log_bytes / UNPUMPED_SHARE
    }
}

impl<'a, S: Service> Frames<'a, S> {
    pub(in crate::net) fn new(
        core: &'a mut Core<S>,
        scratch: &'a mut Vec<u8>,
        cut: &'a mut Vec<u32>,
    ) -> Self {
        Self {
            core,
            service_scratch: scratch,
            cut,
        }
    }

    /// Returns whether more may be appended in this turn.
    pub fn has_room(&self) -> bool {
        !self.core.is_full()
    }

    /// Appends the event `offset` for `classes`, encoded once for each wire form among them.
    ///
    /// `encode` appends the frame of a form to the buffer. A frame over the log's bound is handed back
    /// to it with `oversize` set: then it writes what stands in for the frame.
    pub fn append(
        &mut self,
        offset: u64,
        classes: &[ClassId],
        mut encode: impl FnMut(FormId, bool, &mut Vec<u8>),
    ) {
        for form in FormId::all(S::FORMS) {
            // Nobody has come for this form yet: it is not even encoded.
            if self.core.logs[form.index()].is_none() {
                continue;
            }
            let mut ids = classes.iter().filter(|id| {
                self.core
                    .classes
                    .get(**id)
                    .is_some_and(|class| class.form == form)
            });
            let Some(first) = ids.next() else { continue };
            let rest: &mut dyn Iterator<Item = &ClassId> = &mut ids;
            let members = std::iter::once(first).chain(rest).copied();
            // The ids are few: collecting them ends the borrow of the class table.
            let members: smallvec::SmallVec<[ClassId; 8]> = members.collect();
            self.append_form(offset, form, &members, &mut encode);
        }
    }

    /// Says that the next event is not for every class that takes everything: from here on each of them lists its frames.
    pub fn list_frames(&mut self) {
        let Core { classes, logs, .. } = &mut *self.core;
        classes.list_frames(|form| logs[form.index()].as_ref().map_or(0, FrameLog::end));
    }

    /// Appends something that every member of every class gets, at the place of event `offset`.
    pub fn append_to_all(&mut self, offset: u64, encode: impl FnMut(FormId, bool, &mut Vec<u8>)) {
        let classes: Vec<ClassId> = self.core.classes.iter_mut().map(|(id, _)| id).collect();
        self.append(offset, &classes, encode);
    }

    /// The first offset that is not in the logs.
    pub fn fed(&self) -> u64 {
        self.core.fed
    }

    /// Says that everything before `offset` is in the logs or wanted by nobody.
    pub fn set_fed(&mut self, offset: u64) {
        debug_assert!(offset >= self.core.fed);
        self.core.fed = offset;
    }

    fn append_form(
        &mut self,
        offset: u64,
        form: FormId,
        classes: &[ClassId],
        encode: &mut impl FnMut(FormId, bool, &mut Vec<u8>),
    ) {
        let Some(log) = self.core.logs[form.index()].as_ref() else {
            return;
        };
        let codec = S::codec(form);
        // Judged before it is compressed: what does not become shorter has to fit as well.
        let largest = match codec {
            Codec::Identity | Codec::Brotli => log.largest_frame(),
            Codec::Gzip | Codec::Messages { .. } => compress::plain_max(log.largest_frame()),
        };
        self.service_scratch.clear();
        encode(form, false, self.service_scratch);
        // A frame that took more of the log would push everybody else out of it.
        if self.service_scratch.len() > largest {
            self.service_scratch.clear();
            encode(form, true, self.service_scratch);
        }
        let frame = std::mem::take(self.service_scratch);
        match codec {
            Codec::Identity | Codec::Brotli => self.append_plain(offset, form, classes, &frame),
            Codec::Gzip | Codec::Messages { .. } => {
                self.append_compressed(offset, form, classes, &frame);
            }
        }
        *self.service_scratch = frame;
    }

    fn append_plain(&mut self, offset: u64, form: FormId, classes: &[ClassId], frame: &[u8]) {
        let range = self.append_bytes(form, |log| log.append(offset, frame), frame.len());
        let Some(range) = range else { return };
        self.core.unpumped += frame.len();
        self.core.appended += 1;
        for id in classes {
            if let Some(class) = self.core.classes.get_mut(*id) {
                class.push(range.clone());
            }
            self.core.make_dirty(*id);
        }
    }

    /// Makes room for `len` bytes in the log of `form` and lets `append` use it.
    pub(in crate::net) fn append_bytes(
        &mut self,
        form: FormId,
        append: impl FnOnce(&mut FrameLog) -> Range<u64>,
        len: usize,
    ) -> Option<Range<u64>> {
        if let Some(tail) = self.core.logs[form.index()].as_ref()?.tail_for(len) {
            self.make_room(form, tail);
        }
        self.core.logs[form.index()].as_mut().map(append)
    }

    /// Gives up the log's bytes before `tail`, after everybody who stands there was moved.
    fn make_room(&mut self, form: FormId, tail: u64) {
        // Over all, but seldom: the tail moves by a sixteenth of the log at a time.
        for i in 0..self.core.hot.len() as u32 {
            let hot = self.core.hot(i);
            // The cursor of an aligned one is a byte of another log.
            if hot.phase != Phase::Log || hot.cursor >= tail || hot.flags.has(Flags::ALIGNED) {
                continue;
            }
            let (class, cursor) = (hot.class, hot.cursor);
            if self
                .core
                .classes
                .get(class)
                .is_none_or(|class| class.form != form)
            {
                continue;
            }
            match self.core.settle(i) {
                Some(settled) if settled >= tail => self.core.hot(i).cursor = settled,
                // Past frames of others, or inside a frame of its own.
                Some(settled) => {
                    self.core.hot(i).cursor = settled.max(cursor);
                    if !self.core.fall_behind(i) {
                        self.cut.push(i);
                        // Out of the log at once: nothing may point at bytes that go.
                        self.core.hot(i).phase = Phase::CatchUp;
                    }
                }
                None => self.cut.push(i),
            }
        }
        if let Some(log) = self.core.logs[form.index()].as_mut() {
            log.advance_tail(tail);
        }
        for (_, class) in self.core.classes.iter_mut() {
            if class.form == form {
                class.trim(tail);
            }
        }
    }
}
