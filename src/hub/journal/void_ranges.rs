//! The list of offsets that were given out and hold nothing, and the one order in which it and the barrier are looked at.

use std::collections::VecDeque;
use std::ops::Range;

use crate::sync::blocking::Mutex;
use crate::sync::{AtomicBool, Ordering};

/// Ranges that are kept: then the oldest goes, and of what came before its end nothing is known for certain.
pub const RANGES_MAX: usize = 4_096;

/// The ranges whose commit failed, each with the error.
///
/// Whoever asks what has come of a publish looks at the barrier first and at these second, and a range is added before
/// the barrier passes it: so what failed is never taken for visible. The models in `loom-tests/tests/hub_outcome.rs` check
/// this.
pub struct VoidRanges<E> {
    /// There are any: the one word that is looked at while nothing ever failed.
    any: AtomicBool,
    kept: Mutex<Kept<E>>,
}

struct Kept<E> {
    /// Ascending.
    ranges: VecDeque<VoidRange<E>>,
    /// Ranges that ended at it or before may be forgotten.
    forgotten_below: u64,
}

struct VoidRange<E> {
    offsets: Range<u64>,
    error: E,
}

/// The reason why some offsets are void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Void<E> {
    /// Their commit failed so.
    Failed(E),
    /// Their commit may have failed: too many others have since.
    Forgotten,
}

impl<E> Default for VoidRanges<E> {
    fn default() -> Self {
        Self {
            any: AtomicBool::new(false),
            kept: Mutex::new(Kept {
                ranges: VecDeque::new(),
                forgotten_below: 0,
            }),
        }
    }
}

impl<E: Clone + PartialEq> VoidRanges<E> {
    /// Adds a range. To be called before readers can pass it.
    pub fn add(&self, offsets: Range<u64>, error: &E) {
        self.kept.lock().add(offsets, error);
        // Release: pairs with the Acquire in `find`. Who sees the barrier behind the range sees this as well.
        self.any.store(true, Ordering::Release);
    }

    /// Returns what has come of some offsets, if that is known: nothing bad once readers have passed them, or why they
    /// are void. `visible` says how far readers see.
    pub fn outcome(
        &self,
        offsets: &Range<u64>,
        visible: impl FnOnce() -> u64,
    ) -> Option<Result<(), Void<E>>> {
        // The barrier before the voids: these are entered before it passes them.
        let visible = visible();
        if let Some(void) = self.find(offsets) {
            return Some(Err(void));
        }
        // An offset is one more than its sequence.
        (offsets.end <= visible + 1).then_some(Ok(()))
    }

    /// Returns why the first of some offsets that is void is.
    pub fn find(&self, offsets: &Range<u64>) -> Option<Void<E>> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let kept = self.kept.lock();
        let mut ranges = kept.ranges.iter();
        let found = ranges.find(|one| overlap(&one.offsets, offsets));
        let is_unknown = offsets.start < kept.forgotten_below;
        found
            .map(|one| Void::Failed(one.error.clone()))
            .or_else(|| is_unknown.then_some(Void::Forgotten))
    }

    /// Returns the ranges within some offsets, ascending.
    pub fn within(&self, offsets: &Range<u64>) -> Vec<(Range<u64>, E)> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let kept = self.kept.lock();
        let found = kept
            .ranges
            .iter()
            .filter(|one| overlap(&one.offsets, offsets));
        let mut within: Vec<_> = found
            .map(|one| {
                let range = one.offsets.start.max(offsets.start)..one.offsets.end.min(offsets.end);
                (range, one.error.clone())
            })
            .collect();
        within.sort_unstable_by_key(|(range, _)| range.start);
        within
    }
}

impl<E: Clone + PartialEq> Kept<E> {
    fn add(&mut self, offsets: Range<u64>, error: &E) {
        if let Some(last) = self.ranges.back_mut()
            && last.offsets.end == offsets.start
            && last.error == *error
        {
            last.offsets.end = offsets.end;
            return;
        }
        if self.ranges.len() == RANGES_MAX
            && let Some(oldest) = self.ranges.pop_front()
        {
            self.forgotten_below = self.forgotten_below.max(oldest.offsets.end);
        }
        let error = error.clone();
        self.ranges.push_back(VoidRange { offsets, error });
    }
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}
