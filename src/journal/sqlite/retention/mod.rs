//! Retention: what goes, and when. Decided here, done by a step in a transaction of its own, between commits.
//!
//! What goes by a bound of the journal in all goes as whole chunks from the oldest on (`prefix`), and the floor rises with
//! them. The floor is shown to readers before the transaction commits: whoever sees rows gone sees why.

mod clock;
mod floors;
mod prefix;
mod rewrite;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, params};

use self::clock::Clock;
use self::prefix::{End, Limits, Pass, Stepped};
use super::view::View;
use super::write::StateTables;
use crate::deadline;
use crate::journal::chunk::{ChunkBuilder, Inflater};
use crate::journal::{Retention, holds};

pub(super) use floors::Floors;
#[allow(unused_imports, reason = "compaction rewrites, too")]
pub(super) use rewrite::{Gone, Rewritten, Worth, rewrite};

/// Between two looks at how old events are.
const AGE_EVERY: Duration = Duration::from_mins(1);
/// Between two passes where the first took as much as it may.
const CAPPED: Duration = Duration::from_secs(1);
/// Between two looks whether what is held, or has a stream, still leaves no room.
const EXCEEDED: Duration = Duration::from_secs(1);
/// Bytes that a journal has whatever is in it, about: below a bound as low nothing is refused for it.
const LEAST_BYTES: u64 = 1 << 20;
/// The keys of `meta`: bytes of events with a stream that lie below the floor; events, and up to which offset.
const EXEMPT: &str = "exempt";
const EVENTS: [&str; 2] = ["events", "events_to"];

/// Decides what goes.
#[derive(Debug, Default)]
pub(super) struct Retaining {
    bounds: Retention,
    floors: Arc<Floors>,
    clock: Clock,
    pass: Option<Pass>,
    /// Bytes of events with a stream that lie below the floor.
    exempt: u64,
    has_streams: bool,
    /// Events that have a stream.
    streams: u64,
    /// No pass begins before.
    not_before: Option<Instant>,
    /// The next look at how old events are.
    age_at: Option<Instant>,
    /// What is there exceeds the bound of bytes, and may not go.
    exceeded: Option<String>,
    /// A step failed: nothing is tried until the next commit.
    is_paused: bool,
}

/// What is there, as far as it counts for bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct There {
    pub(super) bytes: u64,
    pub(super) events: u64,
    pub(super) last: u64,
}

impl Retaining {
    /// Looks what is there already. `recorded`: the time of the last event.
    pub(super) fn open(
        connection: &Connection,
        bounds: Retention,
        last: u64,
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
        let sql = "SELECT value FROM meta WHERE key = ?1";
        let exempt = connection.query_row(sql, [EXEMPT], |row| row.get::<_, i64>(0));
        Ok(Self {
            bounds,
            floors: Arc::new(Floors::read(connection, last)?),
            clock: Clock::new(clock::wall(connection)?, recorded, now),
            pass: None,
            exempt: exempt.optional()?.unwrap_or(0).max(0) as u64,
            has_streams,
            streams,
            not_before: None,
            age_at: bounds.age.map(|_| now),
            exceeded: None,
            is_paused: false,
        })
    }

    pub(super) fn floors(&self) -> &Arc<Floors> {
        &self.floors
    }

    /// Notes a commit, of which so many events have a stream.
    pub(super) fn committed(&mut self, streams: u64) {
        self.has_streams |= streams > 0;
        self.streams += streams;
        self.is_paused = false;
    }

    /// Says why nothing may be added, although there is room on the disk.
    pub(super) fn exceeded(&self) -> Option<&str> {
        self.exceeded.as_deref()
    }

    pub(super) fn is_age_suspended(&self) -> bool {
        self.bounds.age.is_some() && self.clock.is_suspended()
    }

