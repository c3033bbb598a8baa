//! Where a receiver starts: at the oldest, at a time, at the last so many, at the newest of each topic.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Receiver;
use crate::event::{Event, EventRef};
use crate::hub::history::Kept;
use crate::ring;

impl Receiver {
    /// Begins with the oldest that the topics keep.
    pub(in crate::hub) fn seek_beginning(&mut self) {
        self.recall(1, self.subscriber.position() + 1, |_| true);
        self.note_position();
    }

    /// Takes the newest event of each topic, and goes to the end.
    pub(in crate::hub) fn seek_last_values(&mut self) {
        let floor = self.subscriber.position() + 1;
        self.recall(1, floor, |_| true);
        let mut newest: HashMap<u64, Kept> = HashMap::new();
        for kept in std::mem::take(&mut self.backlog) {
            let hash = Event::as_ref(&kept.1).topic_hash();
            newest.insert(hash, kept);
        }
        let (class, accept) = (self.class.clone(), self.accept.clone());
        self.look_over(|sequence, event| {
            if class.wants_at(sequence, event) && accept.as_ref().is_none_or(|accept| accept(event))
            {
                let kept = (sequence + 1, Arc::new(event.to_event()));
                newest.insert(event.topic_hash(), kept);
            }
            true
        });
        let mut kept: Vec<Kept> = newest.into_values().collect();
        kept.sort_unstable_by_key(|(offset, _)| *offset);
        self.backlog = kept.into();
        self.note_position();
    }

    /// Goes to the first event that is kept and not older than that.
    pub(in crate::hub) fn seek_time(&mut self, nanos: i64) {
        let floor = self.subscriber.position();
        let mut begun = false;
        self.recall(1, floor + 1, |event| {
            begun = begun || event.time() >= nanos;
            begun
        });
        if !self.backlog.is_empty() {
            return self.note_position();
        }
        let mut found = None;
        self.look_over(|sequence, event| {
            if event.time() >= nanos {
                found = Some(sequence);
            }
            found.is_none()
        });
        let sequence = found.unwrap_or_else(|| self.subscriber.position());
        // What was overwritten meanwhile is told as any other gap.
        let _ = self.subscriber.seek(sequence);
        self.note_position();
    }

    /// Goes to the last events that are wanted.
    pub(in crate::hub) fn seek_last(&mut self, count: usize) {
        let oldest = self.subscriber.position();
        let (class, accept) = (self.class.clone(), self.accept.clone());
        let mut last = VecDeque::new();
        self.look_over(|sequence, event| {
            if class.wants_at(sequence, event) && accept.as_ref().is_none_or(|accept| accept(event))
            {
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
        let short = count - last.len();
        self.complete = short == 0 || oldest == 0;
        if !self.complete {
            self.complete = self.recall(1, oldest + 1, |_| true) || self.backlog.len() >= short;
            let over = self.backlog.len().saturating_sub(short);
            self.backlog.drain(..over);
        }
        self.note_position();
    }

    /// Shows what is kept now, from the cursor on, until `look` says false; the cursor stands behind what was shown.
    fn look_over(&mut self, mut look: impl FnMut(u64, EventRef<'_>) -> bool) {
        let head = self.inner.ring.head();
        while self.subscriber.position() < head {
            let left = head - self.subscriber.position();
            let mut going = true;
            let read = self
                .subscriber
                .read_while(left as usize, |sequence, record| {
                    going = going && look(sequence, record.as_ref());
                    going
                });
            if !going
                || matches!(
                    read,
                    Err(ring::TryRecvError::Empty | ring::TryRecvError::Closed)
                )
            {
                return;
            }
        }
    }
}
