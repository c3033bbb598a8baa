//! A journal of somebody else: it stands on the public names alone, and the contract judges it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventring::event::Event;
use eventring::journal::contract::{self, Fixture};
use eventring::journal::{
    CommitError, CommitFailure, CommitRound, Hole, Journal, JournalError, JournalReader,
    JournalState, JournalStats, JournalView, MemoryJournal, MemoryLog, Recovered, RoundEvent, Scan,
    ScanEnd, StateError, StateFn, StateTx, StateWork, StoredEvent,
};

/// Hands everything on to a journal in memory, until a disk that is not there is full.
struct Wrapped {
    inner: MemoryJournal,
    events_left: usize,
}

impl Journal for Wrapped {
    fn recovered(&self) -> &Recovered {
        self.inner.recovered()
    }

    fn view(&self) -> Arc<dyn JournalView> {
        Arc::new(WrappedView(self.inner.view()))
    }

    fn reserve(&mut self, below: u64) -> Result<(), CommitError> {
        self.inner.reserve(below)
    }

    fn commit(&mut self, round: &mut CommitRound<'_>) -> Result<(), CommitError> {
        match self.events_left.checked_sub(round.events.len()) {
            Some(left) => self.events_left = left,
            None => return Err(CommitError::new(CommitFailure::NoSpace, "so much, no more")),
        }
        self.inner.commit(round)
    }

    fn maintain(&mut self, now: Instant) -> Option<Duration> {
        self.inner.maintain(now)
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.inner.close()
    }
}

#[derive(Debug)]
struct WrappedView(Arc<dyn JournalView>);

impl JournalView for WrappedView {
    fn reader(&self) -> Result<Box<dyn JournalReader>, JournalError> {
        Ok(Box::new(WrappedReader(self.0.reader()?)))
    }

    fn stats(&self) -> JournalStats {
        self.0.stats()
    }

    fn state(&self) -> JournalState {
        self.0.state()
    }
}

struct WrappedReader(Box<dyn JournalReader>);

impl JournalReader for WrappedReader {
    fn read(
        &mut self,
        scan: &Scan<'_>,
        each: &mut dyn FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, JournalError> {
        // Events are made anew, as a journal makes them that keeps them elsewhere.
        let inner = self.0.read(scan, &mut |stored| {
            let mut again = StoredEvent::new(stored.offset, stored.recorded, stored.event);
            (again.rest, again.version) = (stored.rest, stored.version);
            each(again)
        })?;
        let mut end = ScanEnd::default();
        let again = |hole: Hole| Hole::new(hole.range, hole.reason);
        end.holes = inner.holes.into_iter().map(again).collect();
        end.next = inner.next;
        Ok(end)
    }

    fn since(&mut self, recorded: i64) -> Result<u64, JournalError> {
        self.0.since(recorded)
    }

    fn stream_version(&mut self, ty: &str, id: &str) -> Result<Option<u64>, JournalError> {
        self.0.stream_version(ty, id)
    }

    fn state(&mut self, look: &mut dyn FnMut(&mut dyn StateTx)) -> Result<(), JournalError> {
        self.0.state(look)
    }
}

struct Place(MemoryLog);

impl Fixture for Place {
    fn open(&mut self) -> Box<dyn Journal> {
        Box::new(Wrapped {
            inner: MemoryJournal::open(&self.0),
            events_left: usize::MAX,
        })
    }
}

#[test]
fn a_journal_of_ones_own_keeps_the_contract() {
    contract::check(&mut || Box::new(Place(MemoryLog::default())));
    let names: Vec<&str> = contract::TESTS
        .iter()
        .map(|(name, _): &contract::Test| *name)
        .collect();
    assert!(names.len() > 20, "{names:?}");
}

/// A tool that judges others has to find them guilty.
#[test]
fn a_journal_that_forgets_breaks_the_contract() {
    struct Forgets;

    impl Fixture for Forgets {
        fn open(&mut self) -> Box<dyn Journal> {
            Box::new(MemoryJournal::new())
        }
    }

    let judged = std::panic::catch_unwind(|| contract::check(&mut || Box::new(Forgets)));
    let told = judged.unwrap_err().downcast::<String>().unwrap();
    assert!(
        told.contains("what_was_committed_survives_a_crash"),
        "{told}"
    );
    assert!(!told.contains("readers_go_back"), "{told}");
}

#[test]
fn a_round_that_fails_leaves_nothing() {
    let mut journal = Wrapped {
        inner: MemoryJournal::new(),
        events_left: 1,
    };
    let event = Event::builder("a", "t").build().unwrap();
    let run: StateFn<'_> = Box::new(|tx| tx.put("t", b"k", b"v"));
    let mut round = CommitRound::default();
    round.events = (1..3)
        .map(|offset| RoundEvent::new(offset, 5, event.as_ref()))
        .collect();
    round.work.push(StateWork::new(run));
    let failed = journal.commit(&mut round).unwrap_err();
    assert_eq!(failed.failure, CommitFailure::NoSpace);
    assert_eq!(failed.to_string(), "no space is left: so much, no more");
    assert!(round.work[0].run.is_some(), "it can go into another round");
    round.events.truncate(1);
    assert_eq!(journal.commit(&mut round), Ok(()));
    assert_eq!(round.work[0].outcome, Some(Ok::<(), StateError>(())));
    assert_eq!(journal.view().stats().last, 1);
}
