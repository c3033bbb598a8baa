//! Frames that are kept for streams which stand inside them, each once for all of these.

use std::sync::{Arc, Weak};

use crate::net::compressed_reader::LogName;

/// Frames that are looked for; one that is older is kept once more for who comes to it then.
const SHARED_MAX: usize = 64;

/// The frames saved lately, by their log and their first byte.
#[derive(Default)]
pub(in crate::net) struct PartialFrames(Vec<(LogName, u64, Weak<[u8]>)>);

impl PartialFrames {
    /// The frame that begins at byte `start` of a log, if somebody still has it.
    pub(in crate::net) fn find(&self, log: LogName, start: u64) -> Option<Arc<[u8]>> {
        let mut saved = self.0.iter();
        let found = saved.find(|(name, at, _)| (*name, *at) == (log, start));
        found.and_then(|(_, _, frame)| frame.upgrade())
    }

    /// Notes a frame for those who come to it next.
    pub(in crate::net) fn note(&mut self, log: LogName, start: u64, frame: &Arc<[u8]>) {
        // Nobody holds these any more: places are for frames that can still be shared.
        self.0.retain(|(_, _, frame)| frame.strong_count() > 0);
        if self.0.len() == SHARED_MAX {
            self.0.remove(0);
        }
        // Weak: being noted must not keep a frame, whose bytes are counted until the last holder has sent it.
        self.0.push((log, start, Arc::downgrade(frame)));
    }

    /// Forgets all: a log is gone, and another one may get its name.
    pub(in crate::net) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::form::FormId;

    #[test]
    fn frames_are_found_as_long_as_somebody_has_them() {
        let mut saved = PartialFrames::default();
        let log = LogName::Form(FormId::new(0));
        let frames: Vec<Arc<[u8]>> = (0..2).map(|n| vec![n; 10].into()).collect();
        saved.note(log, 100, &frames[0]);
        saved.note(log, 200, &frames[1]);
        // Streams that stand in two frames by turns.
        for _ in 0..3 {
            assert_eq!(saved.find(log, 100).as_ref(), Some(&frames[0]));
            assert_eq!(saved.find(log, 200).as_ref(), Some(&frames[1]));
        }
        assert!(saved.find(LogName::Form(FormId::new(1)), 100).is_none());
        drop(frames);
        assert!(saved.find(log, 100).is_none());
    }

    #[test]
    fn only_the_newest_are_looked_for() {
        let mut saved = PartialFrames::default();
        let frame: Arc<[u8]> = vec![0; 10].into();
        for start in 0..=SHARED_MAX as u64 {
            saved.note(LogName::Form(FormId::new(0)), start, &frame);
        }
        assert!(saved.find(LogName::Form(FormId::new(0)), 0).is_none());
        assert!(saved.find(LogName::Form(FormId::new(0)), 1).is_some());
        saved.clear();
        assert!(saved.find(LogName::Form(FormId::new(0)), 1).is_none());
    }
}
