//! Classes: connections that share a filter and a wire form, and the extents of the frames they want.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::ops::Range;
use std::time::Duration;

use crate::net::form::FormId;
use crate::net::window_log::{Entry, WindowLog};

/// Extents that one class keeps before it forgets the oldest. Whoever has not read those yet catches
/// up from the service instead. 16 bytes each.
const EXTENTS_MAX: usize = 4096;

/// Names a class while it has members. Ids are reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub(in crate::net) u32);

/// The recipe of a class: its name in the table, and how it is fed.
pub(in crate::net) struct ClassSpec<K> {
    pub(in crate::net) key: K,
    pub(in crate::net) form: FormId,
    /// `true`: the filter takes every event, so that the class keeps no extents.
    pub(in crate::net) everything: bool,
    /// The time for which it collects before its members are sent to; zero: it does not.
    pub(in crate::net) hold: Duration,
}

/// The state that the members of a class share.
pub(in crate::net) struct Class<K> {
    pub(in crate::net) key: K,
    /// The wire form, and so the frame log that its members read.
    pub(in crate::net) form: FormId,
    /// The frames of this class; `None`: every frame in the log from `floor` on.
    extents: Option<Extents>,
    /// Bytes of the log before this one are unknown to the class.
    floor: u64,
    /// The time for which it collects before its members are sent to; zero: it does not.
    pub(in crate::net) hold: Duration,
    /// Connections, in no order.
    pub(in crate::net) members: Vec<u32>,
    /// The index in `members` of the one visited last: the next pump starts behind it, so that nobody is always first.
    pub(in crate::net) pump_at: usize,
    /// Members that the pump has yet to visit; not 0 exactly while the class is queued for it.
    pub(in crate::net) pump_left: usize,
    /// In a compressed form: what aligned members read; there while there are enough members.
    pub(in crate::net) window_log: Option<Box<WindowLog>>,
    /// In a compressed form: how many members read the form's own log.
    pub(in crate::net) loose: u32,
    /// In a compressed form: the offset of the newest event; 0: there was none.
    pub(in crate::net) last: u64,
}

impl<K> Class<K> {
    /// Lists the frames of a class that took all there were, up to the log's `end`: the next one is not for it.
    fn list_frames(&mut self, end: u64) {
        let from = self.floor.min(end);
        self.extents.get_or_insert_with(|| {
            let all = (from < end).then_some(from..end);
            Extents(all.into_iter().collect())
        });
    }

    /// First byte of the log from which on the class knows its frames.
    pub(in crate::net) fn floor(&self) -> u64 {
        self.floor
    }

    /// Notes that the frame at `range` belongs to the class.
    pub(in crate::net) fn push(&mut self, range: Range<u64>) {
        if let Some(extents) = &mut self.extents
            && let Some(lost) = extents.push(range)
        {
            self.floor = self.floor.max(lost);
        }
    }

    /// The next bytes for a member at `cursor`, up to the log's `end`; `None`: nothing to send.
    pub(in crate::net) fn next_range(&self, cursor: u64, end: u64) -> Option<Range<u64>> {
        match &self.extents {
            None => (cursor < end).then_some(cursor..end),
            Some(extents) => extents.next(cursor),
        }
    }

    /// Returns the place where members may pass from the form's log to the window log.
    pub(in crate::net) fn entry(&self) -> Option<Entry> {
        self.window_log.as_ref()?.entry
    }

    /// Forgets what lies before the log's new `tail`.
    pub(in crate::net) fn trim(&mut self, tail: u64) {
        self.floor = self.floor.max(tail);
        if let Some(extents) = &mut self.extents {
            extents.trim(tail);
        }
    }
}

/// Ranges of a frame log, ascending, adjacent ones merged.
#[derive(Default)]
struct Extents(VecDeque<Range<u64>>);

impl Extents {
    /// Appends a range; returns the end of the oldest one if that had to go.
    fn push(&mut self, range: Range<u64>) -> Option<u64> {
        match self.0.back_mut() {
            // Frames in a row are one extent: a class that takes nearly all has few of them,
            // and sends a run in one go.
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.0.push_back(range),
        }
        (self.0.len() > EXTENTS_MAX).then(|| self.0.pop_front().map_or(0, |lost| lost.end))
    }

    fn next(&self, cursor: u64) -> Option<Range<u64>> {
        // Most members stand at the end: look there before searching.
        let last = self.0.back()?;
        if cursor >= last.start {
            return (cursor < last.end).then_some(cursor..last.end);
        }
        let first = self.0.partition_point(|extent| extent.end <= cursor);
        self.0
            .get(first)
            .map(|extent| extent.start.max(cursor)..extent.end)
    }

    fn trim(&mut self, tail: u64) {
        let gone = self.0.partition_point(|extent| extent.end <= tail);
        self.0.drain(..gone);
        // One extent may be many frames, and the tail the start of one in its middle.
        if let Some(first) = self.0.front_mut() {
            first.start = first.start.max(tail);
        }
        if self.0.is_empty() {
            // Classes are many and most are quiet: none keeps the memory of its busiest moment.
            self.0.shrink_to(0);
        }
    }
}

