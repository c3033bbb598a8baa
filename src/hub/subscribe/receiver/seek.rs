//! The search for a receiver's start: the oldest event, a time, the last so many, the newest of each topic.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Receiver;
use crate::event::EventRef;
use crate::hub::topics::{LastEvents, LookBack, RetainedEvent, TopicSet};
use crate::ring;

impl Receiver {
    /// Begins with the oldest that the topics keep.
    pub(in crate::hub) fn seek_beginning(&mut self) {
        // What is older than the oldest that is kept was not asked for.
        if self.enter_past(1, false) {
            return self.note_position();
        }
        self.recall(1..self.subscriber.position() + 1);
        self.note_position();
    }

    /// Takes the newest event of each topic, and goes to the end.
    pub(in crate::hub) fn seek_last_values(&mut self) {
        let floor = self.subscriber.position() + 1;
        self.recall(1..floor);
        // First what topics retain, then what the ring has: the later one of a topic replaces the earlier.
        let mut newest: HashMap<u64, RetainedEvent> = HashMap::new();
        for kept in std::mem::take(&mut self.backlog) {
            let hash = kept.event.topic_hash();
            newest.insert(hash, kept);
        }
        // What is published from here on comes live, so it is no last value.
        let head = self.shared.ring.visible();
        let looked_up = self.looked_up(|look_back, set| look_back.newest_of(set));
        let (class, filter_fn) = (self.class.clone(), self.filter_fn.clone());
        let mut take = |sequence: u64, event: EventRef<'_>| {
            if class.wants_at(sequence, event)
                && filter_fn.as_ref().is_none_or(|filter_fn| filter_fn(event))
            {
                let kept = RetainedEvent {
                    offset: sequence + 1,
                    event: Arc::new(event.to_event()),
                };
                newest.insert(event.topic_hash(), kept);
            }
            true
        };
        match looked_up {
            Some(offsets) => {
                for offset in offsets.into_iter().filter(|offset| *offset <= head) {
                    if self.subscriber.seek(offset - 1).is_ok() {
                        // One that went meanwhile is as those that went before.
                        let _ = self.subscriber.read_while(1, |sequence, slot| {
                            slot.event().is_none_or(|event| take(sequence, event))
                        });
                    }
                }
                // Back to where live events begin, wherever the last look-up has led.
                let _ = self.subscriber.seek(head);
            }
            None => self.look_over(take),
        }
        let mut kept: Vec<RetainedEvent> = newest.into_values().collect();
        // A map has no order; what it holds is shown in that of its publishing.
        kept.sort_unstable_by_key(|one| one.offset);
        self.backlog = kept.into();
        self.note_position();
    }

    /// Goes to the first event that may have been taken at that time or later.
    pub(in crate::hub) fn seek_time(&mut self, nanos: i64) {
        let (floor, from) = (
            self.subscriber.position(),
            self.shared
                .look_back()
                .since_or_oldest(nanos, self.class.filter()),
        );
        if from <= floor && self.enter_past(from, false) {
            return self.note_position();
        }
        self.recall(from..floor + 1);
        // The event of an offset has the sequence before it. What was overwritten meanwhile is told as any other gap.
        let _ = self.subscriber.seek(floor.max(from - 1));
        self.note_position();
    }

    /// Goes to the last events that are wanted.
    pub(in crate::hub) fn seek_last(&mut self, count: usize) {
        let oldest = self.subscriber.position();
        let looked_up = match self.filter_fn.is_none() && self.class.event_filter().is_all() {
            true => self.shared.look_back().last_of_all(count as u64),
            false => self.looked_up(|look_back, set| look_back.last_of(set, count as u64)),
        };
        let found = match looked_up {
            Some(LastEvents { from, found }) => {
                let _ = self.subscriber.seek(from - 1);
                found as usize
            }
            None => self.scan_for_last(count),
        };
        // What the ring is short of may be in the journal, or in the topics' own copies.
        let short = count - found;
        self.complete = short == 0 || oldest == 0;
        if !self.complete
            && let Some(last) = self.last_in_past(short, oldest + 1)
        {
            self.complete = last.found == short || last.is_complete;
            if last.found > 0 {
                self.enter_past(last.from, false);
            }
        } else if !self.complete {
            self.complete = self.recall(1..oldest + 1) || self.backlog.len() >= short;
            // The newest are wanted, so what is too much goes from the front.
            let over = self.backlog.len().saturating_sub(short);
            self.backlog.drain(..over);
        }
        self.note_position();
    }

    /// Goes to the last events that are wanted by looking at all; returns how many there are.
    fn scan_for_last(&mut self, count: usize) -> usize {
        let (class, filter_fn) = (self.class.clone(), self.filter_fn.clone());
        let mut last = VecDeque::new();
        self.look_over(|sequence, event| {
            if class.wants_at(sequence, event)
                && filter_fn.as_ref().is_none_or(|filter_fn| filter_fn(event))
            {
                // A window of the last `count`, not a list of all: `count` may be small and the ring large.
                if last.len() == count {
                    last.pop_front();
                }
                last.push_back(sequence);
            }
            true
        });
        if let Some(first) = last.front() {
            let _ = self.subscriber.seek(*first);
        }
        last.len()
    }

    /// Returns whether its events are looked up: it wants some topics and asks for nothing else.
    pub(super) fn is_looked_up(&self) -> bool {
        let filter = self.class.event_filter();
        self.filter_fn.is_none() && filter.is_topics_only() && !filter.is_all()
    }

    /// Looks something up of the topics that are wanted; `None`: that takes looking at each event, for what it holds or
    /// because the topics are too many.
    fn looked_up<R>(&self, look: impl FnOnce(LookBack<'_>, &TopicSet) -> Option<R>) -> Option<R> {
        if !self.is_looked_up() {
            return None;
        }
        let look_back = self.shared.look_back();
        let set = look_back.topic_set(self.class.filter(), |_| true)?;
        look(look_back, &set)
    }

    /// Shows what is kept now, from the cursor on, until `look` says false; the cursor stands behind what was shown.
    fn look_over(&mut self, mut look: impl FnMut(u64, EventRef<'_>) -> bool) {
        // Taken once: a busy hub could keep it here for ever otherwise.
        let head = self.shared.ring.visible();
        while self.subscriber.position() < head {
            let left = head - self.subscriber.position();
            let mut going = true;
            let read = self.subscriber.read_while(left as usize, |sequence, slot| {
                going = going && slot.event().is_none_or(|event| look(sequence, event));
                going
            });
            if !going
                || matches!(
                    read,
                    Err(ring::TryRecvError::Empty | ring::TryRecvError::Closed { .. })
                )
            {
                return;
            }
        }
    }
}
