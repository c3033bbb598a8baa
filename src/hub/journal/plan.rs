//! What one round takes of the ring, and whom it waits for before it does.

use std::ops::Range;
use std::thread;
use std::time::Duration;

use crate::hub::slot::{Slot, SlotView};
use crate::journal::{Durability, RoundEvent};
use crate::ring::Upstream;

/// Events of a round, unless a batch is longer.
const EVENTS_MAX: u64 = 4_096;
/// Bytes of records of a round; the event with which they are reached is the last, or the end of its batch.
const BYTES_MAX: usize = 4 << 20;

/// The part of a commit's time that the next one waits at most for those whom the last one has released.
const GATHER_PART: u32 = 2;
/// The longest of those waits.
const GATHER_MAX: Duration = Duration::from_micros(500);
/// Rounds at most between two of them where nobody came.
const GATHER_REST_MAX: u32 = 64;

/// Waits for publishers that are likely to come at once: those that the last commit has released, where each publishes again.
///
/// Without it those who came during a commit and those whom it released take turns, and each commit has half of them. A wait
/// in which too few came is followed by rounds without one, twice as many each time: so it costs who comes seldom next to nothing.
#[derive(Default)]
pub(super) struct Gathering {
    /// Publishers that wait, counted at all times up to the last round.
    taken: u64,
    /// Of those that the last round took, and those that came while it ran, as many are likely to come.
    expected: u64,
    /// The time that the last commit took.
    took: Duration,
    /// Rounds without a wait that are still to come, and those when too few come next.
    rest: u32,
    next_rest: u32,
}

impl Gathering {
    /// Waits until as many have come as are expected, or long enough: `waited` says how long it has.
    pub(super) fn wait(&mut self, arrived: impl Fn() -> u64, waited: impl Fn() -> Duration) {
        let had = arrived() - self.taken;
        // One alone has nobody to wait for; nor has a round for which nobody waits.
        if had == 0 || had >= self.expected {
            return;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        let longest = GATHER_MAX.min(self.took / GATHER_PART);
        let mut has = had;
        while has < self.expected && waited() < longest {
            // Those who are to come may need this processor.
            thread::yield_now();
            has = arrived() - self.taken;
        }
        let is_worth = 2 * (has - had) >= self.expected - had;
        (self.rest, self.next_rest) = match is_worth {
            true => (0, 1),
            false => (
                self.next_rest,
                (2 * self.next_rest).clamp(1, GATHER_REST_MAX),
            ),
        };
    }

    /// Notes that a round takes all who have come.
    pub(super) fn take(&mut self, arrived: u64) {
        self.expected = arrived - self.taken;
        self.taken = arrived;
    }

    /// Notes that its commit is done, and who has come meanwhile.
    pub(super) fn end(&mut self, took: Duration, arrived: u64) {
        self.took = took;
        self.expected += arrived - self.taken;
    }
}

/// The part of the ring that one round takes.
pub(super) struct Plan<'u> {
    /// The events to be written.
    pub(super) events: Vec<RoundEvent<'u>>,
    /// Bytes of their records.
    pub(super) written_bytes: usize,
    /// The round ends before this sequence, never inside a batch.
    pub(super) to: u64,
    /// Bytes of all records, written or not.
    pub(super) bytes: usize,
    /// One of the events has to be flushed.
    pub(super) flush: bool,
    /// Events that readers are shown without their being written.
    pub(super) shown: u64,
    /// The last offset that is passed without being written, behind the last that is flushed; 0: there is none.
    pub(super) unwritten: u64,
    /// The same, wherever it stands.
    passed: u64,
}

