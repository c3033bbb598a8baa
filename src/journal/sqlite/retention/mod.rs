//! Retention: what goes, and when. Decided here, done by a step in a transaction of its own, between commits.
//!
//! What goes by a bound of the journal in all goes as whole chunks from the oldest on (`prefix`), and the floor rises with
//! them. What goes by a bound of its topic, or is truncated, is gone for readers once the floor of the topic is raised; chunks
//! of which half has gone are rewritten by a walk over all (`sweep`). A pass over the oldest begins where the last one has come to: events with a
//! stream that lie below are read and counted once. Whatever cannot be read stays, and ends nothing. A floor is shown to readers before the transaction commits: whoever sees rows gone sees why.

mod buckets;
mod clock;
mod floors;
mod meta;
mod names;
mod prefix;
mod rewrite;
mod step;
mod sweep;
mod taken;
mod topics;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};

use self::clock::Clock;
use self::prefix::{Looked, Pass, Stepped};
use self::topics::{Raise, Topics};
use super::upkeep::CompactLimits;
use super::view::View;
use super::write::StateTables;
use crate::deadline;
use crate::journal::{Retention, RoundEvent, StateTx, holds};

pub(super) use floors::{Floor, Floors};
use meta::{BELIEVED, EXEMPT, UNSWEPT, checked, is_there, meta, set_meta};
pub(super) use meta::{read_events, write_events};
pub(super) use names::erase_names;
pub(super) use rewrite::{Gone, Rewritten, Run, Worth, rewrite};
pub(super) use sweep::Sweep;
pub(super) use taken::TakenTopics;

/// Between two looks at how old events are.
const AGE_EVERY: Duration = Duration::from_secs(60);
/// Between two passes where the first took as much as it may.
pub(super) const CAPPED: Duration = Duration::from_secs(1);
/// Between two looks whether what is held, or has a stream, still leaves no room.
const EXCEEDED: Duration = Duration::from_secs(1);
/// Bytes that a journal has whatever is in it, about: below a bound as low nothing is refused for it.
const LEAST_BYTES: u64 = 1 << 20;
/// Bytes of a frame and its part of a row, beside the record, about.
const FRAME_BYTES: u64 = 32;
/// Floors of topics, at most: each is in memory, and looked at for each event below the highest. A truncation that needs a further
/// one is refused.
const FLOORS_MAX: usize = 1 << 16;
/// Floors above which chunks are rewritten for whatever has gone in them, so that floors can be forgotten.
const FLOORS_MANY: usize = FLOORS_MAX / 4;
/// Bytes that went by floors of topics before chunks are looked through for them, at least, and as a part of what is there.
const SWEEP_LEAST: u64 = 1 << 20;
const SWEEP_PART: u64 = 10;
/// As many that they are looked through in any case: somebody asked for it.
const SWEEP_ALL: u64 = i64::MAX as u64;
/// After an error nothing is tried for so long, unless somebody commits; and for so long where something could not be read.
const PAUSED: Duration = Duration::from_secs(10);
const UNREADABLE: Duration = Duration::from_secs(60);
/// Decides what goes.
#[derive(Debug, Default)]
pub(super) struct Retaining {
    bounds: Retention,
    floors: Arc<Floors>,
    topics: Topics,
    clock: Clock,
    pass: Option<Pass>,
    sweep: Option<Sweep>,
    /// Bytes that went by floors of topics since the last walk that looks for them began.
    unswept: u64,
    /// Bytes of events with a stream that passes have looked at, and the offset before which they have looked at everything.
    exempt: u64,
    looked: u64,
    /// Bytes of rows that passes have taken.
    freed: u64,
    has_streams: bool,
    /// Events that have a stream.
    streams: u64,
    /// Events of the oldest chunk that stays: it goes once as many are too many.
    next_events: u64,
    /// Bytes and events that came since the last pass began.
    added: Added,
    /// No pass begins before; of topics.
    not_before: Option<Instant>,
    topics_not_before: Option<Instant>,
    /// Not before: topics that could not be read are read again.
    build_not_before: Option<Instant>,
    /// The next look at how old events are; of topics.
    age_at: Option<Instant>,
    topics_age_at: Option<Instant>,
    /// The reason why events are refused: those that may not go exceed the bound of bytes.
    exceeded: Option<String>,
    /// A step failed: nothing is tried until then, or until somebody commits.
    paused: Option<Instant>,
    /// Rows of a pass could not be taken, since pages beside theirs cannot be read.
    is_stuck: bool,
    /// Up to this offset they are taken one by one.
    beside: u64,
    /// The rest that the last pass left; that over topics.
    left: Left,
    topics_left: Left,
}

