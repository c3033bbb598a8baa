//! Events by topic: a bounded table that is kept only while somebody watches.

use std::collections::HashMap;

/// Topics that are told apart; the events of others are counted together.
const TOPICS_MAX: usize = 256;
/// Topics that a tick tells, the busiest ones.
const TOLD_MAX: usize = 50;

/// Counts since somebody began to watch.
#[derive(Debug, Default)]
pub(in crate::gateway) struct TopicRates {
    watched: bool,
    table: HashMap<Box<str>, Count>,
    other: Count,
}

/// The count of one topic, or of all that are not told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::gateway) struct Count {
    pub(in crate::gateway) events: u64,
    /// Bytes of data.
    pub(in crate::gateway) bytes: u64,
    /// `events` at the last tick.
    before: u64,
}

impl Count {
    fn add(&mut self, bytes: usize) {
        self.events += 1;
        self.bytes += bytes as u64;
    }
}

impl TopicRates {
    /// Begins with an empty table, or gives up its memory.
    pub(in crate::gateway) fn watch(&mut self, watched: bool) {
        // Not for who watches already: a second watcher would take away the first one's counts.
        if self.watched != watched {
            *self = Self {
                watched,
                ..Self::default()
            };
        }
    }

    pub(in crate::gateway) fn is_watched(&self) -> bool {
        self.watched
    }

    /// Counts an event.
    pub(in crate::gateway) fn count(&mut self, topic: &str, bytes: usize) {
        // Looked up twice for a new topic, so that a known one, which is nearly every event, allocates no name.
        if let Some(count) = self.table.get_mut(topic) {
            count.add(bytes);
        } else if self.table.len() < TOPICS_MAX {
            self.table.entry(topic.into()).or_default().add(bytes);
        } else {
            self.other.add(bytes);
        }
    }

    /// The busiest topics since the last tick, busiest first, and what all others have together.
    pub(super) fn top(&self) -> (Vec<(&str, Count)>, Count) {
        let mut all: Vec<(&str, Count)> = self
            .table
            .iter()
            .map(|(topic, count)| (&**topic, *count))
            .collect();
        all.sort_unstable_by_key(|(topic, count)| {
            // By name at last, so that rows with equal figures do not jump about from tick to tick.
            (
                std::cmp::Reverse((count.events - count.before, count.events)),
                *topic,
            )
        });
        let mut other = self.other;
        for (_, count) in all.drain(TOLD_MAX.min(all.len())..) {
            other.events += count.events;
            other.bytes += count.bytes;
        }
        (all, other)
    }

    /// Begins the next second. A full table forgets who was silent in the last one, so that topics
    /// that matter now find a place.
    pub(in crate::gateway) fn tick(&mut self) {
        // What is forgotten moves to the others, so that the sum of all rows stays the number of events.
        if self.table.len() == TOPICS_MAX {
            let other = &mut self.other;
            self.table.retain(|_, count| {
                let stays = count.events > count.before;
                if !stays {
                    other.events += count.events;
                    other.bytes += count.bytes;
                }
                stays
            });
        }
        for count in self.table.values_mut() {
            count.before = count.events;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_is_left_out_however_many_topics_there_are() {
        let mut topics = TopicRates::default();
        topics.watch(true);
        for round in 0..4 {
            for n in 0..1000 {
                topics.count(&format!("t.{}", n * (round + 1)), 2);
            }
            topics.tick();
            let (top, other) = topics.top();
            assert!(top.len() <= TOLD_MAX);
            let events: u64 = top.iter().map(|(_, count)| count.events).sum();
            assert_eq!(events + other.events, 1000 * (round + 1));
            let bytes: u64 = top.iter().map(|(_, count)| count.bytes).sum();
            assert_eq!(bytes + other.bytes, 2000 * (round + 1));
        }
    }

    #[test]
    fn a_busy_topic_finds_a_place_when_others_fall_silent() {
        let mut topics = TopicRates::default();
        topics.watch(true);
        for n in 0..TOPICS_MAX {
            topics.count(&format!("t.{n}"), 0);
        }
        topics.tick();
        topics.tick();
        topics.count("late", 7);
        assert_eq!(topics.top().0[0].0, "late");
    }

    #[test]
    fn nothing_is_kept_once_nobody_watches() {
        let mut topics = TopicRates::default();
        topics.watch(true);
        topics.count("a", 1);
        topics.watch(false);
        assert_eq!(topics.top(), (Vec::new(), Count::default()));
    }
}
