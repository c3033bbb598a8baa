//! A journal in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::error::{CommitError, CommitFailure, JournalError};
use super::holds;
use super::journal::{Journal, JournalState, JournalStats, JournalView, Recovered};
use super::reader::{Hole, HoleReason, JournalReader, Scan, ScanEnd, StoredEvent};
use super::retention::{Retention, TopicPolicy};
use super::round::CommitRound;
use super::state::{StateError, StateTx};
use crate::event::{Epoch, Event, Filter};

/// A journal that keeps everything in memory: the rules of a journal without its files.
///
/// It keeps all of it but for what is truncated, and bounds of topics on events and bytes, which it keeps to the event: for tests and tools. A [hold](super::holds) is
/// kept to as well, and never cut. Every other journal is judged by it.
///
/// # Examples
///
/// ```
/// use eventring::event::Event;
/// use eventring::journal::{CommitRound, Journal, MemoryJournal, MemoryLog, RoundEvent};
///
/// let log = MemoryLog::default();
/// let mut journal = MemoryJournal::open(&log);
/// let event = Event::builder("orders", "created").build().unwrap();
/// let mut round = CommitRound::default();
/// round.events.push(RoundEvent::new(1, 1_000, event.as_ref()));
/// journal.commit(&mut round).unwrap();
/// drop(journal);
///
/// let again = MemoryJournal::open(&log);
/// assert_eq!((again.recovered().last, again.recovered().next), (1, 2));
/// assert!(!again.recovered().clean, "it was dropped, and not closed");
/// ```
pub struct MemoryJournal {
    recovered: Recovered,
    log: MemoryLog,
}

/// The log of a [`MemoryJournal`], which outlives it as files do: what opens it again finds what was committed.
#[derive(Clone, Default)]
pub struct MemoryLog(Arc<Mutex<Kept>>);

/// A table and a key in it.
type Key = (String, Vec<u8>);

/// Tables of state.
type Tables = BTreeMap<Key, Vec<u8>>;

#[derive(Default)]
struct Kept {
    epoch: Option<Epoch>,
    events: Vec<Arc<KeptEvent>>,
    record_bytes: u64,
    /// The offset and the time of the last event, whether it is there still or not.
    last: (u64, i64),
    /// The last version of each stream, by type and id.
    versions: BTreeMap<(String, String), u64>,
    /// Bounds of topics, of this run.
    bounds: BTreeMap<String, Retention>,
    /// The offsets below which events of a topic went by its bounds.
    floors: BTreeMap<String, u64>,
    state: Tables,
    reserved: u64,
    holes: Vec<Hole>,
    /// Ranges that were given up in this run: told from the next one on.
    given_up: Vec<Hole>,
    /// Events that were deleted, and their bytes.
    removed: (u64, u64),
    /// Closed, or never opened.
    closed: bool,
    commits: u64,
    flushes: u64,
}

struct KeptEvent {
    offset: u64,
    recorded: i64,
    rest: u32,
    version: Option<u64>,
    event: Event,
}

impl MemoryJournal {
    /// Creates one on a log of its own.
    pub fn new() -> Self {
        Self::open(&MemoryLog::default())
    }