/// The size of the journal, as far as it counts for bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct There {
    pub(super) bytes: u64,
    pub(super) events: u64,
    pub(super) last: u64,
}

/// The size of some commits.
#[derive(Clone, Copy, Debug, Default)]
struct Added {
    bytes: u64,
    events: u64,
}

/// The rest that a pass has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Left {
    /// Nothing that is to go.
    #[default]
    Nothing,
    /// More: the next one takes it.
    More,
    /// Some that may not go yet.
    Blocked,
}

/// The kind of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Events of topics are looked through, without a transaction.
    Build,
    /// The oldest chunks go.
    Pass,
    /// Floors of topics rise.
    Raise,
    /// Chunks are rewritten.
    Sweep,
}

impl Retaining {
    /// Looks what is there already. `next`: the next offset; `recorded`: the time of the last event.
    pub(super) fn open(
        connection: &Connection,
        bounds: Retention,
        next: u64,
        recorded: i64,
        now: Instant,
    ) -> rusqlite::Result<Self> {
        let number = |sql: &str| {
            let found = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            found.optional().map(|found| found.unwrap_or(0) as u64)
        };
        let has_streams = number("SELECT 1 FROM stream_version LIMIT 1")? > 0;
        // Only a bound of events has to know.
        let streams = match bounds.events.is_some() && has_streams {
            true => number("SELECT count(*) FROM stream_version")?,
            false => 0,
        };
        let floors = Floors::read(connection, next)?;
        // Whoever wrote an older version did not say.
        let unswept = match is_there(connection, UNSWEPT)? {
            true => meta(connection, UNSWEPT)?,
            false if floors.topics() > 0 => SWEEP_ALL,
            false => 0,
        };
        // Where they may go as well they are looked at again.
        let [exempt, looked] = match checked(connection, EXEMPT)? {
            Some([exempt, looked]) if !bounds.streams && looked <= next => [exempt, looked],
            _ => [0, 0],
        };
        Ok(Self {
            bounds,
            clock: Clock::new(
                clock::wall(connection)?,
                meta(connection, BELIEVED)? as i64,
                recorded,
                now,
            ),
            unswept,
            floors: Arc::new(floors),
            exempt,
            looked,
            has_streams,
            streams,
            age_at: bounds.age.map(|_| now),
            ..Self::default()
        })
    }

    pub(super) fn floors(&self) -> &Arc<Floors> {
        &self.floors
    }

    /// Sets the bounds of a topic.
    pub(super) fn set_topic(&mut self, topic: &str, bounds: Retention, last: u64) {
        self.topics.set(topic, bounds, last);
        self.paused = None;
    }

    /// Notes that a topic was compacted, whose last event has at most this offset.
    pub(super) fn compacted(&mut self, topic: &str, last: u64) {
        self.topics.recount(topic, last);
        self.paused = None;
    }

    /// Returns the limits of compaction: the time, and the lowest offset that is held.
    pub(super) fn limits(
        &mut self,
        connection: &Connection,
        now: Instant,
    ) -> rusqlite::Result<CompactLimits> {
        let wall = self.clock.look(clock::wall(connection)?, now);
        let mut tables = StateTables::new(connection);
        let holds = holds::all(&mut tables).unwrap_or_default();
        if let Some(error) = tables.error.take() {
            return Err(error);
        }
        // One that is too old is cut when retention meets it. By a clock that is not to be relied upon none is.
        let is_old = |hold: &holds::Hold| wall.is_some_and(|wall| hold.is_old(wall));
        let holds = holds.iter().filter(|hold| !is_old(hold));
        Ok(CompactLimits {
            wall,
            floors: Arc::clone(&self.floors),
            hold: holds.map(|hold| hold.position).min().unwrap_or(u64::MAX),
        })
    }

    /// Writes down the time, where it is believed: the journal is about to be closed.
    pub(super) fn close(&mut self, connection: &Connection, now: Instant) -> rusqlite::Result<()> {
        match self.clock.look(clock::wall(connection)?, now) {
            Some(wall) => set_meta(connection, BELIEVED, wall as u64),
            None => Ok(()),
        }
    }