/// All classes that have members, found by key and form.
pub(in crate::net) struct Classes<K> {
    by_key: HashMap<(K, FormId), ClassId>,
    table: Vec<Option<Class<K>>>,
    free: Vec<u32>,
    /// Classes that take every frame of their log.
    whole: usize,
}

impl<K: Clone + Eq + Hash> Classes<K> {
    pub(in crate::net) fn new() -> Self {
        Self {
            by_key: HashMap::new(),
            table: Vec::new(),
            free: Vec::new(),
            whole: 0,
        }
    }

    pub(in crate::net) fn find(&self, key: &K, form: FormId) -> Option<ClassId> {
        self.by_key.get(&(key.clone(), form)).copied()
    }

    /// Makes a class whose frames are known from `floor` on.
    pub(in crate::net) fn open(&mut self, spec: ClassSpec<K>, floor: u64) -> ClassId {
        let ClassSpec {
            key,
            form,
            everything,
            hold,
        } = spec;
        let class = Class {
            key: key.clone(),
            form,
            extents: (!everything).then(Extents::default),
            floor,
            hold,
            members: Vec::new(),
            pump_at: 0,
            pump_left: 0,
            window_log: None,
            loose: 0,
            last: 0,
        };
        self.whole += usize::from(everything);
        let id = match self.free.pop() {
            Some(free) => {
                self.table[free as usize] = Some(class);
                ClassId(free)
            }
            None => {
                self.table.push(Some(class));
                ClassId(self.table.len() as u32 - 1)
            }
        };
        self.by_key.insert((key, form), id);
        id
    }

    /// Removes a class without members and returns its key.
    pub(in crate::net) fn close(&mut self, id: ClassId) -> Option<K> {
        let class = self.table[id.0 as usize].take()?;
        debug_assert!(class.members.is_empty());
        self.whole -= usize::from(class.extents.is_none());
        self.by_key.remove(&(class.key.clone(), class.form));
        self.free.push(id.0);
        Some(class.key)
    }

    /// Has every class list its frames, where it took all of its log up to here; `end` says how far a form's log goes.
    pub(in crate::net) fn list_frames(&mut self, end: impl Fn(FormId) -> u64) {
        // Asked for with every such event: behind the first one there is nothing left to do.
        if self.whole == 0 {
            return;
        }
        self.whole = 0;
        for class in self.table.iter_mut().flatten() {
            class.list_frames(end(class.form));
        }
    }

    pub(in crate::net) fn get(&self, id: ClassId) -> Option<&Class<K>> {
        self.table.get(id.0 as usize)?.as_ref()
    }

    pub(in crate::net) fn get_mut(&mut self, id: ClassId) -> Option<&mut Class<K>> {
        self.table.get_mut(id.0 as usize)?.as_mut()
    }

    pub(in crate::net) fn iter_mut(&mut self) -> impl Iterator<Item = (ClassId, &mut Class<K>)> {
        let slots = self.table.iter_mut().enumerate();
        slots.filter_map(|(i, slot)| slot.as_mut().map(|class| (ClassId(i as u32), class)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(form: u8, everything: bool) -> ClassSpec<()> {
        ClassSpec {
            key: (),
            form: FormId::new(form),
            everything,
            hold: Duration::ZERO,
        }
    }

    fn narrow() -> Class<()> {
        let mut classes = Classes::new();
        let id = classes.open(spec(0, false), 0);
        classes.table[id.0 as usize].take().unwrap()
    }

    #[test]
    fn adjacent_frames_are_one_range_and_others_are_skipped() {
        let mut class = narrow();
        class.push(10..20);
        class.push(20..30);
        class.push(50..60);
        assert_eq!(class.next_range(0, 100), Some(10..30));
        assert_eq!(class.next_range(25, 100), Some(25..30));
        assert_eq!(class.next_range(30, 100), Some(50..60));
        assert_eq!(class.next_range(60, 100), None);
    }

    #[test]
    fn a_class_that_took_everything_may_stop_to() {
        let mut classes = Classes::new();
        let id = classes.open(spec(0, true), 5);
        let late = classes.open(spec(1, true), 40);
        classes.list_frames(|_| 40);
        assert_eq!(classes.whole, 0);
        let class = classes.get_mut(id).unwrap();
        class.push(50..60);
        assert_eq!(class.next_range(5, 60), Some(5..40), "what it took stays");
        assert_eq!(class.next_range(40, 60), Some(50..60), "one was not for it");
        let late = classes.get_mut(late).unwrap();
        assert_eq!(late.next_range(40, 60), None, "it had none yet");
    }

    #[test]
    fn the_oldest_extent_goes_first_and_raises_the_floor() {
        let mut class = narrow();
        for i in 0..=EXTENTS_MAX as u64 {
            class.push(i * 10..i * 10 + 5);
        }
        assert_eq!(class.floor(), 5);
        assert_eq!(class.next_range(0, u64::MAX), Some(10..15));
    }

    #[test]
    fn trimming_follows_the_log() {
        let mut class = narrow();
        class.push(10..20);
        class.push(30..40);
        class.trim(35);
        assert_eq!(class.next_range(0, 100), Some(35..40));
        assert_eq!(class.floor(), 35);
    }
}
