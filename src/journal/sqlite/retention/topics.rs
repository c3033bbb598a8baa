//! Topics with bounds of their own.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::buckets::{Excess, TopicBuckets};
use crate::event::Filter;
use crate::journal::sqlite::read::SqliteReader;
use crate::journal::sqlite::view::View;
use crate::journal::{JournalReader, Retention, RoundEvent, Scan};

/// Topics with bounds of their own, at most: each has buckets of up to 4 KiB, and all of it is looked through when the journal
/// opens. The bounds of a further one are not kept.
pub(super) const TOPICS_MAX: usize = 4096;
/// Floors that are raised in a step.
const STEP: usize = 256;
/// Tries to look through a topic after which what could not be read counts for nothing.
const TRIES: u32 = 5;
/// Events that are looked through in a step, at most; a call of a reader is bounded by time as well.
const EVENTS: usize = 4096;

/// The topics, by the hash of a topic. Of two topics with one hash the first has its bounds kept.
#[derive(Debug, Default)]
pub(super) struct Topics {
    topics: HashMap<u64, Topic>,
    /// Topics that are to be looked through still.
    building: Vec<u64>,
    reader: Option<SqliteReader>,
    /// A topic may have more than its bounds.
    pub(super) is_due: bool,
}

#[derive(Debug)]
struct Topic {
    name: Box<str>,
    buckets: TopicBuckets,
    /// Offsets that are to be looked through, from their end.
    unread: Range<u64>,
    /// Tries that failed.
    tries: u32,
}

/// A floor that is to be raised.
#[derive(Debug)]
pub(super) struct Raise {
    hash: u64,
    pub(super) name: Box<str>,
    pub(super) streams: bool,
    pub(super) excess: Excess,
}

impl Topics {
    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Sets the bounds of a topic. What is there of it is looked through by and by.
    pub(super) fn set(&mut self, name: &str, bounds: Retention, last: u64) {
        let hash = crate::event::topic::hash(name);
        let is_room = self.topics.len() < TOPICS_MAX;
        let known = self.topics.get_mut(&hash);
        if !bounds.is_bounded() {
            if known.is_some_and(|topic| *topic.name == *name) {
                self.topics.remove(&hash);
                self.building.retain(|building| *building != hash);
            }
            return;
        }
        match known {
            Some(topic) if *topic.name != *name => return,
            // The same events count.
            Some(topic) if topic.buckets.bounds().streams == bounds.streams => {
                topic.buckets.set_bounds(bounds);
            }
            None if !is_room => return,
            _ => {
                let topic = Topic {
                    name: name.into(),
                    buckets: TopicBuckets::new(bounds),
                    unread: 1..last + 1,
                    tries: 0,
                };
                self.topics.insert(hash, topic);
                self.building.retain(|building| *building != hash);
                self.building.push(hash);
            }
        }
        self.is_due = true;
    }

