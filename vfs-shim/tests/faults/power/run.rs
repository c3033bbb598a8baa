//! A run of a journal that is recorded: everything that it is asked for, and what it answered when.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eventring::event::Event;
use eventring::journal::{
    CommitFailure, CommitRound, Compact, Hole, HoleReason, Journal, JournalCompression, Retention,
    RoundEvent, SqliteJournal, SqliteOptions, StateTx, StateWork, TopicPolicy, holds,
};
use vfs_shim::{Random, Shim};

use crate::script::{self, KEY, MARK, RESERVATIONS, TABLE};

/// Topics by what becomes of their events: kept, cut off by somebody, kept by number, and one an item.
const KINDS: [&str; 6] = ["orders", "cut", "short", "keyed", "keyed", "keyed"];
const TOPICS: u64 = 12;
/// Events that are kept of a topic that has a bound.
const SHORT: u64 = 40;
/// The time from one round to the next.
const A_ROUND: Duration = Duration::from_secs(60);
const STREAMS: u64 = 8;
const SUBJECTS: u64 = 20;

/// An event, and what may become of it.
pub(crate) struct Given {
    pub(crate) event: Event,
    pub(crate) version: Option<u64>,
    pub(crate) round: usize,
}

/// A round, with what it did beside its events.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenRound {
    pub(crate) offsets: Vec<u64>,
    pub(crate) flush: bool,
    pub(crate) state: Option<u64>,
    pub(crate) holes: Vec<Hole>,
}

/// What was acknowledged at a moment, and the mark's file then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moment {
    pub(crate) rounds: usize,
    pub(crate) truncations: usize,
    /// No offset below it is given out again.
    pub(crate) reserved: u64,
    /// Being opened: what is written is of this machine's start.
    pub(crate) is_opening: bool,
    mark: Vec<u8>,
}

/// The settings of a run, by its seed.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) page_bytes: u32,
    retention: Retention,
    compression: JournalCompression,
}

impl Kind {
    fn of(seed: u64, page_bytes: u32) -> Self {
        let all = Retention::default();
        let retention = match seed % 3 {
            0 => all.bytes(Some(3 << 20)),
            1 => all.events(Some(4_000)),
            _ => all.age(Some(Duration::from_secs(6 * 3_600))),
        };
        let compression = match seed / 3 % 2 {
            0 => JournalCompression::Deflate,
            _ => JournalCompression::None,
        };
        Self {
            page_bytes,
            retention,
            compression,
        }
    }

    /// Whether holds are never cut: a bound of bytes cuts them.
    pub(crate) fn keeps_holds(&self) -> bool {
        self.retention.bytes.is_none()
    }

    pub(crate) fn options(&self, vfs: &str) -> SqliteOptions {
        SqliteOptions::default()
            .same_epoch(true)
            .page_bytes(self.page_bytes)
            .retention(self.retention)
            .compression(self.compression)
            .vfs(Some(vfs.to_owned()))
    }
}

/// Everything that a journal was given.
pub(crate) struct Run<'a> {
    shim: &'a Shim,
    directory: &'a Path,
    pub(crate) kind: Kind,
    random: Random,
    next: u64,
    versions: HashMap<u64, u64>,
    pub(crate) given: BTreeMap<u64, Given>,
    pub(crate) rounds: Vec<GivenRound>,
    /// Topics, and the offset below which their events are to go.
    pub(crate) truncations: Vec<(String, u64)>,
    pub(crate) moments: Vec<Moment>,
    reserved: u64,
    /// Holes of the next round.
    holes: Vec<Hole>,
    /// The time at which it began, on both clocks: each round is a minute behind the one before.
    begun: (Instant, i64),
}