    /// Tries again what failed: somebody commits, or tries whether that can be done.
    pub(super) fn resume(&mut self) {
        self.paused = None;
    }

    /// Notes a commit, of records of so many bytes.
    pub(super) fn committed(&mut self, events: &[RoundEvent<'_>], bytes: u64) {
        let streams = events
            .iter()
            .filter(|event| event.version.is_some())
            .count() as u64;
        self.has_streams |= streams > 0;
        self.streams += streams;
        self.added.bytes += bytes + FRAME_BYTES * events.len() as u64;
        self.added.events += events.len() as u64;
        if !self.topics.is_empty() {
            self.topics.committed(events);
        }
    }

    /// Says why nothing may be added, although there is room on the disk.
    pub(super) fn exceeded(&self) -> Option<&str> {
        self.exceeded.as_deref()
    }

    pub(super) fn is_age_suspended(&self) -> bool {
        let has_ages = self.bounds.age.is_some() || self.topics.have_ages();
        has_ages && self.clock.is_suspended()
    }

    /// Returns the step that is to be made now; `Err`: when it is to be asked again, if nothing else happens.
    pub(super) fn due(&mut self, there: There, now: Instant) -> Result<Work, Option<Duration>> {
        if let Some(until) = self.paused.filter(|until| *until > now) {
            return Err(Some(until - now));
        }
        if self.topics_age_at.is_none() && self.topics.have_ages() {
            self.topics_age_at = Some(now);
        }
        let is_over = |at: Option<Instant>| at.is_none_or(|at| at <= now);
        let is_reached = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let (bytes, events) = self.excess(there);
        let is_due = self.exceeded.is_some() || bytes > 0 || events >= self.next_events.max(1);
        // What came since then may go at any time.
        let may_begin = is_over(self.not_before) || self.added.bytes >= there.bytes / prefix::PART;
        if self.pass.is_some() || may_begin && (is_due || is_reached(self.age_at)) {
            return Ok(Work::Pass);
        }
        if self.topics.is_due && is_over(self.topics_not_before) || is_reached(self.topics_age_at) {
            return Ok(Work::Raise);
        }
        if self.topics.is_building() && is_over(self.build_not_before) {
            return Ok(Work::Build);
        }
        let is_worth = |unswept: u64| unswept >= SWEEP_LEAST.max(there.bytes / SWEEP_PART);
        if self.sweep.is_some() || is_worth(self.unswept) {
            return Ok(Work::Sweep);
        }
        let waits = [
            self.age_at,
            self.topics_age_at,
            self.not_before.filter(|_| is_due),
            self.topics_not_before.filter(|_| self.topics.is_due),
            self.build_not_before.filter(|_| self.topics.is_building()),
        ];
        let wait = waits.into_iter().flatten().min();
        Err(wait.map(|at| at.saturating_duration_since(now)))
    }

    /// Lets the next pass follow the last one at once, where that has left something that may go. Returns whether one does.
    pub(super) fn go_on(&mut self, now: Instant) -> bool {
        let has_more = std::mem::take(&mut self.left) == Left::More;
        if has_more {
            self.not_before = None;
            self.age_at = self.age_at.map(|_| now);
        }
        let have_more = std::mem::take(&mut self.topics_left) == Left::More;
        if have_more {
            self.topics_not_before = None;
        }
        has_more || have_more
    }

    /// Returns whether a pass is on its way.
    pub(super) fn is_passing(&self) -> bool {
        self.pass.is_some()
    }

    /// Returns the bytes of rows that passes have taken.
    pub(super) fn freed(&self) -> u64 {
        self.freed
    }

    /// Looks at what a step is for. What cannot be read then stays; within the transaction it would end that.
    pub(super) fn look(
        &mut self,
        work: Work,
        connection: &Connection,
        there: There,
        now: Instant,
    ) -> rusqlite::Result<Looked> {
        if work != Work::Pass {
            return Ok(Looked::default());
        }
        let mut pass = match self.pass {
            Some(pass) => pass,
            None => self.begin(connection, there, now)?,
        };
        pass.set_excess(self.excess(there).0);
        self.pass = Some(pass);
        pass.look(connection, self.has_streams, pass.at() < self.beside)
    }

    /// Looks through a part of what is there of topics.
    pub(super) fn build(&mut self, view: &Arc<View>, now: Instant) {
        let is_read = self.topics.build(view);
        self.build_not_before = (!is_read).then(|| deadline::after(now, CAPPED));
    }

    /// Returns the bytes and the events that are too many.
    fn excess(&self, there: There) -> (u64, u64) {
        let above = |is: u64, bound: Option<u64>| bound.map_or(0, |bound| is.saturating_sub(bound));
        let exempt = if self.bounds.streams { 0 } else { self.streams };
        let events = there.events.saturating_sub(exempt);
        (
            above(there.bytes, self.bounds.bytes),
            above(events, self.bounds.events),
        )
    }

    /// Notes that a step could not be committed: what it showed is taken back.
    pub(super) fn failed(&mut self, view: &View, is_unreadable: bool, now: Instant) {
        let pause = if is_unreadable { UNREADABLE } else { PAUSED };
        self.paused = Some(deadline::after(now, pause));
        view.set_floors(Arc::clone(&self.floors));
    }

    /// Returns the bytes that have gone by floors of topics once some are raised.
    fn unswept_with(&self, raises: &[Raise]) -> u64 {
        let bytes = raises.iter().map(|raise| raise.excess.bytes).sum();
        self.unswept.saturating_add(bytes).min(SWEEP_ALL)
    }

    /// Lets the walk that is under way know that a topic's floor has risen.
    fn need(&mut self, topic: &str) {
        if let (Some(sweep), Some(number)) = (&mut self.sweep, self.floors.number(topic)) {
            sweep.need(number);
        }
    }

    /// Goes on behind rows that could not be taken: SQLite moves those of the pages beside theirs as well, which cannot be read. Returns
    /// whether it does.
    pub(super) fn evade(&mut self, looked: &Looked) -> bool {
        let Some(pass) = self.pass.as_mut().filter(|_| self.is_stuck) else {
            return false;
        };
        let evades = match pass.at() < self.beside {
            true => pass.skip(looked),
            false => looked.last() >= pass.at(),
        };
        self.beside = self.beside.max(looked.last() + 1);
        if evades {
            self.paused = None;
        }
        evades
    }

    /// Raises the floor of a topic since somebody asked for it, within a transaction. Nobody is told of it, so that it is shown only
    /// once it is committed, by [`truncated`](Self::truncated). Returns `None` where there is no room for a floor.
    pub(super) fn truncate(
        &self,
        connection: &Connection,
        topic: &str,
        below: u64,
        streams: bool,
    ) -> rusqlite::Result<Option<Arc<Floors>>> {
        let mut floors = Arc::clone(&self.floors);
        let mut floor = floors.topic(topic);
        floor.truncated = floor.truncated.max(below);
        if streams {
            floor.truncated_streams = floor.truncated_streams.max(below);
        }
        if floors.topic(topic) != floor {
            if floors.number(topic).is_none() && floors.topics() >= FLOORS_MAX {
                return Ok(None);
            }
            Arc::make_mut(&mut floors).raise_topic(connection, topic, floor)?;
            // One that has no number has no events.
            if floors.number(topic).is_some() {
                set_meta(connection, UNSWEPT, SWEEP_ALL)?;
            }
        }
        Ok(Some(floors))
    }

    /// Lets chunks be looked through that may have events that have gone.
    pub(super) fn sweep(&mut self) {
        self.unswept = SWEEP_ALL;
    }

    /// Notes that a truncation is committed, and shows it. A walk that is under way goes on, and one more follows it.
    pub(super) fn truncated(&mut self, topic: &str, below: u64, floors: Arc<Floors>, view: &View) {
        if floors.topic(topic) != self.floors.topic(topic) {
            self.floors = floors;
            view.set_floors(Arc::clone(&self.floors));
            self.unswept = SWEEP_ALL;
            self.need(topic);
        }
        self.topics.truncated(topic, below);
        self.paused = None;
    }

    /// Begins a pass.
    fn begin(
        &mut self,
        connection: &Connection,
        there: There,
        now: Instant,
    ) -> rusqlite::Result<Pass> {
        let (_, events) = self.excess(there);
        let mut older_than = None;
        if let Some(age) = self.bounds.age
            && self.age_at.is_none_or(|at| at <= now)
        {
            self.age_at = Some(deadline::after(now, AGE_EVERY));
            let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            let wall = self.clock.look(clock::wall(connection)?, now);
            older_than = wall.map(|wall| wall.saturating_sub(age));
        }
        // Compaction takes some of what was counted. More than there is cannot be: it is counted again.
        if self.exempt > there.bytes {
            (self.exempt, self.looked) = (0, 0);
        }
        let at = match self.bounds.streams {
            true => self.floors.all().retained_streams,
            false => self.looked,
        };
        let added = std::mem::take(&mut self.added);
        Ok(Pass::new(at, events, older_than, there, added))
    }

    /// Reads the holds, and cuts those that held for too long or too much.
    fn holds(
        &self,
        connection: &Connection,
        wall: Option<i64>,
        there: There,
    ) -> rusqlite::Result<Holds> {
        let mut tables = StateTables::new(connection);
        let all = holds::keyed(&mut tables);
        if let Some(error) = tables.error.take() {
            return Err(error);
        }
        let mut holds = Holds::default();
        for (key, hold) in all.unwrap_or_default() {
            let is_old = wall.is_some_and(|wall| hold.is_old(wall));
            if is_old || self.holds_too_much(hold.position, there) {
                let _ = tables.delete(holds::TABLE, &key);
                if let Some(error) = tables.error.take() {
                    return Err(error);
                }
                holds.cut += 1;
            } else if holds
                .lowest
                .as_ref()
                .is_none_or(|lowest| hold.position < lowest.position)
            {
                holds.lowest = Some(hold);
            }
        }
        Ok(holds)
    }

    /// Returns whether what lies at an offset and behind it is more than half of the bound, while that is exceeded. Bytes are
    /// taken as spread evenly over offsets.
    fn holds_too_much(&self, position: u64, there: There) -> bool {
        let Some(bound) = self.bounds.bytes.filter(|bound| there.bytes > *bound) else {
            return false;
        };
        let floor = self.floors.all().of(false);
        let all = (there.last + 1).saturating_sub(floor).max(1);
        let held = (there.last + 1).saturating_sub(position.max(floor));
        let bytes = there.bytes.saturating_sub(self.exempt);
        u128::from(bytes) * u128::from(held) / u128::from(all) > u128::from(bound / 2)
    }
}

/// The holds before a step.
#[derive(Clone, Debug, Default)]
struct Holds {
    lowest: Option<holds::Hold>,
    /// Those that were cut.
    cut: u64,
}

/// A step as it was made, until it is committed.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    gone: Gone,
    floors: Arc<Floors>,
    exempt: u64,
    looked: u64,
    /// The time that was written down as believed.
    believed: Option<i64>,
    holds: Holds,
    pass: Option<(Pass, Stepped)>,
    /// The floors that rise; true: somebody needs more that would go.
    raises: Option<(Vec<Raise>, bool)>,
    /// The walk; true: it is done.
    sweep: Option<(Sweep, bool)>,
}