    /// Counts the events of a round.
    pub(super) fn committed(&mut self, events: &[RoundEvent<'_>]) {
        for one in events {
            if let Some(topic) = self.topics.get_mut(&one.event.topic_hash())
                && *topic.name == *one.event.topic()
                && (one.version.is_none() || topic.buckets.bounds().streams)
            {
                let bytes = one.event.record().len() as u64;
                self.is_due |= topic.buckets.add(one.offset, one.recorded, bytes, false);
            }
        }
    }

    /// Forgets what was truncated.
    pub(super) fn truncated(&mut self, name: &str, below: u64) {
        if let Some(topic) = self.topics.get_mut(&crate::event::topic::hash(name)) {
            topic.buckets.forget_below(below);
        }
    }

    /// Counts a topic anew, from which events went that no bound asked for. Its bounds wait for that.
    pub(super) fn recount(&mut self, name: &str, last: u64) {
        let hash = crate::event::topic::hash(name);
        if let Some(topic) = self.topics.get_mut(&hash).filter(|it| *it.name == *name) {
            topic.buckets = TopicBuckets::new(*topic.buckets.bounds());
            (topic.unread, topic.tries) = (1..last + 1, 0);
            self.building.retain(|building| *building != hash);
            self.building.push(hash);
        }
    }

    /// Returns whether any bound is one of age.
    pub(super) fn have_ages(&self) -> bool {
        let mut all = self.topics.values();
        all.any(|topic| topic.buckets.bounds().age.is_some())
    }

    pub(super) fn is_building(&self) -> bool {
        !self.building.is_empty()
    }

    /// Looks through a part of what is there of a topic; returns whether that could be read. What cannot be read after some tries counts
    /// for nothing.
    pub(super) fn build(&mut self, view: &Arc<View>) -> bool {
        let Some(hash) = self.building.last() else {
            return true;
        };
        let Some(topic) = self.topics.get_mut(hash) else {
            self.building.pop();
            return true;
        };
        if self.reader.is_none() && !topic.unread.is_empty() {
            self.reader = SqliteReader::open(view).ok();
        }
        let filter = Filter::parse([&*topic.name]).ok();
        let mut is_error = self.reader.is_none() && !topic.unread.is_empty();
        match (&mut self.reader, filter) {
            (Some(reader), Some(filter)) if !topic.unread.is_empty() => {
                let scan = Scan::new(&filter, topic.unread.clone());
                let scan = scan.descending(true).events_max(EVENTS);
                let streams = topic.buckets.bounds().streams;
                let buckets = &mut topic.buckets;
                let unread = &mut topic.unread;
                let end = reader.read(&scan, &mut |stored| {
                    unread.end = stored.offset;
                    if stored.version.is_none() || streams {
                        let bytes = stored.event.record().len() as u64;
                        _ = buckets.add(stored.offset, stored.recorded, bytes, true);
                    }
                    ControlFlow::Continue(())
                });
                match end {
                    Ok(end) => topic.unread.end = end.next,
                    Err(_) => is_error = true,
                }
            }
            (Some(_), _) => topic.unread.end = topic.unread.start,
            (None, _) => {}
        }
        topic.tries += u32::from(is_error);
        if topic.tries >= TRIES {
            topic.unread.end = topic.unread.start;
        }
        if topic.unread.is_empty() {
            self.building.pop();
            self.is_due = true;
        }
        if self.building.is_empty() || is_error {
            self.reader = None;
        }
        !is_error
    }

    /// Returns the floors that are to be raised, a bounded number of them, and whether somebody needs what would go as well. Ages
    /// count only where the time is known.
    pub(super) fn raises(&self, wall: Option<i64>, hold: u64) -> (Vec<Raise>, bool) {
        let mut is_held = false;
        let raises = self.topics.iter().filter_map(|(hash, topic)| {
            // Of one that is not looked through yet it is not known what is the oldest.
            if !topic.unread.is_empty() {
                return None;
            }
            let bounds = topic.buckets.bounds();
            let age = bounds
                .age
                .map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
            let older_than = wall.zip(age).map(|(wall, age)| wall.saturating_sub(age));
            let excess = topic.buckets.excess(older_than, hold);
            is_held |= excess.is_held;
            (excess.buckets > 0).then(|| Raise {
                hash: *hash,
                name: topic.name.clone(),
                streams: bounds.streams,
                excess,
            })
        });
        let raises = raises.take(STEP).collect();
        (raises, is_held)
    }

    /// Notes that floors were raised; returns whether there are more.
    pub(super) fn raised(&mut self, raises: &[Raise]) -> bool {
        for raise in raises {
            if let Some(topic) = self.topics.get_mut(&raise.hash) {
                topic.buckets.pop(raise.excess.buckets);
            }
        }
        self.is_due = raises.len() == STEP || raises.iter().any(|raise| raise.excess.has_more);
        self.is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    fn commit(topics: &mut Topics, offset: u64) {
        let event = Event::builder("t", "t").build().unwrap();
        topics.committed(&[RoundEvent::new(offset, 0, event.as_ref())]);
    }

    #[test]
    fn bounds_are_due_once_one_is_exceeded() {
        let view = View::new("nowhere".into(), None, Arc::default(), None, Vec::new());
        let view = Arc::new(view);
        let mut topics = Topics::default();
        topics.set("t", Retention::default().events(Some(100)), 0);
        assert!(topics.build(&view));
        topics.is_due = false;
        for offset in 1..=100 {
            commit(&mut topics, offset);
            assert!(!topics.is_due, "{offset}");
        }
        (101..=103).for_each(|offset| commit(&mut topics, offset));
        assert!(topics.is_due);
    }

    #[test]
    fn what_cannot_be_read_is_tried_again() {
        let view = View::new(
            "nowhere/at/all".into(),
            None,
            Arc::default(),
            None,
            Vec::new(),
        );
        let view = Arc::new(view);
        let mut topics = Topics::default();
        topics.set("t", Retention::default().events(Some(1)), 1_000);
        (1_001..=1_010).for_each(|offset| commit(&mut topics, offset));
        for _ in 1..TRIES {
            assert!(!topics.build(&view));
            assert!(topics.is_building());
            assert_eq!(topics.raises(None, u64::MAX).0.len(), 0);
        }
        assert!(!topics.build(&view));
        assert!(!topics.is_building());
        assert_eq!(topics.raises(None, u64::MAX).0.len(), 1);
    }
}
