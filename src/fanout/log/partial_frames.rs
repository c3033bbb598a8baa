//! Frames that are kept for streams which stand inside them, each once for all of these.

use std::sync::{Arc, Weak};

use crate::fanout::counters::Shared;
use crate::fanout::log::LogName;

/// Frames that are looked for; one that is older is kept once more for who comes to it then.
const SHARED_MAX: usize = 64;

/// A frame that its log may have given up. Its bytes are counted until the last who holds it has sent it.
pub(in crate::fanout) struct KeptFrame {
    bytes: Box<[u8]>,
    shared: Arc<Shared>,
}

impl KeptFrame {
    /// Copies a frame; `None`: all kept frames together would have more than `max` bytes.
    pub(in crate::fanout) fn new(
        bytes: &[u8],
        shared: &Arc<Shared>,
        max: usize,
    ) -> Option<Arc<Self>> {
        shared.hold_half_sent(bytes.len(), max).then(|| {
            Arc::new(Self {
                bytes: bytes.into(),
                shared: shared.clone(),
            })
        })
    }
}

impl AsRef<[u8]> for KeptFrame {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for KeptFrame {
    fn drop(&mut self) {
        self.shared.release_half_sent(self.bytes.len());
    }
}

/// The frames kept lately, by their log and their first byte.
#[derive(Default)]
pub(in crate::fanout) struct PartialFrames(Vec<(LogName, u64, Weak<KeptFrame>)>);

impl PartialFrames {
    /// The frame that begins at byte `start` of a log, if somebody still has it.
    pub(in crate::fanout) fn find(&self, log: LogName, start: u64) -> Option<Arc<KeptFrame>> {
        let mut saved = self.0.iter();
        let found = saved.find(|(name, at, _)| (*name, *at) == (log, start));
        found.and_then(|(_, _, frame)| frame.upgrade())
    }

    /// Notes a frame for those who come to it next.
    pub(in crate::fanout) fn note(&mut self, log: LogName, start: u64, frame: &Arc<KeptFrame>) {
        // Nobody holds these any more: places are for frames that can still be shared.
        self.0.retain(|(_, _, frame)| frame.strong_count() > 0);
        if self.0.len() == SHARED_MAX {
            self.0.remove(0);
        }
        // Weak: being noted must not keep a frame, whose bytes are counted until the last holder has sent it.
        self.0.push((log, start, Arc::downgrade(frame)));
    }

    /// Forgets all: a log is gone, and another one may get its name.
    pub(in crate::fanout) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::form::FormId;

    fn kept(shared: &Arc<Shared>, byte: u8) -> Option<Arc<KeptFrame>> {
        KeptFrame::new(&[byte; 10], shared, 25)
    }

    #[test]
    fn frames_are_found_as_long_as_somebody_has_them() {
        let shared = Shared::new(1);
        let mut saved = PartialFrames::default();
        let log = LogName::Form(FormId::new(0));
        let frames: Vec<Arc<KeptFrame>> = (0..2).map(|n| kept(&shared, n).unwrap()).collect();
        assert!(kept(&shared, 2).is_none(), "over the bound");
        saved.note(log, 100, &frames[0]);
        saved.note(log, 200, &frames[1]);
        // Streams that stand in two frames by turns.
        for _ in 0..3 {
            assert!(Arc::ptr_eq(&saved.find(log, 100).unwrap(), &frames[0]));
            assert!(Arc::ptr_eq(&saved.find(log, 200).unwrap(), &frames[1]));
        }
        assert!(saved.find(LogName::Form(FormId::new(1)), 100).is_none());
        drop(frames);
        assert!(saved.find(log, 100).is_none());
        assert!(kept(&shared, 2).is_some(), "their bytes were given back");
    }

    #[test]
    fn only_the_newest_are_looked_for() {
        let mut saved = PartialFrames::default();
        let frame = kept(&Shared::new(1), 0).unwrap();
        for start in 0..=SHARED_MAX as u64 {
            saved.note(LogName::Form(FormId::new(0)), start, &frame);
        }
        assert!(saved.find(LogName::Form(FormId::new(0)), 0).is_none());
        assert!(saved.find(LogName::Form(FormId::new(0)), 1).is_some());
        saved.clear();
        assert!(saved.find(LogName::Form(FormId::new(0)), 1).is_none());
    }
}
