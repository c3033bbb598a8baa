//! Looking back: where the events of some topics stand, found without looking at any others.
//!
//! A scan of the ring for a topic that has few events cost as much as the ring is long, on the thread that also feeds
//! live streams. So each topic has a list of its offsets; one list is copied, several are merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use smallvec::SmallVec;

use crate::event::{EventRef, Filter, Pattern};

use super::TopicTable;
use super::history::RetainedEvent;
use super::offsets::Offsets;
use super::time_index;
use crate::hub::publish::Publisher;
use crate::hub::shared::Shared;
#[cfg(feature = "gateway")]
use crate::journal::Hole;
use crate::journal::JournalError;

/// Most topics whose events are looked up together. A pattern that takes more of them, of which the ring has events, is
/// looked for event by event: the merge holds the publisher's lock, and a scan does not.
pub(crate) const TOPICS_MERGED_MAX: usize = 256;
/// Most names of topics that are compared with the patterns of one filter, of those that begin as these do: publishers
/// wait meanwhile. For all patterns together, since a filter may have 64 of them.
const NAMES_MAX: usize = 1_024;

/// A set of topics whose events are looked up, as of one version of the table.
#[derive(Debug)]
pub(crate) struct TopicSet {
    indices: SmallVec<[u32; 4]>,
    /// An index means another topic, or topics are missing here, once the table has another version.
    version: u64,
}

/// The extent of the last events of some topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastEvents {
    /// The first of them; the next one to be published where there is none.
    pub(crate) from: u64,
    /// Their number from there on.
    pub(crate) found: u64,
}

/// The extent of a look-up: there are no other events of the topics from `floor` to below `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LookedUp {
    /// The oldest offset that the ring kept at that moment.
    pub(crate) floor: u64,
    /// The offset before which everything was found.
    pub(crate) to: u64,
}

/// The events that topics retained of a range.
pub(in crate::hub) struct Recalled {
    pub(in crate::hub) events: Vec<RetainedEvent>,
    /// Nothing of the range is missing.
    pub(in crate::hub) is_complete: bool,
}

/// A view of a hub by topic and by time.
#[derive(Clone, Copy)]
pub(crate) struct LookBack<'h> {
    shared: &'h Shared,
}

impl<'h> LookBack<'h> {
    pub(in crate::hub) fn new(shared: &'h Shared) -> Self {
        Self { shared }
    }

    /// Returns the topics that a filter and `also` take, as far as the ring has events of them; `None`: too many to
    /// look them up.
    pub(crate) fn topic_set(
        &self,
        filter: &Filter,
        also: impl Fn(&str) -> bool,
    ) -> Option<TopicSet> {
        let publisher = self.shared.publisher.lock();
        let topics = &publisher.topics;
        let (mut indices, mut left) = (SmallVec::new(), NAMES_MAX);
        for pattern in filter.patterns() {
            if pattern.is_literal() {
                let name = pattern.as_str();
                indices.extend(topics.index_of(name).filter(|_| also(name)));
            } else {
                left = gather(topics, pattern, left, &also, &mut indices)?;
            }
        }
        // Two patterns may take the same topic.
        indices.sort_unstable();
        indices.dedup();
        (indices.len() <= TOPICS_MERGED_MAX).then_some(TopicSet {
            indices,
            version: topics.version(),
        })
    }

    /// Returns whether the topics of a set are still these, and all.
    pub(crate) fn is_current(&self, set: &TopicSet) -> bool {
        self.shared.publisher.lock().topics.version() == set.version
    }

    /// Appends the offsets of the topics' events in a range, ascending, `max` at most; `None`: the set is out of date.
    pub(crate) fn offsets_in(
        &self,
        set: &TopicSet,
        range: Range<u64>,
        max: usize,
        out: &mut Vec<u64>,
    ) -> Option<LookedUp> {
        let publisher = self.shared.publisher.lock();
        let floor = publisher.floor();
        let range = range.start.max(floor)..range.end.min(publisher.visible() + 1);
        let lists = set.lists(&publisher)?;
        let full = match &lists[..] {
            [one] => copy(one, &range, max, out),
            many => merge(many, &range, max, out),
        };
        // Cut short, the last one found is as far as it goes: there may be another right behind it.
        let to = out
            .last()
            .filter(|_| full)
            .map_or(range.end, |last| last + 1);
        Some(LookedUp { floor, to })
    }

