//! A list of events beside the journal, and what it expects of a reader.

use std::ops::{ControlFlow, Range};

use crate::event::{Event, Filter};
use crate::journal::{
    CommitRound, Hole, Journal, JournalReader, RoundEvent, Scan, StateWork, StoredEvent,
};

/// Calls of a reader, at most, for one range: each of them gets on.
const CALLS_MAX: usize = 100_000;

/// An event as it was committed, or as a reader handed it out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) offset: u64,
    pub(super) recorded: i64,
    pub(super) rest: u32,
    pub(super) version: Option<u64>,
    pub(super) event: Event,
}

impl Kept {
    fn of(stored: &StoredEvent<'_>) -> Self {
        Self {
            offset: stored.offset,
            recorded: stored.recorded,
            rest: stored.rest,
            version: stored.version,
            event: stored.event.to_event(),
        }
    }

    fn event(&self) -> RoundEvent<'_> {
        let mut event = RoundEvent::new(self.offset, self.recorded, self.event.as_ref());
        (event.rest, event.version) = (self.rest, self.version);
        event
    }
}

/// Everything that was committed, and the numbers of what comes next.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) kept: Vec<Kept>,
    pub(super) next: u64,
    pub(super) recorded: i64,
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            kept: Vec::new(),
            next: 1,
            recorded: 1_700_000_000_000,
        }
    }

    /// Makes the next event; it is not kept yet.
    pub(super) fn event(&mut self, topic: &str, data_bytes: usize) -> Kept {
        let offset = self.next;
        self.next += 1;
        let data: Vec<u8> = (0..data_bytes)
            .map(|at| (at as u64 ^ offset) as u8)
            .collect();
        let mut builder = Event::builder(topic, "contract");
        builder.id(&format!("e-{offset}")).source("/contract");
        builder.data("application/octet-stream", &data);
        Kept {
            offset,
            recorded: self.recorded,
            rest: 0,
            version: None,
            event: builder.build().expect("an event within every limit"),
        }
    }

    /// Makes a batch of events.
    pub(super) fn batch(&mut self, topic: &str, events: usize, data_bytes: usize) -> Vec<Kept> {
        let mut batch: Vec<Kept> = (0..events).map(|_| self.event(topic, data_bytes)).collect();
        for (rest, event) in batch.iter_mut().rev().enumerate() {
            event.rest = rest as u32;
        }
        batch
    }

    /// Commits events and keeps them.
    pub(super) fn commit(&mut self, journal: &mut dyn Journal, events: Vec<Kept>) {
        self.commit_with(journal, events, Vec::new());
    }

    /// Commits events with changes of state; every other round is flushed. Returns what became of the changes.
    pub(super) fn commit_with<'w>(
        &mut self,
        journal: &mut dyn Journal,
        events: Vec<Kept>,
        work: Vec<StateWork<'w>>,
    ) -> Vec<StateWork<'w>> {
        let mut round = CommitRound {
            events: events.iter().map(Kept::event).collect(),
            flush: self.next.is_multiple_of(2),
            ..CommitRound::default()
        };
        let mut work = work;
        // The events borrow from here, the changes from the caller: they go in for the commit and come out again.
        let outcomes = {
            round.work = work.iter_mut().map(again).collect();
            let committed = journal.commit(&mut round);
            assert_eq!(committed, Ok(()), "a round of {} events", events.len());
            let done = round.work.iter();
            done.map(|work| work.outcome.clone()).collect::<Vec<_>>()
        };
        drop(round);
        for (work, outcome) in work.iter_mut().zip(outcomes) {
            work.outcome = outcome;
        }
        self.kept.extend(events);
        work
    }

    /// Returns what a reader hands out of a range.
    pub(super) fn expect(&self, filter: &Filter, range: Range<u64>, descending: bool) -> Vec<Kept> {
        let wanted = self.kept.iter().filter(|kept| {
            range.contains(&kept.offset) && filter.matches(kept.event.as_ref().topic())
        });
        let mut wanted: Vec<Kept> = wanted.cloned().collect();
        if descending {
            wanted.reverse();
        }
        wanted
    }

    /// Checks that a reader hands out all that is kept, forwards and back.
    pub(super) fn check(&self, journal: &dyn Journal) {
        let mut reader = journal.view().reader().expect("a reader");
        for descending in [false, true] {
            let filter = Filter::all();
            let range = 0..self.next;
            let (found, _) = read_all(
                &mut *reader,
                &Scan::new(&filter, range).descending(descending),
            );
            self.compare(&found, &self.expect(&filter, 0..self.next, descending));
        }
    }

    pub(super) fn compare(&self, found: &[Kept], expected: &[Kept]) {
        let offsets = |events: &[Kept]| events.iter().map(|one| one.offset).collect::<Vec<_>>();
        assert_eq!(
            offsets(found),
            offsets(expected),
            "the offsets that were read"
        );
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected, "the event at offset {}", expected.offset);
            let bytes = (found.event.record(), expected.event.record());
            assert_eq!(bytes.0, bytes.1, "the record at offset {}", expected.offset);
        }
    }
}

/// Takes a change out of its wrapping.
fn again<'w>(work: &mut StateWork<'w>) -> StateWork<'w> {
    StateWork {
        run: work.run.take(),
        outcome: None,
    }
}

/// Reads all of a scan's range, in as many calls as it takes. Each of them gets on, and keeps to its bounds.
pub(super) fn read_all(reader: &mut dyn JournalReader, scan: &Scan<'_>) -> (Vec<Kept>, Vec<Hole>) {
    let mut scan = scan.clone();
    let (mut found, mut holes) = (Vec::new(), Vec::new());
    for _ in 0..CALLS_MAX {
        let before = found.len();
        let mut bytes = 0;
        let end = reader.read(&scan, &mut |stored| {
            bytes += stored.event.record().len();
            found.push(Kept::of(&stored));
            ControlFlow::Continue(())
        });
        let end = end.expect("a read");
        let events = found.len() - before;
        assert!(events <= scan.events_max, "{events} events in a call");
        assert!(
            events <= 1 || bytes <= scan.bytes_max,
            "{bytes} bytes in a call"
        );
        holes.extend(end.holes);
        let range = scan.range.clone();
        scan.range = match scan.descending {
            true => range.start..end.next,
            false => end.next..range.end,
        };
        if scan.range.is_empty() {
            return (found, holes);
        }
        assert_ne!(scan.range, range, "a call that does not get on");
    }
    panic!("no end after {CALLS_MAX} calls: {scan:?}");
}
