//! The table of classes.

use std::collections::HashMap;
use std::hash::Hash;

use crate::fanout::class::{Class, ClassId, ClassSpec, ClosedClass};
use crate::fanout::form::FormId;

/// All classes that have members, found by key and form.
pub(in crate::fanout) struct Classes<K> {
    by_key: HashMap<(K, FormId), ClassId>,
    table: Vec<Option<Class<K>>>,
    free: Vec<u32>,
    /// Classes that take every frame of their log.
    whole: usize,
}

impl<K: Clone + Eq + Hash> Classes<K> {
    pub(in crate::fanout) fn new() -> Self {
        Self {
            by_key: HashMap::new(),
            table: Vec::new(),
            free: Vec::new(),
            whole: 0,
        }
    }

    pub(in crate::fanout) fn find(&self, key: &K, form: FormId) -> Option<ClassId> {
        self.by_key.get(&(key.clone(), form)).copied()
    }

    /// Makes a class whose frames are known from `floor` on.
    pub(in crate::fanout) fn open(&mut self, spec: ClassSpec<K>, floor: u64) -> ClassId {
        let (key, form) = (spec.key.clone(), spec.form);
        let class = Class::new(spec, floor);
        self.whole += usize::from(class.takes_all());
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

    /// Removes a class without members.
    pub(in crate::fanout) fn close(&mut self, id: ClassId) -> Option<ClosedClass<K>> {
        let class = self.table[id.0 as usize].take()?;
        debug_assert!(class.members().is_empty());
        self.whole -= usize::from(class.takes_all());
        let form = class.form();
        self.by_key.remove(&(class.key().clone(), form));
        self.free.push(id.0);
        Some(ClosedClass {
            id,
            key: class.into_key(),
            form,
        })
    }

    /// Has every class list its frames, where it took all of its log up to here; `end` says how far a form's log goes.
    pub(in crate::fanout) fn list_frames(&mut self, end: impl Fn(FormId) -> u64) {
        // Asked for with every such event: behind the first one there is nothing left to do.
        if self.whole == 0 {
            return;
        }
        self.whole = 0;
        for class in self.table.iter_mut().flatten() {
            class.list_frames(end(class.form()));
        }
    }

    pub(in crate::fanout) fn get(&self, id: ClassId) -> Option<&Class<K>> {
        self.table.get(id.0 as usize)?.as_ref()
    }

    pub(in crate::fanout) fn get_mut(&mut self, id: ClassId) -> Option<&mut Class<K>> {
        self.table.get_mut(id.0 as usize)?.as_mut()
    }

    pub(in crate::fanout) fn iter_mut(&mut self) -> impl Iterator<Item = (ClassId, &mut Class<K>)> {
        let slots = self.table.iter_mut().enumerate();
        slots.filter_map(|(i, slot)| slot.as_mut().map(|class| (ClassId(i as u32), class)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::class::extents::EXTENTS_MAX;
    use std::time::Duration;

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
