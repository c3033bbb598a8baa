//! Classes and the logs that their members read: where a stream stands, and how it passes from one log to another.

use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::Range;

use super::Format;
use super::class::{Class, Classes};
use super::form::{Codec, FormId};
use super::log::{FrameLog, LogName, Logs};
use super::reader::{Reader, StreamState};

/// A reader's class and log.
pub(super) struct Place<'a, K> {
    pub(super) class: &'a Class<K>,
    pub(super) name: LogName,
    pub(super) log: &'a FrameLog,
}

impl<K> Place<'_, K> {
    /// The next bytes for a reader at `cursor`; `None`: there is nothing to send.
    pub(super) fn next_range(&self, cursor: u64) -> Option<Range<u64>> {
        match self.name {
            // Aligned members get every frame of their window log: there are no extents to ask.
            LogName::Window(_) => (cursor < self.log.end()).then_some(cursor..self.log.end()),
            LogName::Form(_) => self.class.next_range(cursor, self.log.end()),
        }
    }

    /// Returns whether its log has given up what a reader at `cursor` wants next.
    pub(super) fn is_lost(&self, cursor: u64) -> bool {
        let is_form = matches!(self.name, LogName::Form(_));
        is_form && cursor < self.class.floor() && cursor < self.log.end()
    }
}

/// The classes of a fan-out and the logs of its wire forms.
pub(super) struct ClassLogs<K, F> {
    pub(super) classes: Classes<K>,
    /// The log of each wire form.
    pub(super) forms: Logs,
    format: PhantomData<F>,
}

impl<K: Clone + Eq + Hash, F: Format> ClassLogs<K, F> {
    /// Makes logs of so many bytes, when they are needed.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            classes: Classes::new(),
            forms: Logs::new(F::FORMS, bytes),
            format: PhantomData,
        }
    }

    pub(super) fn log(&self, name: LogName) -> Option<&FrameLog> {
        name.find(&self.forms, &self.classes)
    }

    pub(super) fn log_mut(&mut self, name: LogName) -> Option<&mut FrameLog> {
        name.find_mut(&mut self.forms, &mut self.classes)
    }

    // -- Where a stream stands

    /// The class of a stream and the log that it reads, or would read.
    pub(super) fn place_of(&self, reader: &Reader) -> Option<Place<'_, K>> {
        let id = reader.class();
        let class = self.classes.get(id)?;
        let name = if reader.is_aligned() {
            LogName::Window(id)
        } else {
            LogName::Form(class.form())
        };
        let log = self.log(name)?;
        Some(Place { class, name, log })
    }

    /// Returns the byte of its wire form's log at which a stream really stands: past frames of other classes.
    pub(super) fn settled(&self, reader: &Reader) -> Option<u64> {
        let class = self.classes.get(reader.class())?;
        let end = self.forms.get(class.form())?.end();
        let next = class.next_range(reader.cursor(), end);
        Some(next.map_or(end, |range| range.start))
    }

    /// Returns whether a stream has been given everything that there is for it.
    pub(super) fn is_caught_up(&self, reader: &Reader) -> bool {
        let Some(place) = self.place_of(reader).filter(|_| reader.reads_log()) else {
            return false;
        };
        let (cursor, end) = (reader.cursor(), place.log.end());
        match place.name {
            LogName::Window(_) => cursor == end,
            LogName::Form(_) => {
                cursor >= place.class.floor().min(end)
                    && place.class.next_range(cursor, end).is_none()
            }
        }
    }

    /// The offset of the next event for a stream that reads a log; `None`: it has all that is there.
    pub(super) fn next_offset(&self, reader: &Reader) -> Option<u64> {
        let cursor = reader.cursor();
        let place = self.place_of(reader)?;
        let frame = match place.name {
            LogName::Window(_) => place.log.frame_at(cursor),
            LogName::Form(_) => {
                let cursor = cursor.max(place.class.floor());
                let next = place.class.next_range(cursor, place.log.end())?;
                place.log.frame_at(next.start)
            }
        };
        frame.map(|(mark, _)| mark.offset)
    }

    // -- From log to log

    /// Has a stream read the form's log from byte `cursor` on.
    pub(super) fn begin_log(&mut self, reader: &mut Reader, cursor: u64) {
        reader.read_log(cursor);
        self.count_loose(reader, 1);
    }

    /// Passes a stream from the form's log to byte `start` of the window log, where a keyframe begins.
    pub(super) fn join_window(
        &mut self,
        reader: &mut Reader,
        state: &mut StreamState<K>,
        start: u64,
    ) {
        if let Some(class) = self.classes.get_mut(reader.class())
            && let Some(window) = class.window_log()
        {
            if let Some(sent) = state.sent_mut() {
                sent.join(window.log().sum_before(start));
            }
            class.count_loose(-1);
            reader.align(start);
        }
    }

    /// Takes a stream, which stands between two frames, out of the window log, if it reads one.
    pub(super) fn leave_window(&mut self, reader: &mut Reader, state: &mut StreamState<K>) {
        if !reader.is_aligned() {
            return;
        }
        let cursor = reader.cursor();
        self.leave_log(reader, state);
        let class = self.classes.get(reader.class());
        let Some((class, window)) = class.and_then(|class| Some((class, class.window_log()?)))
        else {
            return;
        };
        let end = self.forms.get(class.form()).map(FrameLog::end);
        match (window.log().frame_at(cursor), end) {
            // It has everything, so it goes on at the end of the form's log without a way through history.
            (None, Some(end)) => self.begin_log(reader, end),
            (Some((mark, _)), _) => {
                debug_assert_eq!(mark.start, cursor, "between two frames");
                // The form's log has this event elsewhere, or not at all: history finds it by its offset.
                reader.read_history(mark.offset);
            }
            (None, None) => {}
        }
    }

    /// Settles what a stream got from the log that it reads, the frame included that it stands in. It
    /// keeps source and cursor, which must change now.
    pub(super) fn leave_log(&mut self, reader: &mut Reader, state: &mut StreamState<K>) {
        if !reader.is_aligned() {
            return self.count_loose(reader, -1);
        }
        let cursor = reader.cursor();
        let sum = self
            .place_of(reader)
            .map(|place| place.log.sum_before(cursor));
        if let (Some(sum), Some(sent)) = (sum, state.sent_mut()) {
            sent.leave(sum);
        }
        reader.unalign();
    }

    fn count_loose(&mut self, reader: &Reader, more: i32) {
        if let Some(class) = self.classes.get_mut(reader.class())
            && matches!(F::codec(class.form()), Codec::Gzip | Codec::Messages { .. })
        {
            class.count_loose(more);
        }
    }

    /// Notes that a stream was sent the frames of its form's log that begin in these bytes.
    pub(super) fn digest_sent(&self, state: &mut StreamState<K>, form: FormId, bytes: Range<u64>) {
        if let Some(sent) = state.sent_mut()
            && let Some(log) = self.forms.get(form)
        {
            let (from, to) = (log.sum_before(bytes.start), log.sum_before(bytes.end));
            sent.extend(from, to);
        }
    }

    pub(super) fn form_of(&self, reader: &Reader) -> Option<FormId> {
        Some(self.classes.get(reader.class())?.form())
    }
}
