//! Reading: the events that topics retained, then the ring, showing those that the filter takes.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::past::{PastScan, ReadOn};
use super::{Delivery, Receiver, copy};
use crate::event::{Event, EventRef, Position};
use crate::hub::slot::SlotView;
use crate::hub::topics::{LookedUp, Recalled, RetainedEvent};
use crate::hub::{Gap, GapReason, TryReceiveError};
use crate::ring;

/// Events ahead that are looked at rather than looked up: a look-up takes the publisher's lock.
const FAR: u64 = 256;
/// Most look-ups of a receiver's topics, under the publisher's lock: one more whenever a topic came or went. After
/// that, and at once where the topics are too many, it looks at each event.
pub(super) const LOOK_UPS_MAX: u32 = 64;

impl Receiver {
    /// Receives the next event up to an offset if there is one; what comes later stays.
    pub(in crate::hub) fn next_below(
        &mut self,
        last: u64,
        read_on: ReadOn,
    ) -> Result<Delivery, TryReceiveError> {
        self.end_wait();
        self.scan_next(last, read_on)
    }

    /// As [`next_below`](Self::next_below), also of one that may be asleep.
    pub(super) fn scan_next(
        &mut self,
        last: u64,
        read_on: ReadOn,
    ) -> Result<Delivery, TryReceiveError> {
        let mut seen = None;
        self.scan_to(last, read_on, |position, event| {
            seen = Some(copy(position, event));
            false
        })?;
        seen.ok_or(TryReceiveError::Empty)
    }

