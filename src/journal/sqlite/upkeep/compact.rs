//! Compaction by key, in steps: of a topic that asks for it the newest event of each key stays.
//!
//! Behind what is settled all topics are looked at once, in the order of offsets, and each notes the newest event of each of
//! its keys. Once a topic has as many new events with a key as it has older ones a pass goes over all of its chunks, oldest
//! first, and rewrites those of which something goes, each in a transaction of its own; the last one notes how far the topic is
//! clean. A pass that ends before that, by a crash say, is made again.
//!
//! Passes over whole topics read eight rows for each that is written, in the long run: one that has to wait for that is made later.
//! Where there is no room for more keys until then the pass goes over the dirty part alone: older events of its keys stay in
//! what is clean, until a key comes again, and tombstones of the topic stay for good.
//!
//! Who reads is not told: what went was asked for.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Next, Step};
use crate::event::EventRef;
use crate::journal::chunk::{
    Checksums, ChunkBuilder, ChunkHeader, Frame, Frames, Inflater, Numbers,
};
use crate::journal::compact::{CompactRules, Fate, KeyIndex};
use crate::journal::sqlite::retention::{self, Floors, Gone, Rewritten, Run, Worth};
use crate::journal::sqlite::rows;
use crate::journal::{Compact, TopicPolicy};

/// Topics that are compacted, at most: each event that is settled is looked up among them. Further ones keep everything.
pub(in crate::journal::sqlite) const TOPICS_MAX: usize = 1024;
/// Rows that passes over whole topics read for each that was written, in the long run: what a pass has read above it is to be
/// written before the next one begins, but for a few.
const READ_MAX: u64 = 8;
const READ_FREE: u64 = 64;
/// New events with a key for which a pass is worth it, where there are no older ones.
const DIRTY_LEAST: u64 = 1_000;
/// Chunks that are looked at in a step, and those of them whose events are: publishers wait for it. One costs as much as the other.
const HEADERS: usize = 128;
const BODIES: usize = 8;
/// Between two passes for tombstones alone lies such a part of their age, and ten seconds at least, whatever that is.
const AGE_PART: i64 = 10;
const TOMBSTONES_EVERY_MS: i64 = 10_000;
/// And as much for each row that was read: a hundredth of the journal's time, about.
const TOMBSTONES_ROW_MS: i64 = 10;
/// Noted where no tombstone waits.
const NO_TOMBSTONE: i64 = -1;

/// All topics that are compacted, and the pass over one of them.
#[derive(Debug, Default)]
pub(super) struct Compactor {
    topics: BTreeMap<Box<str>, Topic>,
    pass: Option<Pass>,
    /// The end of what was settled when their numbers were looked up; `None`: there are others since.
    numbered: Option<u64>,
    /// The highest number of a topic that was looked at then; `None`: nothing was yet.
    highest: Option<u64>,
    /// A chunk from which on the next events are to be taken, and the hold that has passed it: until then it is left alone.
    held: (u64, u64),
    /// Keys that are kept in memory for all topics: the topic with the most has its pass when there are as many.
    keys_max: usize,
    /// Rows that are to be written before a pass over a whole topic may begin, times [`READ_MAX`].
    debt: u64,
    /// The end of the rows that were counted for that.
    paid: u64,
    stats: CompactStats,
    inflater: Inflater,
}

/// The work that was done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::journal::sqlite) struct CompactStats {
    /// Rows whose events were read by passes.
    pub(in crate::journal::sqlite) rows: u64,
    /// Passes over the dirty part alone.
    pub(in crate::journal::sqlite) parts: u64,
}

#[derive(Debug)]
struct Topic {
    compact: Compact,
    streams: bool,
    /// Its number, once it has an event.
    number: Option<u64>,
    index: KeyIndex,
    /// Its notes in the database were read.
    is_read: bool,
    /// Events with a key up to where it is clean.
    kept: u64,
    /// The end of what is clean of it.
    clean: u64,
    /// The first offset whose event was not taken into the index.
    next: u64,
    /// The time at which the first of its tombstones may go; 0: nobody knows.
    expires: Option<i64>,
}