    /// Returns whether there is a step to make now. `Err`: when it is to be asked again, if nothing else happens.
    pub(super) fn is_due(&self, there: There, now: Instant) -> Result<(), Option<Duration>> {
        if self.is_paused {
            return Err(None);
        }
        if self.pass.is_some() {
            return Ok(());
        }
        let in_time = |at: Instant| at.saturating_duration_since(now);
        if let Some(at) = self.not_before.filter(|at| *at > now) {
            return Err(Some(in_time(at)));
        }
        let is_over = self.excess(there) != (0, 0);
        match self.age_at {
            _ if is_over || self.exceeded.is_some() => Ok(()),
            Some(at) if at <= now => Ok(()),
            at => Err(at.map(in_time)),
        }
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

    /// Makes a step, within a transaction, and shows the new floors. What the caller notes when it is committed.
    pub(super) fn step(
        &mut self,
        connection: &Connection,
        builder: &mut ChunkBuilder,
        there: There,
        view: &View,
        now: Instant,
    ) -> rusqlite::Result<Outcome> {
        let wall = self.clock.look(clock::wall(connection)?, now);
        let holds = self.holds(connection, wall, there)?;
        let mut pass = match self.pass {
            Some(pass) => pass,
            None => self.begin(connection, there, wall, now)?,
        };
        let limits = Limits {
            streams: self.bounds.streams,
            has_streams: self.has_streams,
            hold: holds.lowest.as_ref().map_or(u64::MAX, |hold| hold.position),
            last: there.last,
        };
        let stepped = pass.step(connection, builder, &limits)?;
        let mut floors = (*self.floors).clone();
        let mut all = floors.all();
        all.retained = all.retained.max(stepped.floor);
        if limits.streams {
            all.retained_streams = all.retained_streams.max(stepped.floor);
        }
        let is_raised = all != floors.all();
        let exempt = match limits.streams {
            true => 0,
            false => self.exempt + stepped.exempt,
        };
        if is_raised {
            floors.set_all(all);
            floors.write_all(connection)?;
        }
        if exempt != self.exempt {
            set_meta(connection, EXEMPT, exempt)?;
        }
        if stepped.gone.events > 0 {
            write_events(
                connection,
                there.events - stepped.gone.events.min(there.events),
                there.last,
            )?;
        }
        let oldest = oldest(connection, &floors)?;
        let floors = is_raised.then(|| Arc::new(floors));
        if let Some(floors) = &floors {
            view.set_floors(Arc::clone(floors));
        }
        Ok(Outcome {
            pass,
            stepped,
            floors,
            exempt,
            holds,
            oldest,
        })
    }

    /// Notes that a step is committed.
    pub(super) fn done(&mut self, outcome: Outcome, there: There, view: &View, now: Instant) {
        let Outcome {
            pass,
            stepped,
            floors,
            exempt,
            holds,
            oldest,
        } = outcome;
        if let Some(floors) = floors {
            self.floors = floors;
        }
        self.exempt = exempt;
        view.removed(stepped.gone.events, stepped.gone.bytes, oldest);
        view.set_age_suspended(self.is_age_suspended());
        view.cut_holds(holds.cut);
        self.pass = Some(pass).filter(|_| stepped.end.is_none());
        let is_over = self.excess(there).0 > 0;
        match stepped.end {
            None => {}
            Some(End::Done) => self.exceeded = None,
            Some(End::Enough) => self.not_before = Some(deadline::after(now, CAPPED)),
            Some(End::Held | End::Newest) => {
                self.not_before = Some(deadline::after(now, EXCEEDED));
                let is_full = is_over && there.bytes > LEAST_BYTES;
                let held = holds.lowest.filter(|_| stepped.end == Some(End::Held));
                self.exceeded = match held {
                    Some(hold) if is_full => Some(format!(
                        "the bound of {} bytes is exceeded by what {:?} holds and by events with a stream",
                        self.bounds.bytes.unwrap_or(0),
                        hold.name
                    )),
                    None if is_full && exempt > 0 => Some(format!(
                        "the bound of {} bytes is exceeded by events with a stream alone",
                        self.bounds.bytes.unwrap_or(0)
                    )),
                    _ => None,
                };
            }
        }
    }

    /// Notes that a step could not be committed: what it showed is taken back.
    pub(super) fn failed(&mut self, view: &View) {
        self.is_paused = true;
        view.set_floors(Arc::clone(&self.floors));
    }

    /// Begins a pass.
    fn begin(
        &mut self,
        connection: &Connection,
        there: There,
        wall: Option<i64>,
        now: Instant,
    ) -> rusqlite::Result<Pass> {
        let (bytes, events) = self.excess(there);
        let mut below = 0;
        if let Some(age) = self.bounds.age
            && self.age_at.is_none_or(|at| at <= now)
        {
            self.age_at = Some(deadline::after(now, AGE_EVERY));
            let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            if let Some(wall) = wall {
                below = super::read::since(
                    connection,
                    wall.saturating_sub(age),
                    there.last,
                    &mut Inflater::default(),
                )?;
            }
        }
        let all = self.floors.all();
        let at = match self.bounds.streams {
            true => all.retained_streams,
            false => all.retained,
        };
        Ok(Pass::new(at, (bytes, events), below, there))
    }

    /// Reads the holds, and cuts those that held for too long or too much.
    fn holds(
        &self,
        connection: &Connection,
        wall: Option<i64>,
        there: There,
    ) -> rusqlite::Result<Holds> {
        let mut tables = StateTables::new(connection);
        let all = holds::all(&mut tables);
        if let Some(error) = tables.error.take() {
            return Err(error);
        }
        let mut holds = Holds::default();
        for hold in all.unwrap_or_default() {
            let age = wall.map_or(0, |wall| wall.saturating_sub(hold.set_at));
            let is_old = u128::try_from(age).is_ok_and(|age| age > holds::AGE_MAX.as_millis());
            if is_old || self.holds_too_much(hold.position, there) {
                let _ = holds::remove(&mut tables, &hold.name);
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

/// What is held.
#[derive(Clone, Debug, Default)]
struct Holds {
    lowest: Option<holds::Hold>,
    /// Those that were cut.
    cut: u64,
}

/// A step as it was made, until it is committed.
#[derive(Debug)]
pub(super) struct Outcome {
    pass: Pass,
    stepped: Stepped,
    /// `None`: as before.
    floors: Option<Arc<Floors>>,
    exempt: u64,
    holds: Holds,
    oldest: Option<(u64, i64)>,
}

impl Outcome {
    /// Returns whether rows have gone, so that pages are free.
    pub(super) fn has_freed(&self) -> bool {
        self.stepped.gone.events > 0
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
    Ok(found.optional()?.map(|(first, last, recorded)| {
        let floor = floors.all().of(false);
        // A chunk below the floor has events with a stream.
        let oldest = if floor > last {
            first
        } else {
            first.max(floor)
        };
        (oldest, recorded)
    }))
}

/// Writes down how many events there are up to an offset, so that the next opening counts what is behind it only.
pub(super) fn write_events(
    connection: &Connection,
    events: u64,
    last: u64,
) -> rusqlite::Result<()> {
    let [key, to] = EVENTS;
    set_meta(connection, key, events)?;
    set_meta(connection, to, last)
}

fn set_meta(connection: &Connection, key: &str, value: u64) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO meta VALUES(?1, ?2)";
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute(params![key, value as i64]).map(|_| ())
}