    /// Walks over what was published when it began, showing what is wanted while `look` says true. The event that
    /// `look` says false to is passed too. An error says that nothing wanted came before it.
    pub(super) fn scan(
        &mut self,
        look: impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<(), TryReceiveError> {
        self.scan_to(u64::MAX, ReadOn::Caller, look)
    }

    fn scan_to(
        &mut self,
        last: u64,
        read_on: ReadOn,
        mut look: impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<(), TryReceiveError> {
        loop {
            if self.past.is_some() {
                match self.scan_past(last, read_on, &mut look)? {
                    PastScan::Joined => {}
                    PastScan::Stopped | PastScan::Unfinished => return Ok(()),
                }
            }
            let scanned = match self.backlog.is_empty() {
                true => self.scan_ring(last, &mut look),
                false => self.scan_backlog(&mut look),
            };
            let Err(TryReceiveError::Gap(gap)) = scanned else {
                return scanned;
            };
            if gap.reason != GapReason::Overrun {
                self.note_gap(gap);
                return scanned;
            }
            // Only what the topics' own copies cannot make up for is a gap.
            if let Some(gap) = self.refill(gap) {
                self.note_gap(gap);
                return Err(TryReceiveError::Gap(gap));
            }
        }
    }

    fn scan_backlog(
        &mut self,
        mut look: impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<(), TryReceiveError> {
        let epoch = self.shared.epoch;
        let (mut going, mut count, mut time) = (true, 0, 0);
        while going && let Some(RetainedEvent { offset, event }) = self.backlog.front() {
            if let Some(reason) = self.entry.ended() {
                // What was shown is told first; its end comes with the next receive.
                if count == 0 {
                    return Err(reason.into());
                }
                break;
            }
            let offset = *offset;
            going = look(Position { epoch, offset }, Event::as_ref(event));
            time = event.time();
            count += 1;
            self.backlog.pop_front();
        }
        self.note(count, time);
        Ok(())
    }

    /// Takes what topics kept of what the ring has no more. Returns what to tell of the rest, if anything is missing.
    fn refill(&mut self, gap: Gap) -> Option<Gap> {
        let (from, below) = (gap.resume_at - gap.missed, gap.resume_at);
        // The journal has it, or says what it has not.
        if self.enter_past(from, true) {
            return None;
        }
        if self.recall(from..below) {
            return None;
        }
        let resume_at = self.backlog.front().map_or(gap.resume_at, |one| one.offset);
        Some(Gap {
            // What the topics' own copies have is not missed.
            missed: gap.missed - self.backlog.len() as u64,
            resume_at,
            ..gap
        })
    }

    /// Fills the backlog with what is wanted of those offsets; returns whether that is all there was.
    pub(super) fn recall(&mut self, range: Range<u64>) -> bool {
        let (class, filter_fn) = (&self.class, self.filter_fn.as_deref());
        let wanted = |event: EventRef<'_>| class.wants(event);
        let look_back = self.shared.look_back();
        let Recalled {
            mut events,
            is_complete,
        } = look_back.recall(class.filter(), range, wanted);
        // The subscriber's own code runs here, when the lock of what is retained is released: it may use the hub.
        events.retain(|one| filter_fn.is_none_or(|filter_fn| filter_fn(Event::as_ref(&one.event))));
        self.backlog = events.into();
        is_complete
    }

    fn scan_ring(
        &mut self,
        last: u64,
        mut look: impl FnMut(Position, EventRef<'_>) -> bool,
    ) -> Result<(), TryReceiveError> {
        self.skip_others();
        let (epoch, class, entry) = (self.shared.epoch, &*self.class, &*self.entry);
        let (after, voids_told) = (self.after, self.voids_told);
        let mut void = None;
        let filter_fn = self.filter_fn.as_deref();
        let (mut going, mut count, mut time) = (true, 0, 0);
        // What comes meanwhile is for the next time, so that a busy hub cannot keep a quiet receiver here. At least
        // one, or an empty ring would never say that it is closed.
        let mut left = self.subscriber.lag().max(1);
        left = left.min(last.saturating_sub(self.subscriber.position()));
        let mut outcome = Ok(());
        while outcome.is_ok() && count == 0 && left > 0 {
            if let Some(reason) = entry.ended() {
                outcome = Err(reason.into());
                break;
            }
            let read = self.subscriber.read_while(left as usize, |sequence, slot| {
                if !going {
                    return false;
                }
                let event = match slot.view() {
                    SlotView::Live(event) => event,
                    // Somebody asked for that: nothing is told.
                    SlotView::Deleted => return true,
                    SlotView::Void => {
                        // What was not committed is told, once: behind what was shown before it.
                        void = (sequence >= voids_told).then_some(sequence);
                        going = void.is_none();
                        return going || count == 0;
                    }
                };
                if sequence >= after
                    && class.wants_at(sequence, event)
                    && filter_fn.is_none_or(|filter_fn| filter_fn(event))
                {
                    // Once more before it is shown: unsubscribing has returned, so nothing may be shown any more.
                    if entry.ended().is_some() {
                        going = false;
                        return false;
                    }
                    going = look(
                        Position {
                            epoch,
                            offset: sequence + 1,
                        },
                        event,
                    );
                    count += 1;
                    time = event.time();
                }
                true
            });
            if let Some(sequence) = void.filter(|_| count == 0) {
                outcome = Err(TryReceiveError::Gap(self.void_gap(sequence)));
                break;
            }
            match read {
                Ok(read) => left = left.saturating_sub(read as u64),
                Err(ring::TryRecvError::Empty) if self.shared.is_given_up() => {
                    outcome = Err(TryReceiveError::Closed);
                }
                Err(ring::TryRecvError::Empty) => outcome = Err(TryReceiveError::Empty),
                Err(ring::TryRecvError::Lagged(lagged)) => {
                    // What it was never to get is not missed; of a filter it is not known how much that is.
                    let exact = class.event_filter().is_all()
                        && filter_fn.is_none()
                        && self.shared.look_back().all_is_everything();
                    outcome = Err(TryReceiveError::Gap(Gap::from_ring(lagged, exact)));
                }
                Err(ring::TryRecvError::Closed { .. }) => outcome = Err(TryReceiveError::Closed),
            }
        }
        self.note(count, time);
        outcome
    }

    /// Returns what to tell of a slot that was not committed, and of those behind it that were not either. Everybody is
    /// told: whose event it was is not to be known any more.
    fn void_gap(&mut self, sequence: u64) -> Gap {
        let offset = sequence + 1;
        let holes = self.shared.voids(&(offset..u64::MAX));
        let hole = holes.into_iter().find(|hole| hole.range.start == offset);
        // Of very many only the newest are remembered.
        let (end, reason) = hole.map_or((offset + 1, GapReason::Indeterminate), |hole| {
            (hole.range.end, hole.reason.into())
        });
        self.voids_told = end - 1;
        // All of it is passed at once, unless readers may not see its end yet: then what is left is passed as it comes.
        let _ = self.subscriber.seek(end - 1);
        Gap {
            missed: end - offset,
            resume_at: end,
            exact: self.class.event_filter().is_all() && self.filter_fn.is_none(),
            reason,
        }
    }

    /// Goes to the next event of a wanted topic while what comes was there when it began: it may be long until then.
    fn skip_others(&mut self) {
        let position = self.subscriber.position();
        if position + FAR >= self.history_end || self.look_ups == 0 || !self.is_looked_up() {
            return;
        }
        let look_back = self.shared.look_back();
        let mut set = self.topics.take().filter(|set| look_back.is_current(set));
        if set.is_none() {
            set = look_back.topic_set(self.class.filter(), |_| true);
            self.look_ups = set.as_ref().map_or(0, |_| self.look_ups - 1);
        }
        let mut next = Vec::new();
        let range = position + 1..self.history_end + 1;
        let found = set
            .as_ref()
            .and_then(|set| look_back.offsets_in(set, range, 1, &mut next));
        self.topics = set;
        // Only if what was looked up reaches back to here: what lies between would be passed unseen.
        if let Some(LookedUp { floor, to }) = found
            && floor <= position + 1
        {
            // The event of an offset has the sequence before it.
            let next = next.first().map_or(to, |next| *next) - 1;
            // What was not committed is of no topic, and is told.
            if !self.shared.voids(&(position + 1..next + 1)).is_empty() {
                return;
            }
            let _ = self.subscriber.seek(next);
        }
    }

    /// Keeps the figures. Relaxed: only this receiver writes them.
    pub(super) fn note(&self, count: u64, time: i64) {
        if count > 0 {
            add(&self.entry.counters.delivered, count);
            let last = &self.entry.counters.last_time;
            last.store(time as u64, Ordering::Relaxed);
        }
        self.note_position();
    }

    pub(super) fn note_gap(&self, gap: Gap) {
        add(&self.entry.counters.gaps, 1);
        add(&self.entry.counters.missed, gap.missed);
    }

    pub(super) fn note_position(&self) {
        let position = &self.entry.counters.position;
        // Relaxed: a figure for others to look at, which orders nothing.
        position.store(self.passed(), Ordering::Relaxed);
    }

    /// The offset of the last event that was passed.
    pub(super) fn passed(&self) -> u64 {
        match (&self.past, self.backlog.front()) {
            (Some(past), _) => past.passed(),
            (None, Some(one)) => one.offset - 1,
            (None, None) => self.subscriber.position().max(self.after),
        }
    }
}

/// Relaxed: only the receiver writes its figures.
fn add(figure: &AtomicU64, more: u64) {
    // No read-modify-write, which is slower: the receiver alone writes its figures.
    figure.store(figure.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::LOOK_UPS_MAX;
    use crate::event::Event;
    use crate::hub::{Hub, Receiver, StartFrom, Subscription};

    /// A hub with so many events on so many topics, and who wants them all.
    fn looks_back(events: usize, topics: usize) -> (Hub, Receiver) {
        let hub = Hub::new();
        for n in 0..events {
            let event = Event::builder(&format!("a.{}", n % topics), "t").build();
            hub.publish(event.unwrap()).unwrap();
        }
        let all = Subscription::topic("a.*").start(StartFrom::Beginning);
        let receiver = hub.subscribe(all).unwrap();
        (hub, receiver)
    }

    #[test]
    fn topics_that_are_too_many_are_looked_up_once_and_not_for_each_event() {
        let (_hub, mut receiver) = looks_back(2_000, 1_000);
        for offset in 1..=2_000 {
            assert_eq!(receiver.try_recv().unwrap().position.offset, offset);
            assert_eq!(receiver.look_ups, 0);
        }
    }

    #[test]
    fn topics_that_come_all_the_time_are_looked_up_so_often_and_then_looked_at() {
        let (hub, mut receiver) = looks_back(1_000, 10);
        for offset in 1..=1_000 {
            let other = Event::builder(&format!("other.{offset}"), "t").build();
            hub.publish(other.unwrap()).unwrap();
            assert_eq!(receiver.try_recv().unwrap().position.offset, offset);
        }
        assert_eq!(receiver.look_ups, 0);
        let (_hub, mut receiver) = looks_back(1_000, 10);
        (0..1_000).for_each(|_| _ = receiver.try_recv().unwrap());
        assert_eq!(receiver.look_ups, LOOK_UPS_MAX - 1);
    }
}