/// A pass over the chunks of a topic.
#[derive(Clone, Debug)]
struct Pass {
    topic: Box<str>,
    /// Events at or above it are not looked at.
    to: u64,
    /// Everything below it was looked at.
    at: u64,
    /// The time, as far as it is known; else no tombstone goes.
    now: i64,
    /// Below them its events have gone, without a stream and with one.
    floors: [u64; 2],
    /// Goes over the dirty part alone: what is clean keeps older events of its keys.
    is_part: bool,
    /// Rows that it has read, and as much for those that it looked at.
    rows: u64,
    kept: u64,
    expires: Option<i64>,
}

/// A change of rows for a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal::sqlite) enum Change {
    /// Something of the chunk that begins there goes.
    Rewrite(ChunkHeader),
    /// The pass is over.
    Finish,
}

/// The bounds of a look.
#[derive(Clone, Debug, Default)]
pub(in crate::journal::sqlite) struct CompactLimits {
    /// The time, milliseconds since 1970; `None`: the clock is not to be relied upon.
    pub(in crate::journal::sqlite) wall: Option<i64>,
    /// Nothing at or above it may go.
    pub(in crate::journal::sqlite) hold: u64,
    /// Events below them have gone, and make no others go.
    pub(in crate::journal::sqlite) floors: Arc<Floors>,
}

impl Compactor {
    pub(super) fn new(keys_max: usize) -> Self {
        Self {
            keys_max: keys_max.max(1),
            ..Self::default()
        }
    }

    pub(super) fn stats(&self) -> CompactStats {
        self.stats
    }

    /// Takes the settings of a topic; returns whether they are taken.
    pub(super) fn set(&mut self, name: &str, policy: &TopicPolicy) -> bool {
        let streams = policy.retention.streams;
        let is_same = |topic: &&mut Topic| {
            policy.compact.as_ref() == Some(&topic.compact) && topic.streams == streams
        };
        if self.topics.get_mut(name).filter(is_same).is_some() {
            return true;
        }
        self.topics.remove(name);
        if self.pass.as_ref().is_some_and(|pass| *pass.topic == *name) {
            self.pass = None;
        }
        let Some(compact) = &policy.compact else {
            return true;
        };
        let Ok(rules) = CompactRules::new(compact, streams) else {
            return false;
        };
        if self.topics.len() >= TOPICS_MAX {
            return false;
        }
        let topic = Topic {
            compact: compact.clone(),
            streams,
            number: None,
            index: KeyIndex::new(rules),
            is_read: false,
            kept: 0,
            clean: 0,
            next: 0,
            expires: None,
        };
        self.topics.insert(name.into(), topic);
        self.numbered = None;
        true
    }