    /// Returns the last `count` events of the topics that the ring has; `None`: the set is out of date.
    pub(crate) fn last_of(&self, set: &TopicSet, count: u64) -> Option<LastEvents> {
        let publisher = self.shared.publisher.lock();
        let (floor, end) = (publisher.floor(), publisher.visible() + 1);
        let lists = set.lists(&publisher)?;
        let found_from = |from: u64| -> u64 {
            let each = lists.iter().map(|list| list.count_in(&(from..end)) as u64);
            each.sum()
        };
        let all = found_from(floor);
        if all <= count {
            let first = lists
                .iter()
                .filter_map(|list| list.get(list.place_of(floor)));
            let from = first.min().unwrap_or(end);
            return Some(LastEvents { from, found: all });
        }
        // The greatest place from which on there are so many; each offset is one event at most, so it is exact. A
        // search by offset counts every list some 16 times, whatever `count` is; a merge from the end would take
        // `count` steps.
        let (mut enough, mut few) = (floor, end);
        while few - enough > 1 {
            let middle = enough + (few - enough) / 2;
            match found_from(middle) >= count {
                true => enough = middle,
                false => few = middle,
            }
        }
        Some(LastEvents {
            from: if count == 0 { end } else { enough },
            found: count,
        })
    }

    /// Returns the last `count` events of all topics; `None`: there may be reserved ones among them, which `>` does not
    /// take.
    pub(in crate::hub) fn last_of_all(&self, count: u64) -> Option<LastEvents> {
        // Under the lock: an event counts as there when its topic does.
        let publisher = self.shared.publisher.lock();
        if publisher.topics.has_reserved() {
            return None;
        }
        let (floor, end) = (publisher.floor(), publisher.visible() + 1);
        let from = end.saturating_sub(count).max(floor);
        let found = end - from;
        Some(LastEvents { from, found })
    }

    /// Returns whether `>` takes every event there was: then what it misses is a difference of offsets.
    pub(crate) fn all_is_everything(&self) -> bool {
        !self.shared.publisher.lock().topics.has_reserved()
    }

    /// Returns the offset of the newest event of each of the topics, ascending; `None`: the set is out of date.
    pub(crate) fn newest_of(&self, set: &TopicSet) -> Option<Vec<u64>> {
        let publisher = self.shared.publisher.lock();
        let (floor, end) = (publisher.floor(), publisher.visible() + 1);
        let lists = set.lists(&publisher)?;
        let newest = lists.iter().filter_map(|list| list.last_below(end));
        let mut newest: Vec<u64> = newest.filter(|offset| *offset >= floor).collect();
        newest.sort_unstable();
        Some(newest)
    }

    /// Returns the first offset that may have been taken at a time or later: it is not too late, and too early only for
    /// events that came in a burst. The ring may have lost it.
    pub(crate) fn taken_since(&self, nanos: i64) -> u64 {
        // First, or what was published since the last mark would be given to whoever asks for a time after it.
        self.note_time();
        self.shared.times.lock().since(nanos)
    }

    /// Returns the first offset of some topics that was taken at a time or later. The journal, where there is one, knows it
    /// of each event that it has: it is read, on this thread. Of others it is as [`taken_since`](Self::taken_since).
    pub(in crate::hub) fn since(&self, nanos: i64, filter: &Filter) -> Result<u64, JournalError> {
        let taken = self.taken_since(nanos);
        let floor = self.shared.ring.oldest() + 1;
        let Some(journal) = self.shared.read_side.journal() else {
            return Ok(taken);
        };
        let is_lacking = self.may_lack(filter);
        if is_lacking && taken >= floor {
            return Ok(taken);
        }
        let stored = journal.since(nanos.div_euclid(1_000_000))?;
        Ok(match is_lacking {
            true => joined_since(taken, floor, stored),
            false => stored,
        })
    }

    /// As [`since`](Self::since); where that cannot be read, the oldest offset that is kept: too early, and never too late.
    pub(in crate::hub) fn since_or_oldest(&self, nanos: i64, filter: &Filter) -> u64 {
        let found = self.since(nanos, filter);
        found.unwrap_or_else(|_| self.oldest())
    }

    /// Returns when an event was taken, milliseconds since 1970, as far as it is known: not too early, and too late only for
    /// events that came in a burst.
    pub(in crate::hub) fn taken_at(&self, offset: u64) -> i64 {
        self.shared.times.lock().time_of(offset)
    }

    /// Returns the oldest offset that may be kept outside of the ring.
    pub(in crate::hub) fn oldest(&self) -> u64 {
        let journal = self.shared.read_side.journal();
        journal.map_or(1, |journal| journal.oldest())
    }

    /// Returns whether events may have been published on these topics that no journal has: the hub asks for no durability,
    /// or one of the topics that its settings name, or they did before, in this run of the process or in another. Of a topic
    /// that was deleted it is forgotten.
    pub(crate) fn may_lack(&self, filter: &Filter) -> bool {
        if self.shared.journal.is_none() {
            return false;
        }
        let publisher = self.shared.publisher.lock();
        publisher.topics.may_lack(filter)
    }

    /// Returns the ranges within some offsets that hold nothing since their commit failed, ascending.
    #[cfg(feature = "gateway")]
    pub(crate) fn voids(&self, offsets: &Range<u64>) -> Vec<Hole> {
        self.shared.voids(offsets)
    }

    /// Marks that what can be read now was there now.
    pub(crate) fn note_time(&self) {
        // The barrier first: what comes after it may have come later, and its driver says when.
        let (visible, now) = (self.shared.ring.visible(), time_index::now());
        self.shared.times.lock().mark(visible, now);
    }