impl<'a> Run<'a> {
    pub(crate) fn new(seed: u64, page_bytes: u32, shim: &'a Shim, directory: &'a Path) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self {
            begun: (Instant::now(), now.as_millis() as i64),
            shim,
            directory,
            kind: Kind::of(seed, page_bytes),
            random: Random::new(seed),
            next: 1,
            versions: HashMap::new(),
            given: BTreeMap::new(),
            rounds: Vec::new(),
            truncations: Vec::new(),
            moments: Vec::new(),
            reserved: 0,
            holes: Vec::new(),
        }
    }

    /// Opens the journal, as a machine does that was started anew.
    pub(crate) fn open(&mut self) -> SqliteJournal {
        if !self.moments.is_empty() {
            self.acknowledged(true);
        }
        let options = self.kind.options(self.shim.name());
        let mut journal = SqliteJournal::open_with(self.directory, &options).unwrap();
        script::restart_machine(self.directory, self.shim.name());
        for n in 0..TOPICS {
            let short = TopicPolicy::default().retention(Retention::default().events(Some(SHORT)));
            journal.set_topic(&format!("short.{n}"), &short).unwrap();
            let keyed = Compact::new("/subject").tombstone_age(Duration::from_millis(1));
            let keyed = TopicPolicy::default().compact(Some(keyed));
            journal.set_topic(&format!("keyed.{n}"), &keyed).unwrap();
        }
        self.next = self.next.max(journal.recovered().next);
        self.acknowledged(false);
        journal
    }

    /// Does something of all that is done to a journal.
    pub(crate) fn step(&mut self, mut journal: SqliteJournal) -> SqliteJournal {
        match self.random.below(100) {
            0..2 => {
                // In order, and as a process that is killed ends.
                if self.random.below(2) == 0 {
                    journal.close().unwrap();
                }
                drop(journal);
                // Nobody knows of them any more.
                self.holes.clear();
                return self.open();
            }
            2..6 => self.truncate(&mut journal),
            6..9 => {
                let above = self.next + 1 + self.random.below(100);
                self.reserved = self.reserved.max(above);
                journal.reserve(self.reserved).unwrap();
                self.acknowledged(false);
                if self.random.below(2) == 0 {
                    // Shown, and not written.
                    self.next = self.reserved;
                }
            }
            9..13 => {
                let end = self.next + 1 + self.random.below(5);
                self.holes
                    .push(Hole::new(self.next..end, HoleReason::Aborted));
                self.next = end;
            }
            13..40 => {
                let now = self.now();
                // Now and then all of it.
                let turns = match self.random.below(10) {
                    0 => 1_000,
                    _ => 1 + self.random.below(8),
                };
                let mut turns = 0..turns;
                while turns.next().is_some() && journal.maintain(now) == Some(Duration::ZERO) {}
            }
            _ => self.commit(&mut journal),
        }
        journal
    }

    pub(crate) fn commit(&mut self, journal: &mut SqliteJournal) {
        let number = self.rounds.len() as u64;
        // Small ones are merged.
        let most = [4, 40][self.random.below(2) as usize];
        let length = 1 + self.random.below(most);
        let batch = self.random.below(length);
        let mut round = GivenRound {
            flush: self.random.below(3) == 0,
            state: (self.random.below(3) > 0).then_some(number),
            holes: std::mem::take(&mut self.holes),
            ..GivenRound::default()
        };
        for _ in 0..length {
            let (event, version) = self.event();
            let given = Given {
                event,
                version,
                round: self.rounds.len(),
            };
            self.given.insert(self.next, given);
            round.offsets.push(self.next);
            // Some offsets are of events that are not kept.
            self.next += 1 + self.random.below(8) / 7;
        }
        let recorded = self.begun.1 + self.elapsed().as_millis() as i64;
        let mut commit = CommitRound::default();
        commit.flush = round.flush;
        commit.holes.clone_from(&round.holes);
        for (at, offset) in round.offsets.iter().enumerate() {
            let given = &self.given[offset];
            let mut event = RoundEvent::new(*offset, recorded, given.event.as_ref());
            event.rest = batch.saturating_sub(at as u64) as u32;
            event.version = given.version;
            commit.events.push(event);
        }
        if let Some(state) = round.state {
            let put = StateWork::new(Box::new(move |tx| tx.put(TABLE, KEY, &state.to_le_bytes())));
            commit.work.push(put);
        }
        if number.is_multiple_of(20) {
            let next = self.next;
            let hold = move |tx: &mut dyn StateTx| holds::set(tx, "reader", next, recorded);
            commit.work.push(StateWork::new(Box::new(hold)));
        }
        journal.commit(&mut commit).unwrap();
        drop(commit);
        self.rounds.push(round);
        self.acknowledged(false);
        self.shim.move_clock(self.elapsed().as_millis() as i64);
    }

    fn elapsed(&self) -> Duration {
        A_ROUND * self.rounds.len() as u32
    }

    pub(crate) fn now(&self) -> Instant {
        self.begun.0 + self.elapsed()
    }

    fn truncate(&mut self, journal: &mut SqliteJournal) {
        let topic = format!("cut.{}", self.random.below(TOPICS));
        let below = 1 + self.random.below(self.next);
        self.truncations.push((topic.clone(), below));
        match journal.truncate(&topic, below, false) {
            Ok(()) => self.acknowledged(false),
            Err(error) => {
                assert_eq!(error.failure, CommitFailure::Aborted, "{error}");
                self.truncations.pop();
            }
        }
    }

    /// Notes in the record what was acknowledged so far.
    fn acknowledged(&mut self, is_opening: bool) {
        self.shim.note(self.moments.len() as u64);
        self.moments.push(Moment {
            rounds: self.rounds.len(),
            truncations: self.truncations.len(),
            reserved: self.reserved,
            is_opening,
            mark: fs::read(self.directory.join(MARK)).unwrap(),
        });
    }

    /// Puts the mark into a directory as the power may have left it at a moment: each slot of the mark as it was then or
    /// at any time before, since nobody flushes it; the reservation as it was promised.
    pub(crate) fn restore_mark(&self, to: &Path, moment: usize, random: &mut Random) {
        let back = random.below(8).min(moment as u64) as usize;
        let mut mark = self.moments[moment - back].mark.clone();
        mark[RESERVATIONS..].copy_from_slice(&self.moments[moment].mark[RESERVATIONS..]);
        fs::write(to.join(MARK), mark).unwrap();
    }

    /// The offset below which the events of a topic are to go, by the first of the truncations.
    pub(crate) fn truncated(&self, topic: &str, truncations: usize) -> u64 {
        let all = self.truncations.iter().take(truncations);
        let of = all.filter(|(of, _)| of == topic);
        of.map(|(_, below)| *below).max().unwrap_or(0)
    }

    fn event(&mut self) -> (Event, Option<u64>) {
        let kind = KINDS[self.random.below(6) as usize];
        // So many of one topic that it is compacted.
        let topics = if kind == "keyed" { 1 } else { TOPICS };
        let topic = format!("{kind}.{}", self.random.below(topics));
        let mut event = Event::builder(&topic, "placed");
        let length = match self.random.below(50) {
            0 => 20_000 + self.random.below(40_000),
            _ => self.random.below(1_500),
        };
        // Half of it can be deflated.
        let few = if self.random.below(2) == 0 { 4 } else { 256 };
        let data: Vec<u8> = (0..length).map(|_| self.random.below(few) as u8).collect();
        // Of the keyed ones some say that their item is gone.
        if kind != "keyed" || self.random.below(10) > 0 {
            event.data("application/octet-stream", &data);
        }
        if kind == "keyed" {
            event.subject(&self.random.below(SUBJECTS).to_string());
        }
        let stream = self.random.below(5 * STREAMS);
        let is_streamed = kind != "keyed" && stream < STREAMS;
        let version = is_streamed.then(|| {
            event.stream("order", &stream.to_string(), None);
            let version = self.versions.entry(stream).or_insert(0);
            *version += 1;
            *version
        });
        (event.build().unwrap(), version)
    }
}