    /// Returns what is to be done next, after a bounded look, where everything up to an offset is settled.
    pub(super) fn next(
        &mut self,
        connection: &Connection,
        settled: u64,
        limits: &mut dyn FnMut() -> rusqlite::Result<CompactLimits>,
    ) -> rusqlite::Result<Next> {
        if self.topics.is_empty() {
            return Ok(Next::Idle);
        }
        if let Some(pass) = &mut self.pass {
            let limits = limits()?;
            // Somebody needs what was free when it began. What was noted stays, for the next one.
            if limits.hold < pass.to {
                self.pass = None;
                return Ok(Next::More);
            }
            pass.floors = limits.floors.of(&pass.topic);
            return self.go_on(connection);
        }
        self.find_numbers(connection, settled)?;
        let keys: usize = self.topics.values().map(|topic| topic.index.keys()).sum();
        let is_full = keys >= self.keys_max;
        let may_be_due = |topic: &Topic| topic.is_dirty() || topic.expires.is_some();
        let has_more = self.topics.values().any(|topic| topic.next <= settled);
        if !has_more && !is_full && !self.topics.values().any(may_be_due) {
            return Ok(Next::Idle);
        }
        let limits = limits()?;
        if !is_full && self.take_settled(connection, settled, limits.hold)? {
            return Ok(Next::More);
        }
        let is_paid = self.debt <= READ_FREE;
        // What is held stays: the pass is made when the hold has moved on.
        let mut free = self
            .topics
            .iter()
            .filter(|(_, topic)| topic.next <= limits.hold);
        let due = match is_full {
            true => free
                .filter(|(_, topic)| topic.index.keys() > 0)
                .max_by_key(|(_, topic)| topic.index.keys()),
            false => free
                .find(|(_, topic)| topic.has_expired(limits.wall) || is_paid && topic.is_dirty()),
        };
        let Some((name, topic)) = due else {
            return Ok(Next::Idle);
        };
        let is_part = is_full && !is_paid && topic.clean > 0;
        // Older events of a key that a tombstone stands for may stay: so does that.
        let wall = limits.wall.filter(|_| !is_part);
        self.pass = Some(Pass {
            topic: name.clone(),
            to: topic.next,
            at: if is_part { topic.clean } else { 0 },
            now: wall.unwrap_or(i64::MIN),
            is_part,
            rows: 0,
            floors: limits.floors.of(name),
            kept: 0,
            expires: None,
        });
        Ok(Next::More)
    }

    /// Finds the numbers of topics that have one since the last look, and what new ones have noted.
    fn find_numbers(&mut self, connection: &Connection, settled: u64) -> rusqlite::Result<()> {
        // A topic has its number before any of its events is settled.
        if self.numbered == Some(settled) {
            return Ok(());
        }
        let unread = self.topics.iter_mut().filter(|(_, topic)| !topic.is_read);
        for (name, topic) in unread {
            topic.read(connection, name)?;
        }
        // Numbers are given in order: one look finds those of all that had none.
        let sql = "SELECT id, name FROM topic WHERE id > ?1 ORDER BY id";
        let mut statement = connection.prepare_cached(sql)?;
        let mut highest = match self.highest {
            Some(highest) => highest,
            // All of them were looked up by their names.
            None => {
                let sql = "SELECT ifnull(max(id), 0) FROM topic";
                connection.query_row(sql, [], |row| row.get::<_, i64>(0))? as u64
            }
        };
        let mut found = statement.query([highest as i64])?;
        while let Some(row) = found.next()? {
            let number = row.get::<_, i64>(0)? as u64;
            if let Ok(name) = row.get_ref(1)?.as_str()
                && let Some(topic) = self.topics.get_mut(name)
            {
                topic.number = Some(number);
            }
            highest = number;
        }
        self.highest = Some(highest);
        self.numbered = Some(settled);
        Ok(())
    }

    /// Takes a few more settled events into the indexes, below what is held; returns whether there were any to look at.
    fn take_settled(
        &mut self,
        connection: &Connection,
        settled: u64,
        hold: u64,
    ) -> rusqlite::Result<bool> {
        let from = self.topics.values().map(|topic| topic.next).min();
        let Some(from) = from.filter(|from| *from <= settled && *from < hold) else {
            return Ok(false);
        };
        if self.held.0 == from && hold < self.held.1 {
            return Ok(false);
        }
        let mut numbers: Vec<u64> = self
            .topics
            .values()
            .filter_map(|topic| topic.number)
            .collect();
        numbers.sort_unstable();
        let mut looked = Looked::at(connection, from..hold.min(settled + 1), &numbers)?;
        // Of a chunk of which a part is held nothing is taken: a pass that went as far would have to wait for the rest.
        if let Some(part) = looked.chunks.pop_if(|header| header.last >= hold) {
            looked.end = part.first.max(from);
            if looked.end == from {
                self.held = (from, part.last + 1);
                return Ok(false);
            }
        }
        if looked.end > self.paid {
            self.paid = looked.end;
            self.debt = self.debt.saturating_sub(READ_MAX * looked.rows);
        }
        let is_damaged = looked.is_damaged;
        let topics = &mut self.topics;
        let met_damage = |topics: &mut BTreeMap<Box<str>, Topic>| {
            let topics = topics.values_mut();
            topics.for_each(|topic| topic.index.keep_tombstones());
        };
        if is_damaged {
            met_damage(topics);
        }
        for header in &looked.chunks {
            let is_whole = each_event(connection, &mut self.inflater, *header, |frame, event| {
                if let Some(topic) = topics.get_mut(event.topic())
                    && frame.offset >= topic.next
                {
                    topic.index.take(event, frame.offset);
                }
            })?;
            if !is_whole {
                met_damage(topics);
            }
        }
        for topic in topics.values_mut() {
            topic.next = topic.next.max(looked.end);
        }
        Ok(true)
    }