    /// Returns the events that topics retained between two offsets. Only of topics that are named can it be known to be
    /// all of them: a pattern may have taken a topic that retains nothing.
    pub(in crate::hub) fn recall(
        &self,
        filter: &Filter,
        range: Range<u64>,
        wanted: impl FnMut(EventRef<'_>) -> bool,
    ) -> Recalled {
        // Cloned out of the publisher's lock: bringing the copies up to date may take long.
        let Some(histories) = self.shared.publisher.lock().histories.clone() else {
            return Recalled {
                events: Vec::new(),
                is_complete: false,
            };
        };
        let from = range.start;
        let events = histories.between(filter, range, wanted);
        let is_complete = filter
            .patterns()
            .iter()
            .all(|pattern| pattern.is_literal() && histories.is_complete(pattern.as_str(), from));
        Recalled {
            events,
            is_complete,
        }
    }
}

/// Joins what is known of a time: the first offset that may have been taken then by what is known of the ring, the ring's
/// floor at that moment, and the first one in the journal.
pub(crate) fn joined_since(taken: u64, floor: u64, stored: u64) -> u64 {
    // Above the floor there may be events that no journal gets: there the ring's times count, however early they are.
    match taken < floor {
        true => stored.min(floor),
        false => taken,
    }
}

impl TopicSet {
    fn lists<'w>(&self, publisher: &'w Publisher) -> Option<SmallVec<[&'w Offsets; 4]>> {
        if self.version != publisher.topics.version() {
            return None;
        }
        self.indices
            .iter()
            .map(|index| publisher.topics.offsets(*index))
            .collect()
    }
}

/// Adds the topics of a pattern, of which `left` names at most are compared. Returns how many may be compared for other
/// patterns; `None`: too many names begin as this one does.
fn gather(
    topics: &TopicTable,
    pattern: &Pattern,
    left: usize,
    also: &impl Fn(&str) -> bool,
    indices: &mut SmallVec<[u32; 4]>,
) -> Option<usize> {
    let text = pattern.as_str();
    let wildcard = text.split('.').position(|part| matches!(part, "*" | ">"))?;
    // The segments before the first wildcard, with their dots: names are kept in order, so only those that begin with
    // them are read.
    let fixed = text.split_inclusive('.').take(wildcard);
    let fixed = &text[..fixed.map(str::len).sum()];
    if fixed.is_empty() && topics.known() > left {
        return None;
    }
    let mut names = topics.with_prefix(fixed);
    let mut looked_at = 0;
    for (name, index) in names.by_ref().take(left) {
        looked_at += 1;
        if pattern.matches(name) && also(name) {
            indices.push(index);
        }
    }
    names.next().is_none().then_some(left - looked_at)
}

/// Appends one topic's offsets; returns whether there may be more.
fn copy(list: &Offsets, range: &Range<u64>, max: usize, out: &mut Vec<u64>) -> bool {
    let first = list.place_of(range.start);
    let end = list.place_of(range.end).min(first.saturating_add(max));
    out.extend((first..end).filter_map(|index| list.get(index)));
    end == first.saturating_add(max)
}

/// Appends several topics' offsets in order; returns whether there may be more.
fn merge(lists: &[&Offsets], range: &Range<u64>, max: usize, out: &mut Vec<u64>) -> bool {
    let next = |list: usize, index: usize| {
        let offset = lists[list].get(index).filter(|offset| *offset < range.end);
        offset.map(|offset| Reverse((offset, list, index)))
    };
    let firsts = (0..lists.len()).filter_map(|n| next(n, lists[n].place_of(range.start)));
    let mut heap: BinaryHeap<_> = firsts.collect();
    for _ in 0..max {
        let Some(Reverse((offset, list, index))) = heap.pop() else {
            return false;
        };
        out.push(offset);
        heap.extend(next(list, index + 1));
    }
    true
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::NAMES_MAX;
    use crate::event::{Event, Filter};
    use crate::hub::Hub;

    #[test]
    fn patterns_share_the_names_that_are_looked_at() {
        let hub = Hub::new();
        for n in 0..6_400 {
            let event = Event::builder(&format!("p{}.{n}", n % 64), "t").build();
            hub.publish(event.unwrap()).unwrap();
        }
        let looked_at = Cell::new(0);
        let look = |_: &str| {
            looked_at.set(looked_at.get() + 1);
            false
        };
        let ten: Vec<_> = (0..10).map(|n| format!("p{n}.*")).collect();
        let ten = Filter::parse(ten.iter().map(String::as_str)).unwrap();
        assert!(hub.shared.look_back().topic_set(&ten, look).is_some());
        assert_eq!(looked_at.take(), 1_000);
        let all: Vec<_> = (0..64).map(|n| format!("p{n}.*")).collect();
        let all = Filter::parse(all.iter().map(String::as_str)).unwrap();
        assert!(hub.shared.look_back().topic_set(&all, look).is_none());
        assert_eq!(looked_at.take(), NAMES_MAX);
    }
}
