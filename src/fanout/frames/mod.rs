//! How new events get into the frame logs, and who has to make room for them.

mod compressed;
mod early;
mod window;

use std::hash::Hash;
use std::ops::Range;

use smallvec::SmallVec;

pub(in crate::fanout) use self::early::EarlyStreams;
use crate::fanout::class::ClassId;
use crate::fanout::class_logs::ClassLogs;
use crate::fanout::compress::plain_max;
use crate::fanout::form::{Codec, FormId};
use crate::fanout::log::FrameLog;
use crate::fanout::reader::Readers;
use crate::fanout::{Fanout, Format};

/// Bytes that may be appended before every member had its turn: a quarter of a log. Above it the
/// owner sends first and appends later, so that nobody falls behind who need not.
const UNVISITED_SHARE: usize = 4;

/// The frame logs, for as long as events are appended.
pub struct Frames<'a, K, F, R> {
    fanout: &'a mut Fanout<K, F>,
    readers: &'a mut R,
}

impl<K: Clone + Eq + Hash, F> Fanout<K, F> {
    /// Returns whether members must have their turn before more is appended.
    pub fn is_full(&self) -> bool {
        self.unvisited_bytes >= self.limits.frame_log_bytes / UNVISITED_SHARE
    }

    /// Gives access to the frame logs; `readers` are all streams, of which some may have to make room.
    pub fn frames<'a, R: Readers<K>>(&'a mut self, readers: &'a mut R) -> Frames<'a, K, F, R> {
        // All of it was true of the logs as they were.
        self.known.forget();
        self.heartbeats.forget();
        Frames {
            fanout: self,
            readers,
        }
    }
}