    /// Looks for the next chunk of the pass of which something goes.
    fn go_on(&mut self, connection: &Connection) -> rusqlite::Result<Next> {
        let found = self
            .pass
            .as_mut()
            .map(|pass| (self.topics.get_mut(&pass.topic), pass));
        let Some((Some(topic), pass)) = found else {
            self.pass = None;
            return Ok(Next::Idle);
        };
        if pass.at >= pass.to {
            return Ok(Next::Write(Step::Compact(Change::Finish)));
        }
        let numbers: Vec<u64> = topic.number.into_iter().collect();
        let looked = Looked::at(connection, pass.at..pass.to, &numbers)?;
        if looked.is_damaged {
            topic.index.keep_tombstones();
        }
        for header in looked.chunks {
            let (mut kept, mut expires, mut goes) = (0, None, false);
            pass.rows += 1;
            self.stats.rows += 1;
            self.debt += u64::from(!pass.is_part);
            let index = &topic.index;
            let is_whole = each_event(connection, &mut self.inflater, header, |frame, event| {
                if frame.offset >= pass.to || event.topic() != &*pass.topic {
                    return;
                }
                match pass.fate(index, frame, event) {
                    Fate::Keyless | Fate::Gone => {}
                    Fate::Newest { expires: at } => {
                        kept += 1;
                        expires = earliest(expires, at);
                    }
                    Fate::Superseded | Fate::Expired => goes = true,
                }
            })?;
            pass.kept += kept;
            pass.expires = earliest(pass.expires, expires);
            // One that is damaged stays as it is, and readers say what is missing. So do those beside a row that is damaged:
            // where rows go, SQLite finds its way by the numbers beside them.
            if !is_whole || looked.is_damaged {
                topic.index.keep_tombstones();
            } else if goes {
                return Ok(Next::Write(Step::Compact(Change::Rewrite(header))));
            }
            pass.at = header.last + 1;
        }
        pass.at = looked.end;
        let rows = looked.rows / (HEADERS / BODIES) as u64;
        pass.rows += rows;
        self.debt += if pass.is_part { 0 } else { rows };
        Ok(Next::More)
    }

    /// Writes a change into a transaction; returns what has gone.
    pub(super) fn write(
        &mut self,
        change: Change,
        connection: &Connection,
        builder: &mut ChunkBuilder,
    ) -> rusqlite::Result<Gone> {
        let Some((pass, topic)) = self
            .pass
            .as_ref()
            .and_then(|pass| Some((pass, self.topics.get_mut(&pass.topic)?)))
        else {
            return Ok(Gone::default());
        };
        let Change::Rewrite(header) = change else {
            topic.write(connection, pass)?;
            return Ok(Gone::default());
        };
        let index = &topic.index;
        let mut keep = |frame: &Frame<'_>, event: EventRef<'_>| {
            frame.offset >= pass.to
                || event.topic() != &*pass.topic
                || !pass.fate(index, frame, event).goes()
        };
        match retention::rewrite(connection, builder, header.first, Worth::Any, &mut keep)? {
            Rewritten::Written(gone, _) => Ok(gone),
            Rewritten::Emptied(gone) => {
                // One row for all that are empty beside each other.
                let mut run = Run::default();
                run.join(&header);
                run.bury(connection, builder)?;
                Ok(gone)
            }
            Rewritten::Untouched | Rewritten::NotWorth(..) => Ok(Gone::default()),
            Rewritten::Damaged => {
                topic.index.keep_tombstones();
                Ok(Gone::default())
            }
        }
    }