impl Outcome {
    pub(super) fn floors(&self) -> &Floors {
        &self.floors
    }

    /// Returns whether rows have gone, so that pages are free.
    pub(super) fn has_freed(&self) -> bool {
        self.gone.events > 0
    }
}

/// Returns the offset and the time of the oldest event, about: of a chunk that was rewritten it is not known.
pub(super) fn oldest(
    connection: &Connection,
    floors: &Floors,
) -> rusqlite::Result<Option<(u64, i64)>> {
    let sql =
        "SELECT first, last, recorded_first FROM chunk WHERE count > 0 ORDER BY first LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row([], |row| {
        let (first, last) = (row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64);
        Ok((first, last, row.get::<_, i64>(2)?))
    });
    let floor = floors.all().of(false);
    // Where it cannot be read nobody knows more than that.
    let unknown = Some((floor.max(1), floor.max(1), 0));
    let found = super::rows::unless_damaged(found.optional(), unknown)?;
    Ok(found.map(|(first, last, recorded)| {
        // A chunk below the floor has events with a stream.
        let oldest = if floor > last {
            first
        } else {
            first.max(floor)
        };
        (oldest, recorded)
    }))
}

/// Lets SQLite overwrite what it deletes.
pub(super) fn secure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "secure_delete", true)
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let tables = "CREATE TABLE topic(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
            CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
            CREATE TABLE stream_version(stream INTEGER NOT NULL, version INTEGER NOT NULL, offset INTEGER NOT NULL) STRICT;
            CREATE TABLE floor(
                topic INTEGER PRIMARY KEY, retained INTEGER NOT NULL, retained_streams INTEGER NOT NULL,
                truncated INTEGER NOT NULL, truncated_streams INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;";
        connection.execute_batch(tables).unwrap();
        connection
    }

    fn view() -> View {
        View::new("nowhere".into(), None, Arc::default(), None, Vec::new())
    }

    fn open(connection: &Connection) -> Retaining {
        let bounds = Retention::default();
        Retaining::open(connection, bounds, 1_000, 0, Instant::now()).unwrap()
    }

    #[test]
    fn a_truncation_is_shown_once_it_is_committed() {
        let connection = database();
        connection
            .execute("INSERT INTO topic VALUES(7, 'gone')", [])
            .unwrap();
        let (view, mut retaining) = (view(), open(&connection));
        let floors = retaining.truncate(&connection, "gone", 500, false);
        let floors = floors.unwrap().unwrap();
        // It may fail yet.
        assert!(!retaining.floors().is_gone(499, false, "gone"));
        assert!(!view.floors().is_gone(499, false, "gone"));
        retaining.truncated("gone", 500, floors, &view);
        assert!(view.floors().is_gone(499, false, "gone"));
        assert!(!view.floors().is_gone(499, true, "gone"));
    }

    #[test]
    fn with_as_many_floors_as_there_may_be_those_that_are_there_rise() {
        let connection = database();
        connection.execute_batch("BEGIN").unwrap();
        let mut floors = Floors::default();
        for number in 1..=FLOORS_MAX as u64 + 1 {
            let name = format!("t.{number}");
            let mut insert = connection
                .prepare_cached("INSERT INTO topic VALUES(?1, ?2)")
                .unwrap();
            insert.execute(params![number as i64, name]).unwrap();
            if number <= FLOORS_MAX as u64 {
                let mut floor = floors.topic(&name);
                floor.truncated = 10;
                floors.raise_topic(&connection, &name, floor).unwrap();
            }
        }
        let mut retaining = open(&connection);
        assert_eq!(retaining.floors().topics(), FLOORS_MAX);
        assert_eq!(*retaining.floors().as_ref(), floors);
        let more = format!("t.{}", FLOORS_MAX + 1);
        let refused = retaining.truncate(&connection, &more, 20, false).unwrap();
        assert!(refused.is_none());
        let raised = retaining.truncate(&connection, "t.5", 20, false).unwrap();
        retaining.truncated("t.5", 20, raised.unwrap(), &view());
        assert_eq!(retaining.floors().topic("t.5").truncated, 20);
        // Those below which nothing lies are forgotten.
        let needed = [5].into_iter().collect();
        let mut floors = Arc::clone(retaining.floors());
        Floors::forget(&mut floors, &connection, None).unwrap();
        assert!(Arc::ptr_eq(&floors, retaining.floors()));
        Floors::forget(&mut floors, &connection, Some(&needed)).unwrap();
        assert_eq!((floors.topics(), floors.numbers()), (1, &[5][..]));
        assert_eq!(*floors, *open(&connection).floors().as_ref());
    }

    #[test]
    fn a_floor_above_the_end_hides_what_is_there_and_nothing_that_comes() {
        let connection = database();
        connection
            .execute("INSERT INTO topic VALUES(7, 'gone')", [])
            .unwrap();
        let mut floors = Floors::default();
        let floor = Floor {
            truncated: 5_000,
            ..Floor::default()
        };
        floors.raise_topic(&connection, "gone", floor).unwrap();
        let retaining = open(&connection);
        assert!(retaining.floors().is_gone(999, false, "gone"));
        assert!(!retaining.floors().is_gone(1_000, false, "gone"));
    }

    /// Once one flipped byte of a name kept a journal from being opened.
    #[test]
    fn a_damaged_floor_counts_for_nothing_and_keeps_nobody_out() {
        let connection = database();
        connection
            .execute_batch("INSERT INTO topic VALUES(7, 'gone'), (8, 'whole')")
            .unwrap();
        let mut floors = Floors::default();
        let floor = Floor {
            truncated: 500,
            ..Floor::default()
        };
        for name in ["gone", "whole"] {
            floors.raise_topic(&connection, name, floor).unwrap();
        }
        let damages = [
            "UPDATE topic SET name = CAST(x'ff' AS TEXT) WHERE id = 7",
            "UPDATE floor SET crc = crc + (1 << 40) WHERE topic = 7",
        ];
        for damage in damages {
            connection.execute(damage, []).unwrap();
            let retaining = open(&connection);
            assert!(!retaining.floors().is_gone(499, false, "gone"), "{damage}");
            assert!(retaining.floors().is_gone(499, false, "whole"), "{damage}");
        }
    }
}