    /// Opens a log, which may hold what one before has left.
    pub fn open(log: &MemoryLog) -> Self {
        Self {
            recovered: log.0.lock().recover(),
            log: log.clone(),
        }
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl Kept {
    fn recover(&mut self) -> Recovered {
        let clean = self.epoch.is_none() || self.closed;
        let mut recovered = Recovered::new(*self.epoch.get_or_insert_with(Epoch::random));
        self.closed = false;
        recovered.clean = clean;
        recovered.last = self.last();
        recovered.recorded = self.last.1;
        self.bounds.clear();
        self.holes.append(&mut self.given_up);
        self.holes.sort_unstable_by_key(|hole| hole.range.start);
        let told = self.holes.last().map_or(0, |hole| hole.range.end);
        recovered.next = told.max(recovered.last + 1);
        if self.reserved > recovered.next {
            let range = recovered.next..self.reserved;
            recovered.next = self.reserved;
            self.holes.push(Hole::new(range, HoleReason::Crash));
        }
        recovered.holes.clone_from(&self.holes);
        recovered
    }

    fn last(&self) -> u64 {
        self.last.0
    }

    /// Returns the index of the first event at an offset or behind it.
    fn index(&self, offset: u64) -> usize {
        self.events.partition_point(|event| event.offset < offset)
    }

    /// Returns the events that one call of a reader hands out, and how far it comes.
    fn choose(&self, scan: &Scan<'_>) -> (Vec<Arc<KeptEvent>>, ScanEnd) {
        let (start, end) = (scan.range.start, scan.range.end.max(scan.range.start));
        let inside = &self.events[self.index(start)..self.index(end)];
        let wanted = |one: &&Arc<KeptEvent>| scan.filter.matches(one.event.topic());
        let mut wanted: Box<dyn Iterator<Item = &Arc<KeptEvent>>> = match scan.descending {
            true => Box::new(inside.iter().rev().filter(wanted)),
            false => Box::new(inside.iter().filter(wanted)),
        };
        let (mut chosen, mut bytes) = (Vec::new(), 0);
        let stopped = wanted.find(|one| {
            bytes += one.event.record().len();
            // The first one goes out whatever its size, else nobody would ever get past it.
            let fits = chosen.is_empty() || bytes <= scan.bytes_max;
            let taken = fits && chosen.len() < scan.events_max;
            if taken {
                chosen.push(Arc::clone(one));
            }
            !taken
        });
        let mut found = ScanEnd::default();
        found.next = match (scan.descending, stopped) {
            (false, Some(one)) => one.offset,
            (true, Some(one)) => one.offset + 1,
            (false, None) => end,
            (true, None) => start,
        };
        found.holes = self.holes(scan.filter, &looked_at(scan, found.next));
        found.retained_below = self.retained_below(scan.filter);
        (chosen, found)
    }

    /// Returns what is told to whoever reads the topics of a filter in a range.
    fn holes(&self, filter: &Filter, range: &Range<u64>) -> Vec<Hole> {
        let mut holes = Hole::all_inside(&self.holes, range);
        let told = self.retained_below(filter).min(range.end);
        if range.start < told {
            holes.push(Hole::new(range.start..told, HoleReason::Retention));
            holes.sort_unstable_by_key(|hole| hole.range.start);
        }
        holes
    }

    /// Returns the offset below which events of the topics of a filter may have gone by bounds.
    fn retained_below(&self, filter: &Filter) -> u64 {
        let floors = self.floors.iter();
        let told = floors.filter(|(topic, _)| filter.matches(topic));
        told.map(|(_, floor)| *floor).max().unwrap_or(0)
    }

    /// Deletes events.
    fn delete(&mut self, goes: impl Fn(&KeptEvent) -> bool) {
        let removed = &mut self.removed;
        self.events.retain(|one| {
            let goes = goes(one);
            if goes {
                removed.0 += 1;
                removed.1 += one.event.record().len() as u64;
            }
            !goes
        });
        let bytes = self
            .events
            .iter()
            .map(|one| one.event.record().len() as u64);
        self.record_bytes = bytes.sum();
    }

    /// Returns the lowest offset that somebody needs.
    fn hold(&mut self) -> u64 {
        let mut tx = MemoryTx {
            tables: &mut self.state,
            undo: Vec::new(),
        };
        let holds = holds::all(&mut tx).unwrap_or_default();
        let lowest = holds.iter().map(|hold| hold.position).min();
        lowest.unwrap_or(u64::MAX)
    }

    /// Deletes what a topic has more than its bounds allow.
    fn retain(&mut self, topic: &str) {
        let Some(bounds) = self.bounds.get(topic).copied() else {
            return;
        };
        let counts = |one: &KeptEvent| {
            one.event.topic() == topic && (one.version.is_none() || bounds.streams)
        };
        let (mut events, mut bytes) = (0, 0);
        let newest = self.events.iter().rev().filter(|one| counts(one));
        let too_many = newest.map(|one| {
            (events, bytes) = (events + 1, bytes + one.event.record().len() as u64);
            let is_over = |is: u64, bound: Option<u64>| bound.is_some_and(|bound| is > bound);
            (
                one.offset,
                is_over(events, bounds.events) || is_over(bytes, bounds.bytes),
            )
        });
        let below = too_many
            .filter(|(_, is)| *is)
            .map(|(offset, _)| offset + 1)
            .next();
        let hold = self.hold();
        let below = below.map_or(0, |below| below.min(hold));
        let goes = self.events.iter().rev();
        let mut goes = goes.filter(|one| one.offset < below && counts(one));
        let floor = goes.next().map(|one| one.offset + 1);
        if let Some(floor) = floor {
            self.delete(|one| counts(one) && one.offset < floor);
            let floors = &mut self.floors;
            let known = floors.entry(topic.to_owned()).or_default();
            *known = floor.max(*known);
        }
    }
}

impl Journal for MemoryJournal {
    fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    fn view(&self) -> Arc<dyn JournalView> {
        Arc::new(self.log.clone())
    }

    fn reserve(&mut self, below: u64) -> Result<(), CommitError> {
        self.log.0.lock().reserved = below;
        Ok(())
    }

    fn commit(&mut self, round: &mut CommitRound<'_>) -> Result<(), CommitError> {
        let mut kept = self.log.0.lock();
        if kept.closed {
            return Err(CommitError::new(CommitFailure::Aborted, "it is closed"));
        }
        for work in &mut round.work {
            let Some(run) = work.run.take() else {
                continue;
            };
            let mut tx = MemoryTx {
                tables: &mut kept.state,
                undo: Vec::new(),
            };
            let result = panic::catch_unwind(AssertUnwindSafe(|| run(&mut tx)));
            let outcome = result.unwrap_or(Err(StateError::Panicked));
            if outcome.is_err() {
                tx.roll_back();
            }
            work.outcome = Some(outcome);
        }
        for event in &round.events {
            kept.record_bytes += event.event.record().len() as u64;
            kept.last = (event.offset, event.recorded);
            if let (Some(stream), Some(version)) = (event.event.stream(), event.version) {
                let stream = (stream.ty.to_owned(), stream.id.to_owned());
                kept.versions.insert(stream, version);
            }
            kept.events.push(Arc::new(KeptEvent {
                offset: event.offset,
                recorded: event.recorded,
                rest: event.rest,
                version: event.version,
                event: event.event.to_event(),
            }));
        }
        let bounded: Vec<String> = kept.bounds.keys().cloned().collect();
        bounded.iter().for_each(|topic| kept.retain(topic));
        kept.given_up.append(&mut round.holes);
        kept.commits += 1;
        kept.flushes += u64::from(round.flush);
        Ok(())
    }

    fn maintain(&mut self, _now: Instant) -> Option<Duration> {
        None
    }

    fn set_topic(&mut self, topic: &str, policy: &TopicPolicy) -> Result<(), String> {
        let mut kept = self.log.0.lock();
        kept.bounds.insert(topic.to_owned(), policy.retention);
        kept.retain(topic);
        Ok(())
    }

    fn truncate(&mut self, topic: &str, below: u64, streams: bool) -> Result<(), CommitError> {
        let goes = |one: &KeptEvent| {
            one.event.topic() == topic && one.offset < below && (one.version.is_none() || streams)
        };
        self.log.0.lock().delete(goes);
        Ok(())
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.log.0.lock().closed = true;
        Ok(())
    }
}

impl fmt::Debug for MemoryJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryJournal")
            .field("recovered", &self.recovered)
            .finish_non_exhaustive()
    }
}

