//! Compares what a journal has with what it was given.

use std::ops::ControlFlow;

use eventring::event::Filter;
use eventring::journal::{Hole, HoleReason, Journal, JournalError, Scan, SqliteJournal};

use crate::script::{KEY, Script, TABLE};

/// What a journal hands out.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) events: Vec<(u64, Vec<u8>)>,
    pub(crate) holes: Vec<Hole>,
    /// Where reading ended, if it did before the end.
    pub(crate) error: Option<JournalError>,
    pub(crate) state: Option<u64>,
}

/// Reads everything, from the beginning on.
pub(crate) fn read(journal: &SqliteJournal) -> Found {
    gather(journal, false)
}

/// Reads everything, from the end back.
pub(crate) fn read_back(journal: &SqliteJournal) -> Found {
    let mut found = gather(journal, true);
    found.events.reverse();
    found
}

fn gather(journal: &SqliteJournal, descending: bool) -> Found {
    let mut found = Found {
        holes: journal.recovered().holes.clone(),
        ..Found::default()
    };
    found.error = try_read(journal, descending, &mut found).err();
    found
}

fn try_read(
    journal: &SqliteJournal,
    descending: bool,
    found: &mut Found,
) -> Result<(), JournalError> {
    let filter = Filter::all();
    let mut reader = journal.view().reader()?;
    reader.state(&mut |tx| {
        let value = tx.get(TABLE, KEY).ok().flatten();
        found.state = value.map(|value| u64::from_le_bytes(value.try_into().unwrap()));
    })?;
    let mut left = 1..journal.recovered().next;
    while !left.is_empty() {
        let scan = Scan::new(&filter, left.clone()).descending(descending);
        let Found { events, holes, .. } = &mut *found;
        let end = reader.read(&scan, &mut |stored| {
            events.push((stored.offset, stored.event.record().to_vec()));
            ControlFlow::Continue(())
        })?;
        let before = left.clone();
        match descending {
            false => left.start = end.next,
            true => left.end = end.next,
        }
        assert!(
            left.start > before.start || left.end < before.end,
            "{before:?}: {end:?}"
        );
        holes.extend(end.holes);
    }
    Ok(())
}

impl Found {
    pub(crate) fn is_damaged_at(&self, offset: u64) -> bool {
        let mut holes = self.holes.iter();
        holes.any(|hole| hole.reason == HoleReason::Damaged && hole.range.contains(&offset))
    }

    /// Every event that is there is one that was given, byte for byte, once and in order.
    pub(crate) fn check_events(&self, script: &Script) {
        for (offset, record) in &self.events {
            let given = script.events.get(offset);
            let given = given.unwrap_or_else(|| panic!("{offset} was never given"));
            assert!(
                given.as_ref().record() == record,
                "{offset} is another event"
            );
        }
        let again = self.events.windows(2).find(|two| two[0].0 >= two[1].0);
        let again = again.map(|two| (two[0].0, two[1].0));
        assert_eq!(again, None, "once, in order");
    }

    /// What is there is what some number of rounds have left, whole, and at least `acknowledged` of them; nothing is told
    /// to be damaged. Returns how many.
    pub(crate) fn check_whole(&self, script: &Script, acknowledged: usize) -> usize {
        assert_eq!(self.error, None);
        let damaged = self
            .holes
            .iter()
            .find(|hole| hole.reason == HoleReason::Damaged);
        assert_eq!(damaged, None, "nothing was damaged");
        self.check_events(script);
        let mut offsets = self.events.iter().map(|(offset, _)| *offset).peekable();
        let mut rounds = 0;
        for round in &script.rounds {
            if offsets.peek().is_none() {
                break;
            }
            let found: Vec<u64> = offsets.by_ref().take(round.offsets.len()).collect();
            assert_eq!(found, round.offsets, "round {rounds} is whole");
            rounds += 1;
        }
        assert_eq!(offsets.next(), None);
        assert!(rounds >= acknowledged, "{rounds} of {acknowledged} rounds");
        let mut states = script.rounds[..rounds]
            .iter()
            .filter_map(|round| round.state);
        assert_eq!(self.state, states.next_back(), "state goes with its round");
        rounds
    }
}