impl<K: Clone + Eq + Hash, F: Format, R: Readers<K>> Frames<'_, K, F, R> {
    /// Returns whether more may be appended in this turn.
    pub fn has_room(&self) -> bool {
        !self.fanout.is_full()
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
        for form in FormId::all(F::FORMS) {
            // Nobody has come for this form yet: it is not even encoded.
            if self.fanout.logs.forms.get(form).is_none() {
                continue;
            }
            let of_form = |id: &ClassId| {
                let class = self.fanout.logs.classes.get(*id);
                class.is_some_and(|class| class.form() == form)
            };
            // The ids are few: collecting them ends the borrow of the class table.
            let ids: SmallVec<[ClassId; 8]> = classes.iter().copied().filter(of_form).collect();
            if !ids.is_empty() {
                self.append_form(offset, form, &ids, &mut encode);
            }
        }
    }

    /// Says that the next event is not for every class that takes everything: from here on each of them lists its frames.
    pub fn list_frames(&mut self) {
        let ClassLogs { classes, forms, .. } = &mut self.fanout.logs;
        classes.list_frames(|form| forms.end(form));
    }

    /// Appends something that every member of every class gets, at the place of event `offset`.
    pub fn append_to_all(&mut self, offset: u64, encode: impl FnMut(FormId, bool, &mut Vec<u8>)) {
        let classes: Vec<ClassId> = self
            .fanout
            .logs
            .classes
            .iter_mut()
            .map(|(id, _)| id)
            .collect();
        self.append(offset, &classes, encode);
    }

    /// The first offset that is not in the logs.
    pub fn fed(&self) -> u64 {
        self.fanout.fed
    }

    /// Says that everything before `offset` is in the logs or wanted by nobody, and wakes the streams that begin with it.
    pub fn set_fed(&mut self, offset: u64) {
        debug_assert!(offset >= self.fanout.fed);
        self.fanout.fed = offset;
        while let Some(number) = self.fanout.early.next(offset) {
            self.readers.wake(number);
        }
    }

    /// Says that what comes before `offset` and is not in the logs is found in history alone: every stream leaves its log,
    /// and comes back to it by way of history.
    pub fn skip_to(&mut self, offset: u64) {
        // Over all, but seldom: only where the owner was overtaken.
        for number in 0..self.readers.count() {
            if let Some(member) = self.readers.get(number)
                && member.reader.reads_log()
            {
                let kept = self.fanout.detach(member);
                note_moved(self.readers, number, kept);
            }
        }
        // Whoever comes back must not find a place before the skip: the log goes on behind it as if nothing were missing.
        let ClassLogs { classes, forms, .. } = &mut self.fanout.logs;
        for (_, class) in classes.iter_mut() {
            class.trim(forms.end(class.form()));
        }
        self.set_fed(offset);
    }

    fn append_form(
        &mut self,
        offset: u64,
        form: FormId,
        classes: &[ClassId],
        encode: &mut impl FnMut(FormId, bool, &mut Vec<u8>),
    ) {
        let Some(log) = self.fanout.logs.forms.get(form) else {
            return;
        };
        let codec = F::codec(form);
        // Judged before it is compressed: what does not become shorter has to fit as well.
        let largest = match codec {
            Codec::Identity | Codec::Brotli => log.largest_frame(),
            Codec::Gzip | Codec::Messages { .. } => plain_max(log.largest_frame()),
        };
        // Taken and put back: one buffer serves all events, and none of them allocates.
        let mut frame = std::mem::take(&mut self.fanout.encoded);
        frame.clear();
        encode(form, false, &mut frame);
        // A frame that took more of the log would push everybody else out of it.
        if frame.len() > largest {
            frame.clear();
            encode(form, true, &mut frame);
        }
        match codec {
            Codec::Identity | Codec::Brotli => self.append_plain(offset, form, classes, &frame),
            Codec::Gzip | Codec::Messages { .. } => {
                self.append_compressed(offset, form, classes, &frame);
            }
        }
        self.fanout.encoded = frame;
    }

    fn append_plain(&mut self, offset: u64, form: FormId, classes: &[ClassId], frame: &[u8]) {
        let range = self.append_bytes(form, |log| log.append(offset, frame), frame.len());
        let Some(range) = range else { return };
        for id in classes {
            if let Some(class) = self.fanout.logs.classes.get_mut(*id) {
                class.push(range.clone());
            }
        }
        self.note_appended(classes, frame.len());
    }

    /// Counts an event that was appended, and queues the classes that want it.
    fn note_appended(&mut self, classes: &[ClassId], bytes: usize) {
        let Fanout {
            rounds,
            logs,
            now,
            unvisited_bytes,
            appended,
            ..
        } = &mut *self.fanout;
        *unvisited_bytes += bytes;
        *appended += 1;
        for id in classes {
            rounds.queue(*id, &mut logs.classes, *now);
        }
    }

    /// Makes room for `len` bytes in the log of `form` and lets `append` use it.
    fn append_bytes(
        &mut self,
        form: FormId,
        append: impl FnOnce(&mut FrameLog) -> Range<u64>,
        len: usize,
    ) -> Option<Range<u64>> {
        if let Some(tail) = self.fanout.logs.forms.get(form)?.tail_for(len) {
            self.make_room(form, tail);
        }
        self.fanout.logs.forms.get_mut(form).map(append)
    }

    /// Gives up the log's bytes before `tail`, after everybody who stands there was moved.
    fn make_room(&mut self, form: FormId, tail: u64) {
        // Over all, but seldom: the tail moves by a sixteenth of the log at a time.
        for number in 0..self.readers.count() {
            let Some(member) = self.readers.get(number) else {
                continue;
            };
            let reader = &*member.reader;
            // The cursor of an aligned one is a byte of another log.
            if !reader.reads_log() || reader.is_aligned() || reader.cursor() >= tail {
                continue;
            }
            let class = self.fanout.logs.classes.get(reader.class());
            if class.is_none_or(|class| class.form() != form) {
                continue;
            }
            if let Some(settled) = self.fanout.logs.settled(reader) {
                // Past frames of others, or inside a frame of its own.
                member.reader.advance(settled.max(member.reader.cursor()));
                if settled < tail {
                    let kept = self.fanout.fall_behind(member);
                    note_moved(self.readers, number, kept);
                }
            }
        }
        if let Some(log) = self.fanout.logs.forms.get_mut(form) {
            log.advance_tail(tail);
        }
        for (_, class) in self.fanout.logs.classes.iter_mut() {
            if class.form() == form {
                class.trim(tail);
            }
        }
    }
}

/// Has the owner of a stream that had to make way go on with it; `kept`: the rest of the frame that it stands in was kept.
fn note_moved<K>(readers: &mut impl Readers<K>, number: u32, kept: bool) {
    match kept {
        true => readers.wake(number),
        false => readers.cut(number),
    }
}