impl JournalView for MemoryLog {
    fn reader(&self) -> Result<Box<dyn JournalReader>, JournalError> {
        if self.0.lock().closed {
            return Err(JournalError::Closed);
        }
        Ok(Box::new(MemoryReader(self.clone())))
    }

    fn stats(&self) -> JournalStats {
        let kept = self.0.lock();
        let oldest = kept.events.first();
        JournalStats {
            oldest: oldest.map_or(kept.last() + 1, |event| event.offset),
            oldest_recorded: oldest.map_or(0, |event| event.recorded),
            last: kept.last(),
            events: kept.events.len() as u64,
            bytes: kept.record_bytes,
            commits: kept.commits,
            flushes: kept.flushes,
            removed_events: kept.removed.0,
            removed_bytes: kept.removed.1,
            ..JournalStats::default()
        }
    }

    fn state(&self) -> JournalState {
        match self.0.lock().closed {
            true => JournalState::Closed,
            false => JournalState::Writable,
        }
    }

    fn retained_below(&self, filter: &Filter) -> u64 {
        self.0.lock().retained_below(filter)
    }
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLog").finish_non_exhaustive()
    }
}

struct MemoryReader(MemoryLog);

impl JournalReader for MemoryReader {
    fn read(
        &mut self,
        scan: &Scan<'_>,
        each: &mut dyn FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, JournalError> {
        let (chosen, mut end) = self.0.0.lock().choose(scan);
        // Not below the lock: whoever is handed an event may commit one.
        for one in chosen {
            let flow = each(StoredEvent {
                offset: one.offset,
                recorded: one.recorded,
                rest: one.rest,
                version: one.version,
                event: one.event.as_ref(),
            });
            if flow.is_break() {
                let next = one.offset + u64::from(!scan.descending);
                end.holes = Hole::all_inside(&end.holes, &looked_at(scan, next));
                end.next = next;
                break;
            }
        }
        Ok(end)
    }

    fn since(&mut self, recorded: i64) -> Result<u64, JournalError> {
        let kept = self.0.0.lock();
        let index = kept.events.partition_point(|one| one.recorded < recorded);
        let found = kept.events.get(index).map(|one| one.offset);
        Ok(found.unwrap_or_else(|| kept.last() + 1))
    }

    fn state(&mut self, look: &mut dyn FnMut(&mut dyn StateTx)) -> Result<(), JournalError> {
        let mut kept = self.0.0.lock();
        let mut tx = MemoryTx {
            tables: &mut kept.state,
            undo: Vec::new(),
        };
        look(&mut tx);
        tx.roll_back();
        Ok(())
    }

    fn stream_version(&mut self, ty: &str, id: &str) -> Result<Option<u64>, JournalError> {
        let kept = self.0.0.lock();
        let stream = (ty.to_owned(), id.to_owned());
        Ok(kept.versions.get(&stream).copied())
    }
}

/// Returns the part of a scan's range that lies on the near side of the offset that it came to.
fn looked_at(scan: &Scan<'_>, next: u64) -> Range<u64> {
    match scan.descending {
        true => next..scan.range.end,
        false => scan.range.start..next,
    }
}

/// The tables within one change, with what has to be put back if it fails.
struct MemoryTx<'a> {
    tables: &'a mut Tables,
    undo: Vec<(Key, Option<Vec<u8>>)>,
}

impl MemoryTx<'_> {
    fn roll_back(self) {
        for (key, before) in self.undo.into_iter().rev() {
            match before {
                Some(value) => self.tables.insert(key, value),
                None => self.tables.remove(&key),
            };
        }
    }
}

impl StateTx for MemoryTx<'_> {
    fn get(&mut self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.tables.get(&(table.to_owned(), key.to_vec())).cloned())
    }

    fn put(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        let key = (table.to_owned(), key.to_vec());
        let before = self.tables.insert(key.clone(), value.to_vec());
        self.undo.push((key, before));
        Ok(())
    }

    fn delete(&mut self, table: &str, key: &[u8]) -> Result<bool, StateError> {
        let key = (table.to_owned(), key.to_vec());
        let before = self.tables.remove(&key);
        let was_there = before.is_some();
        self.undo.push((key, before));
        Ok(was_there)
    }

    fn scan(
        &mut self,
        table: &str,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StateError> {
        let rows = self.tables.range((table.to_owned(), from.to_vec())..);
        let rows = rows.take_while(|((of, _), _)| of == table).take(limit);
        Ok(rows
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }
}