    /// Notes that a change is committed. Returns the topic of a pass that is over.
    pub(super) fn done(&mut self, change: Change) -> Option<Box<str>> {
        if let Change::Rewrite(header) = change {
            if let Some(pass) = &mut self.pass {
                pass.at = pass.at.max(header.last + 1);
            }
            return None;
        }
        let pass = self.pass.take()?;
        let topic = self.topics.get_mut(&pass.topic)?;
        if pass.is_part {
            topic.index.keep_tombstones();
            self.stats.parts += 1;
        }
        topic.index.clear();
        topic.kept = topic.kept_by(&pass);
        topic.clean = pass.to;
        let reading = TOMBSTONES_ROW_MS.saturating_mul(pass.rows as i64);
        let every = TOMBSTONES_EVERY_MS.max(topic.age_ms() / AGE_PART);
        let least = pass.now.saturating_add(every.max(reading));
        // Those that stay for good are waited for by nobody.
        let expires = pass.expires.filter(|_| !topic.index.keeps_tombstones());
        topic.expires = expires.map(|expires| expires.max(least));
        Some(pass.topic)
    }
}

impl Pass {
    fn fate(&self, index: &KeyIndex, frame: &Frame<'_>, event: EventRef<'_>) -> Fate {
        index.fate(event, frame.offset, frame.recorded, self.now, self.floors)
    }
}

