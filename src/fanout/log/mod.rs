//! Frame logs: encoded frames in order, as bytes that are never in two pieces.

mod frame_log;
#[allow(unsafe_code)]
mod mirror;
mod partial_frames;
mod window_log;

use std::hash::Hash;

pub(in crate::fanout) use self::frame_log::FrameLog;
pub(in crate::fanout) use self::partial_frames::{KeptFrame, PartialFrames};
pub(in crate::fanout) use self::window_log::{Entry, MEMBERS_MIN, WindowLog};
use crate::fanout::class::{ClassId, Classes};
use crate::fanout::form::FormId;

/// Names a log while it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fanout) enum LogName {
    /// The log of a wire form.
    Form(FormId),
    /// The window log of a class.
    Window(ClassId),
}

impl LogName {
    pub(in crate::fanout) fn find<'a, K: Clone + Eq + Hash>(
        self,
        logs: &'a Logs,
        classes: &'a Classes<K>,
    ) -> Option<&'a FrameLog> {
        match self {
            Self::Form(form) => logs.get(form),
            Self::Window(id) => Some(classes.get(id)?.window_log()?.log()),
        }
    }

    pub(in crate::fanout) fn find_mut<'a, K: Clone + Eq + Hash>(
        self,
        logs: &'a mut Logs,
        classes: &'a mut Classes<K>,
    ) -> Option<&'a mut FrameLog> {
        match self {
            Self::Form(form) => logs.get_mut(form),
            Self::Window(id) => Some(classes.get_mut(id)?.window_log_mut()?.log_mut()),
        }
    }
}

/// The logs of wire forms, each made when its first stream comes.
pub(in crate::fanout) struct Logs {
    logs: Vec<Option<FrameLog>>,
    /// Bytes of each.
    bytes: usize,
}

impl Logs {
    pub(in crate::fanout) fn new(forms: usize, bytes: usize) -> Self {
        Self {
            logs: (0..forms).map(|_| None).collect(),
            bytes,
        }
    }

    pub(in crate::fanout) fn get(&self, form: FormId) -> Option<&FrameLog> {
        self.logs[form.index()].as_ref()
    }

    pub(in crate::fanout) fn get_mut(&mut self, form: FormId) -> Option<&mut FrameLog> {
        self.logs[form.index()].as_mut()
    }

    /// The log of a form, which is made if nobody has come for it yet.
    pub(in crate::fanout) fn get_or_make(&mut self, form: FormId) -> &mut FrameLog {
        let bytes = self.bytes;
        self.logs[form.index()].get_or_insert_with(|| FrameLog::new(bytes))
    }

    /// One past the last byte of the log of a form; 0: there is none.
    pub(in crate::fanout) fn end(&self, form: FormId) -> u64 {
        self.get(form).map_or(0, FrameLog::end)
    }
}