impl<'u> Plan<'u> {
    /// Plans a round from a sequence on. What lies before `written` is committed already, and gets no other time.
    pub(super) fn of(
        upstream: &'u Upstream<Slot>,
        range: Range<u64>,
        written: u64,
        recorded: i64,
    ) -> Self {
        let mut plan = Self {
            events: Vec::new(),
            written_bytes: 0,
            to: range.start,
            bytes: 0,
            flush: false,
            shown: 0,
            unwritten: 0,
            passed: 0,
        };
        let first = range.start;
        for (sequence, slot) in upstream.peek(range) {
            if sequence >= written {
                slot.stamp(recorded);
            }
            plan.take(sequence, slot, sequence < written);
            let is_full = sequence + 1 - first >= EVENTS_MAX || plan.bytes >= BYTES_MAX;
            if is_full && slot.rest() == 0 {
                break;
            }
        }
        // A commit that is not flushed uses no offset up: it may be gone after a loss of power.
        if !plan.flush {
            plan.unwritten = plan.passed;
        }
        plan
    }

    fn take(&mut self, sequence: u64, slot: &'u Slot, is_written: bool) {
        let offset = sequence + 1;
        self.to = offset;
        self.bytes += slot.record_bytes();
        let event = match slot.view() {
            SlotView::Live(event) => event,
            SlotView::Void | SlotView::Deleted => {
                self.pass(offset);
                return;
            }
        };
        if slot.durability() == Durability::None {
            self.shown += 1;
            self.pass(offset);
            return;
        }
        // Behind a commit every offset before it is used up.
        self.unwritten = 0;
        if is_written {
            return;
        }
        self.flush |= slot.durability() == Durability::Durable;
        self.written_bytes += event.record().len();
        self.events.push(RoundEvent {
            offset,
            recorded: slot.recorded(),
            rest: slot.rest(),
            version: slot.version(),
            event,
        });
    }

    fn pass(&mut self, offset: u64) {
        (self.unwritten, self.passed) = (offset, offset);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A round in which `came` have come before it, and `later` come while it waits. Returns how many looks it took.
    fn round(
        gathering: &mut Gathering,
        arrived: &Cell<u64>,
        (came, later): (u64, u64),
        waited: Duration,
    ) -> u64 {
        arrived.set(arrived.get() + came);
        let (looks, least) = (Cell::new(0), arrived.get());
        let come = || {
            looks.set(looks.get() + 1);
            arrived.set(arrived.get().max(least + later.min(looks.get() - 1)));
            arrived.get()
        };
        gathering.wait(come, || waited);
        gathering.take(arrived.get());
        gathering.end(Duration::from_millis(1), arrived.get());
        looks.get()
    }

    #[test]
    fn as_many_are_waited_for_as_the_last_round_had() {
        let (mut gathering, arrived) = (Gathering::default(), Cell::new(0));
        let mut looks = |came, later| {
            let come = (came, later);
            round(&mut gathering, &arrived, come, Duration::ZERO)
        };
        assert_eq!(looks(8, 0), 1, "nobody was there");
        assert_eq!(looks(1, 7), 8);
        assert_eq!(looks(8, 0), 1, "all are there");
        assert_eq!(looks(0, 0), 1, "no round for any");
        assert_eq!(looks(1, 0), 1, "one alone");
        assert_eq!(looks(1, 0), 1);
        assert_eq!(arrived.get(), 26);
    }

    #[test]
    fn those_who_do_not_come_are_waited_for_less_and_less() {
        let (mut gathering, arrived) = (Gathering::default(), Cell::new(0));
        // As long as nobody comes the clock alone ends a wait: a look at it is one wait.
        let clock = Cell::new(0);
        for _ in 0..2_000 {
            arrived.set(arrived.get() + 2);
            gathering.take(arrived.get());
            gathering.end(Duration::from_millis(1), arrived.get());
            arrived.set(arrived.get() + 1);
            let waited = || {
                clock.set(clock.get() + 1);
                Duration::MAX
            };
            gathering.wait(|| arrived.get(), waited);
        }
        assert!((1..50).contains(&clock.get()), "{}", clock.get());
    }
}
