//! Compares what is found behind a cut with what was given.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use eventring::event::Filter;
use eventring::journal::{Hole, HoleReason, Journal, Scan, SqliteJournal, holds};

use super::run::Run;
use crate::script::{KEY, TABLE};

/// What a journal hands out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// By offset: the version, and the record.
    events: BTreeMap<u64, (Option<u64>, Vec<u8>)>,
    holes: Vec<Hole>,
    state: Option<u64>,
    /// The offset from which on nothing may go but what somebody asked for.
    held: Option<u64>,
}

/// The limits within which everything has to be.
pub(crate) struct Bounds {
    /// Rounds that have to be there, and those that were acknowledged at all.
    pub(crate) kept: usize,
    pub(crate) acknowledged: usize,
    /// Truncations that have to have been made.
    pub(crate) truncations: usize,
}

/// What became of what was given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) rounds: usize,
    pub(crate) retained: u64,
    pub(crate) truncated: u64,
    pub(crate) compacted: u64,
}

/// Reads everything.
pub(crate) fn read(journal: &SqliteJournal, topics: Option<&str>, descending: bool) -> Found {
    let filter = topics.map_or_else(Filter::all, |topics| Filter::parse([topics]).unwrap());
    let mut reader = journal.view().reader().unwrap();
    let mut found = Found::default();
    let Found { state, held, .. } = &mut found;
    reader
        .state(&mut |tx| {
            let value = tx.get(TABLE, KEY).unwrap();
            *held = holds::all(tx).unwrap().first().map(|hold| hold.position);
            *state = value.map(|value| u64::from_le_bytes(value.try_into().unwrap()));
        })
        .unwrap();
    let mut left = 1..journal.recovered().next;
    while !left.is_empty() {
        let scan = Scan::new(&filter, left.clone()).descending(descending);
        let Found { events, holes, .. } = &mut found;
        let mut before = None;
        let end = reader.read(&scan, &mut |stored| {
            let is_behind = before.is_none_or(|before| match descending {
                false => stored.offset > before,
                true => stored.offset < before,
            });
            assert!(is_behind, "{} comes after {before:?}", stored.offset);
            before = Some(stored.offset);
            let event = (stored.version, stored.event.record().to_vec());
            let twice = events.insert(stored.offset, event);
            assert!(twice.is_none(), "{} is there twice", stored.offset);
            ControlFlow::Continue(())
        });
        let end = end.unwrap();
        match descending {
            false => {
                assert!(end.next > left.start, "{left:?}: {end:?}");
                left.start = end.next;
            }
            true => {
                assert!(end.next < left.end, "{left:?}: {end:?}");
                left.end = end.next;
            }
        }
        holes.extend(end.holes);
    }
    found
}

/// Judges a journal that was opened behind a cut.
pub(crate) fn check(run: &Run<'_>, journal: &SqliteJournal, bounds: &Bounds) -> Sums {
    let found = read(journal, None, false);
    let back = read(journal, None, true);
    assert_eq!(found.events.len(), back.events.len(), "either way");
    assert!(found.events == back.events, "either way");
    for topics in ["short.*", "keyed.*", "cut.3", "orders.1"] {
        let some = read(journal, Some(topics), false);
        let filter = Filter::parse([topics]).unwrap();
        let wanted = found.events.keys();
        let wanted = wanted.filter(|offset| filter.matches(run.given[*offset].event.topic()));
        let wanted: Vec<u64> = wanted.copied().collect();
        let some: Vec<u64> = some.events.keys().copied().collect();
        assert_eq!(some, wanted, "{topics}");
    }
    found.check_events(run);
    let rounds = found.rounds(run);
    assert!(
        (bounds.kept..=bounds.acknowledged + 1).contains(&rounds),
        "{rounds} rounds: {} have to be there, {} were acknowledged",
        bounds.kept,
        bounds.acknowledged
    );
    let mut sums = found.check_missing(run, rounds, bounds.truncations);
    sums.rounds = rounds;
    check_versions(run, journal, rounds);
    // Whatever is told anew is told of what is not there, and of nothing else.
    let told = &journal.recovered().holes;
    for round in &run.rounds[..rounds] {
        for hole in &round.holes {
            assert!(told.contains(hole), "{hole:?} is not told");
        }
        let twice = round.offsets.iter().find(|offset| covers(told, **offset));
        assert_eq!(twice, None, "it is there, and told as missing: {told:?}");
    }
    for round in &run.rounds[rounds.min(bounds.acknowledged)..bounds.acknowledged] {
        let silent = round.offsets.iter().find(|offset| !covers(told, **offset));
        assert_eq!(silent, None, "it is gone, and nothing is told: {told:?}");
    }
    let last = run.rounds[..bounds.acknowledged].iter();
    let last = last.filter_map(|round| round.offsets.last()).max();
    let next = journal.recovered().next;
    assert!(next > last.copied().unwrap_or(0), "{next} was given out");
    sums
}

