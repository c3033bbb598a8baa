//! Rounds that a journal is given: what they hold, and which of them it acknowledged.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use eventring::event::Event;
use eventring::journal::{
    CommitError, CommitRound, Journal, RoundEvent, SqliteJournal, SqliteOptions, StateWork,
};
use rusqlite::{Connection, OpenFlags};
use vfs_shim::{Random, Shim};

/// The state that each third round sets to its own number.
pub(crate) const TABLE: &str = "checkpoints";
pub(crate) const KEY: &[u8] = b"last";
/// The file of the mark, as the journal calls it.
pub(crate) const MARK: &str = "durable";
/// In it, behind the slots of the mark: those of the reservation.
pub(crate) const RESERVATIONS: usize = 2 * 4096;

/// Everything that a journal was given.
#[derive(Clone)]
pub(crate) struct Script {
    random: Random,
    next: u64,
    /// Events of a round, at most.
    pub(crate) events_max: u64,
    pub(crate) events: BTreeMap<u64, Event>,
    /// Those that were acknowledged, and at the end perhaps one that was not.
    pub(crate) rounds: Vec<ScriptRound>,
    /// The mark's file as it was once the journal was open, and after each acknowledged round.
    pub(crate) marks: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub(crate) struct ScriptRound {
    pub(crate) offsets: Vec<u64>,
    pub(crate) flush: bool,
    /// The number that it set the state to.
    pub(crate) state: Option<u64>,
}

impl Script {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            next: 1,
            events_max: 40,
            events: BTreeMap::new(),
            rounds: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Commits a round of some events; the first ones of it are a batch.
    pub(crate) fn commit(
        &mut self,
        journal: &mut SqliteJournal,
        flush: bool,
    ) -> Result<(), CommitError> {
        let number = self.rounds.len() as u64;
        let length = 1 + self.random.below(self.events_max);
        let batch = self.random.below(length);
        let mut offsets = Vec::new();
        for _ in 0..length {
            offsets.push(self.next);
            let event = self.event();
            self.events.insert(self.next, event);
            // Some offsets are of events that are not kept.
            self.next += 1 + self.random.below(8) / 7;
        }
        let mut round = CommitRound::default();
        round.flush = flush;
        for (at, offset) in offsets.iter().enumerate() {
            let event = self.events[offset].as_ref();
            let mut event = RoundEvent::new(*offset, 1_000 + number as i64, event);
            event.rest = batch.saturating_sub(at as u64) as u32;
            round.events.push(event);
        }
        let state = number.is_multiple_of(3).then_some(number);
        if let Some(state) = state {
            let put = StateWork::new(Box::new(move |tx| tx.put(TABLE, KEY, &state.to_le_bytes())));
            round.work.push(put);
        }
        let committed = journal.commit(&mut round);
        drop(round);
        self.rounds.push(ScriptRound {
            offsets,
            flush,
            state,
        });
        committed
    }

    /// The last round was refused, and is known not to be there. Its offsets are not used again.
    pub(crate) fn forget_last(&mut self) {
        let refused = self.rounds.pop().unwrap();
        for offset in refused.offsets {
            self.events.remove(&offset);
        }
    }

    /// Commits so many rounds, a quarter of them without a flush, with upkeep between them; each is noted by the shim
    /// once it is acknowledged, with the mark as it is then.
    pub(crate) fn run(&mut self, rounds: u64, journal: &mut SqliteJournal, shim: &Shim, at: &Path) {
        if self.marks.is_empty() {
            self.marks.push(fs::read(at.join(MARK)).unwrap());
        }
        for _ in 0..rounds {
            let flush = self.random.below(4) > 0;
            self.commit(journal, flush).unwrap();
            self.marks.push(fs::read(at.join(MARK)).unwrap());
            shim.note(self.rounds.len() as u64);
            if self.random.below(4) == 0 {
                journal.maintain(Instant::now());
            }
        }
    }

    /// Puts the mark into a directory as the power may have left it after so many rounds: each slot of the mark as it
    /// was then or at any time before, since nobody flushes it; the reservation as it was promised.
    pub(crate) fn restore_mark(&self, directory: &Path, rounds: usize, random: &mut Random) {
        let back = random.below(8).min(rounds as u64) as usize;
        let mut mark = self.marks[rounds - back].clone();
        mark[RESERVATIONS..].copy_from_slice(&self.marks[rounds][RESERVATIONS..]);
        fs::write(directory.join(MARK), mark).unwrap();
    }

    fn event(&mut self) -> Event {
        let topic = format!("orders.{}", self.random.below(50));
        let length = match self.random.below(50) {
            0 => 20_000 + self.random.below(40_000),
            _ => self.random.below(1_500),
        };
        let data: Vec<u8> = (0..length).map(|_| self.random.number() as u8).collect();
        let mut event = Event::builder(&topic, "placed");
        event.data("application/octet-stream", &data);
        event.build().unwrap()
    }
}

/// Opens a journal, also one whose directory was copied.
pub(crate) fn open(directory: &Path, vfs: &str, page_bytes: u32) -> SqliteJournal {
    let options = SqliteOptions::default()
        .same_epoch(true)
        .page_bytes(page_bytes)
        .vfs(Some(vfs.to_owned()));
    SqliteJournal::open_with(directory, &options).unwrap()
}

/// Makes what is written from now on that of a machine that was started before: opened again, it has lost its power.
pub(crate) fn restart_machine(directory: &Path, vfs: &str) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let path = directory.join("journal.sqlite");
    let other = Connection::open_with_flags_and_vfs(path, flags, vfs).unwrap();
    let change = "UPDATE meta SET value = value + 1 WHERE key = 'boot'";
    assert_eq!(other.execute(change, []).unwrap(), 1);
}