impl Topic {
    /// Reads how far it is clean, and its number once it has one.
    fn read(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<()> {
        if self.number.is_none() {
            let sql = "SELECT id FROM topic WHERE name = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let number = statement.query_row([name], |row| row.get::<_, i64>(0));
            self.number = number.optional()?.map(|number| number as u64);
        }
        let [clean, kept, damaged, tombstone] = self.keys(name).map(|key| {
            let sql = "SELECT value FROM meta WHERE key = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let value = statement.query_row([key], |row| row.get::<_, i64>(0));
            value.optional()
        });
        let number = |value: Option<i64>| value.unwrap_or(0).max(0) as u64;
        (self.clean, self.kept) = (number(clean?), number(kept?));
        self.next = self.clean;
        if number(damaged?) > 0 {
            self.index.keep_tombstones();
        }
        self.expires = match tombstone? {
            // It was noted before tombstones were: a pass looks for them.
            None => (self.next > 0).then_some(0),
            Some(NO_TOMBSTONE) => None,
            Some(recorded) => Some(recorded.saturating_add(self.age_ms())),
        };
        self.is_read = true;
        Ok(())
    }

    /// Notes that it is clean up to where a pass went.
    fn write(&self, connection: &Connection, pass: &Pass) -> rusqlite::Result<()> {
        let keeps_tombstones = pass.is_part || self.index.keeps_tombstones();
        // The time at which it was taken: another age may be wanted when it is read.
        let taken = |expires: i64| expires.saturating_sub(self.age_ms()).max(0);
        let expires = pass.expires.filter(|_| !keeps_tombstones);
        let values = [
            pass.to as i64,
            self.kept_by(pass) as i64,
            i64::from(keeps_tombstones),
            expires.map_or(NO_TOMBSTONE, taken),
        ];
        for (key, value) in self.keys(&pass.topic).iter().zip(values) {
            let sql = "INSERT OR REPLACE INTO meta VALUES(?1, ?2)";
            let mut statement = connection.prepare_cached(sql)?;
            statement.execute(params![key, value])?;
        }
        Ok(())
    }

    /// The keys of `meta` of a topic. Clean is what is clean by one pointer.
    fn keys(&self, name: &str) -> [String; 4] {
        let Compact { key, .. } = &self.compact;
        let streams = if self.streams { "+streams" } else { "" };
        ["clean", "kept", "damaged", "tombstone"]
            .map(|what| format!("compact {what} {name} {key}{streams}"))
    }

    /// Returns how many events with a key it has after a pass.
    fn kept_by(&self, pass: &Pass) -> u64 {
        let before = if pass.is_part { self.kept } else { 0 };
        before + pass.kept
    }

    /// Returns whether a tombstone of it may go.
    fn has_expired(&self, wall: Option<i64>) -> bool {
        let expires = self.expires.zip(wall);
        expires.is_some_and(|(expires, wall)| expires <= wall)
    }

    /// Returns whether as much is new as it has.
    fn is_dirty(&self) -> bool {
        self.index.events() >= self.kept.max(DIRTY_LEAST)
    }

    fn age_ms(&self) -> i64 {
        i64::try_from(self.compact.tombstone_age.as_millis()).unwrap_or(i64::MAX)
    }
}

/// The chunks of a range that have a topic.
struct Looked {
    chunks: Vec<ChunkHeader>,
    /// Everything before it was looked at.
    end: u64,
    /// Rows that were looked at.
    rows: u64,
    /// There are others, which cannot be read.
    is_damaged: bool,
}

impl Looked {
    /// Looks at a few chunks from the one on that has the first offset.
    fn at(connection: &Connection, range: Range<u64>, numbers: &[u64]) -> rusqlite::Result<Self> {
        let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) FROM chunk \
                   WHERE first >= (SELECT ifnull(max(first), 0) FROM chunk WHERE first <= ?1) ORDER BY first LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query(params![range.start as i64, HEADERS as i64])?;
        let mut looked = Self {
            chunks: Vec::new(),
            end: range.start.max(1),
            rows: 0,
            is_damaged: false,
        };
        while let Some(row) = found.next()? {
            looked.rows += 1;
            let Some((header, topics)) = rows::header(row) else {
                looked.is_damaged = true;
                continue;
            };
            if header.first >= range.end {
                break;
            }
            if header.last < looked.end {
                continue;
            }
            // What has vanished before it is damage, too.
            looked.is_damaged |= header.prev >= looked.end;
            looked.end = header.last + 1;
            if Numbers::new(topics).has_any(numbers) {
                looked.chunks.push(header);
                if looked.chunks.len() == BODIES {
                    return Ok(looked);
                }
            }
        }
        // So many that are all damaged: what is behind them is left alone as well.
        let is_cut = looked.rows == HEADERS as u64;
        if !is_cut || looked.end <= range.start.max(1) {
            looked.is_damaged |= is_cut;
            looked.end = range.end;
        }
        Ok(looked)
    }
}

/// Hands out the events of a chunk; returns whether all of them are whole.
fn each_event(
    connection: &Connection,
    inflater: &mut Inflater,
    header: ChunkHeader,
    mut each: impl FnMut(&Frame<'_>, EventRef<'_>),
) -> rusqlite::Result<bool> {
    let sql = "SELECT crc, body FROM chunk WHERE first = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([header.first as i64])?;
    let Some(row) = rows::unless_damaged(found.next(), None)? else {
        return Ok(false);
    };
    let crc = Checksums::from_number(row.get(0)?);
    let Ok(body) = row.get_ref(1)?.as_blob() else {
        return Ok(false);
    };
    let mut is_whole = true;
    for frame in Frames::of_body(header, inflater.frames(&header, body), crc.body) {
        let found = frame.ok();
        match found.and_then(|frame| Some((frame, EventRef::stored(frame.record)?))) {
            Some((frame, event)) => each(&frame, event),
            None => is_whole = false,
        }
    }
    Ok(is_whole)
}

fn earliest(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}