fn covers(holes: &[Hole], offset: u64) -> bool {
    holes.iter().any(|hole| hole.range.contains(&offset))
}

impl Found {
    /// Every event that is there is one that was given, byte for byte, and nothing is told to be damaged.
    fn check_events(&self, run: &Run<'_>) {
        let damaged = |hole: &&Hole| hole.reason == HoleReason::Damaged;
        assert_eq!(self.holes.iter().find(damaged), None, "nothing was damaged");
        for (offset, (version, record)) in &self.events {
            let given = run.given.get(offset);
            let given = given.unwrap_or_else(|| panic!("{offset} was never given"));
            let is_same = given.event.as_ref().record() == record && given.version == *version;
            assert!(is_same, "{offset} is another event");
        }
    }

    /// So many rounds are there, by their state and by the newest event.
    fn rounds(&self, run: &Run<'_>) -> usize {
        let newest = self.events.keys().next_back();
        let newest = newest.map_or(0, |offset| run.given[offset].round + 1);
        let is_said = |round: &super::run::GivenRound| round.state == self.state;
        let by_state = match self.state {
            None => 0,
            Some(_) => {
                run.rounds
                    .iter()
                    .position(is_said)
                    .expect("a state of ours")
                    + 1
            }
        };
        let rounds = newest.max(by_state);
        let states = run.rounds[..rounds].iter();
        let last = states.filter_map(|round| round.state).next_back();
        assert_eq!(self.state, last, "state goes with its round");
        rounds
    }

    /// What is missing of the rounds that are there was to go.
    fn check_missing(&self, run: &Run<'_>, rounds: usize, truncations: usize) -> Sums {
        let mut sums = Sums::default();
        let mut newer = std::collections::HashSet::new();
        let retention = |hole: &&Hole| hole.reason == HoleReason::Retention;
        let retained: Vec<Hole> = self.holes.iter().filter(retention).cloned().collect();
        for (offset, given) in run.given.iter().rev() {
            if given.round >= rounds {
                continue;
            }
            let event = given.event.as_ref();
            let topic = event.topic();
            let has_newer = topic.starts_with("keyed") && {
                let key = (topic.to_owned(), event.subject().map(str::to_owned));
                !newer.insert(key)
            };
            let is_there = self.events.contains_key(offset);
            let is_streamed = given.version.is_some();
            if is_there {
                let below = run.truncated(topic, truncations);
                assert!(*offset >= below || is_streamed, "{offset} was truncated");
                continue;
            }
            assert!(!is_streamed, "{offset} of a stream is gone");
            let is_truncated = *offset < run.truncated(topic, truncations + 1);
            if run.kind.keeps_holds() && !is_truncated {
                let held = self.held.unwrap_or(u64::MAX);
                assert!(*offset < held, "{offset} is held from {held} on, and gone");
            }
            if is_truncated {
                sums.truncated += 1;
            } else if covers(&retained, *offset) {
                sums.retained += 1;
            } else {
                let is_tombstone = topic.starts_with("keyed") && event.data().is_empty();
                assert!(
                    has_newer || is_tombstone,
                    "{offset} of {topic} is gone without a word: {:?}",
                    self.holes
                );
                sums.compacted += 1;
            }
        }
        sums
    }
}

/// The versions of each stream are dense, and the table knows the last one.
fn check_versions(run: &Run<'_>, journal: &SqliteJournal, rounds: usize) {
    let mut versions = BTreeMap::<String, u64>::new();
    for given in run.given.values().filter(|given| given.round < rounds) {
        if let (Some(stream), Some(version)) = (given.event.as_ref().stream(), given.version) {
            let before = versions.insert(stream.id.to_owned(), version).unwrap_or(0);
            assert_eq!(version, before + 1, "as they were given");
        }
    }
    let mut reader = journal.view().reader().unwrap();
    for (id, version) in versions {
        let found = reader.stream_version("order", &id).unwrap();
        assert_eq!(found, Some(version), "stream {id}");
    }
}
