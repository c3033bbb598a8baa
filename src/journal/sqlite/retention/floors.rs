//! Floors: the offsets below which events are gone for readers, whether their rows are there still or not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::event::Filter;
use crate::journal::sqlite::rows;

/// Stands for all topics in the table.
const ALL: u64 = 0;

/// The offsets below which events have gone, of all topics or of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::journal::sqlite) struct Floor {
    /// By a bound, but for those with a stream: the last one that went, and one more.
    pub(in crate::journal::sqlite) retained: u64,
    /// By a bound, those with a stream, too.
    pub(in crate::journal::sqlite) retained_streams: u64,
    /// Since somebody asked for it, but for those with a stream. Nobody is told.
    pub(in crate::journal::sqlite) truncated: u64,
    /// Since somebody asked for it, those with a stream, too.
    pub(in crate::journal::sqlite) truncated_streams: u64,
}

impl Floor {
    /// Returns the floor of events that have a stream, or have none.
    pub(in crate::journal::sqlite) fn of(&self, has_stream: bool) -> u64 {
        let streams = self.retained_streams.max(self.truncated_streams);
        match has_stream {
            true => streams,
            false => streams.max(self.retained).max(self.truncated),
        }
    }

    /// Returns the offset below which readers are told that something is missing.
    pub(in crate::journal::sqlite) fn announced(&self) -> u64 {
        self.retained.max(self.retained_streams)
    }

    fn numbers(&self) -> [u64; 4] {
        [
            self.retained,
            self.retained_streams,
            self.truncated,
            self.truncated_streams,
        ]
    }
}

/// All floors of a journal. Readers have a copy that nobody changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::journal::sqlite) struct Floors {
    all: Floor,
    /// By name: the topic's number, and its floor.
    topics: HashMap<Arc<str>, (u64, Floor)>,
    /// The numbers of the topics, sorted.
    numbers: Vec<u64>,
    /// The highest floor of any, and the highest that is told: above it nothing is looked up.
    highest: u64,
    highest_announced: u64,
}

impl Floors {
    pub(in crate::journal::sqlite) fn all(&self) -> Floor {
        self.all
    }

    /// Returns the topics that have a floor.
    pub(super) fn topics(&self) -> usize {
        self.topics.len()
    }

    /// Returns the number of a topic that has a floor.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.topics.get(name).map(|(number, _)| *number)
    }

    /// Returns the floors of topics, by their numbers.
    pub(in crate::journal::sqlite) fn of_topics(&self) -> HashMap<u64, Floor> {
        self.topics.values().copied().collect()
    }

    pub(super) fn topic(&self, name: &str) -> Floor {
        let found = self.topics.get(name);
        found.map(|(_, floor)| *floor).unwrap_or_default()
    }

    /// Returns the highest of all floors.
    pub(in crate::journal::sqlite) fn highest(&self) -> u64 {
        self.highest
    }

    pub(super) fn set_all(&mut self, floor: Floor) {
        self.all = floor;
        self.raise(floor);
    }

    /// Raises the floor of a topic, and writes it. A topic that has no number has no events.
    pub(super) fn raise_topic(
        &mut self,
        connection: &Connection,
        name: &str,
        floor: Floor,
    ) -> rusqlite::Result<()> {
        let sql = "SELECT id FROM topic WHERE name = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let number = statement.query_row([name], |row| row.get::<_, i64>(0));
        let Some(number) = number.optional()? else {
            return Ok(());
        };
        self.set_topic(name, number as u64, floor);
        write(connection, number as u64, &floor)
    }

    /// Forgets floors of topics that say no more than that of all, and those below which nothing lies any more, of which nobody is to
    /// be told. `needed`: the topics that have something below theirs; `None`: all may have.
    pub(super) fn forget(
        floors: &mut Arc<Self>,
        connection: &Connection,
        needed: Option<&HashSet<u64>>,
    ) -> rusqlite::Result<()> {
        let all = floors.all;
        let is_covered = |floor: &Floor| {
            floor.of(false) <= all.of(false)
                && floor.of(true) <= all.of(true)
                && floor.announced() <= all.announced()
        };
        let is_empty = |number: u64, floor: &Floor| {
            let asked = floor.truncated.max(floor.truncated_streams);
            needed.is_some_and(|needed| !needed.contains(&number))
                && floor.announced() <= all.announced().max(asked)
        };
        let goes = |number: u64, floor: &Floor| is_covered(floor) || is_empty(number, floor);
        let gone = floors.topics.values();
        let gone = gone.filter(|(number, floor)| goes(*number, floor));
        let gone: Vec<u64> = gone.map(|(number, _)| *number).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let sql = "DELETE FROM floor WHERE topic = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        for number in &gone {
            statement.execute([*number as i64])?;
        }
        let floors = Arc::make_mut(floors);
        floors
            .topics
            .retain(|_, (number, floor)| !goes(*number, floor));
        floors.numbers = floors.topics.values().map(|(number, _)| *number).collect();
        floors.numbers.sort_unstable();
        (floors.highest, floors.highest_announced) = (0, 0);
        floors.raise(all);
        let left: Vec<Floor> = floors.topics.values().map(|(_, floor)| *floor).collect();
        left.into_iter().for_each(|floor| floors.raise(floor));
        Ok(())
    }

    /// Sets the floor of a topic, which has this number.
    fn set_topic(&mut self, name: &str, number: u64, floor: Floor) {
        self.topics.insert(name.into(), (number, floor));
        if let Err(at) = self.numbers.binary_search(&number) {
            self.numbers.insert(at, number);
        }
        self.raise(floor);
    }

    fn raise(&mut self, floor: Floor) {
        self.highest = self.highest.max(floor.of(false));
        self.highest_announced = self.highest_announced.max(floor.announced());
    }

    /// Returns whether an event has gone.
    #[inline]
    pub(in crate::journal::sqlite) fn is_gone(
        &self,
        offset: u64,
        has_stream: bool,
        topic: &str,
    ) -> bool {
        if offset >= self.highest {
            return false;
        }
        offset < self.all.of(has_stream)
            || self
                .topics
                .get(topic)
                .is_some_and(|(_, floor)| offset < floor.of(has_stream))
    }

    /// Returns the offsets below which events of a topic have gone, without a stream and with one.
    pub(in crate::journal::sqlite) fn of(&self, topic: &str) -> [u64; 2] {
        let floor = self.topic(topic);
        [false, true].map(|has_stream| floor.of(has_stream).max(self.all.of(has_stream)))
    }

    /// Returns the offset below which whoever reads the topics of a filter, from an offset on, is told that events are missing.
    pub(in crate::journal::sqlite) fn announced(&self, filter: &Filter, from: u64) -> u64 {
        let mut announced = self.all.announced();
        if from >= self.highest_announced || announced == self.highest_announced {
            return announced;
        }
        for (name, (_, floor)) in &self.topics {
            if floor.announced() > announced && filter.matches(name) {
                announced = floor.announced();
            }
        }
        announced
    }

    /// Returns the numbers of the topics of which something below an offset has gone by a floor of their own, sorted.
    pub(super) fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// Returns the numbers of the topics of whose floors readers are told.
    pub(super) fn announced_topics(&self) -> impl Iterator<Item = u64> {
        let all = self.all.announced();
        let topics = self.topics.values();
        let announced = topics.filter(move |(_, floor)| {
            floor.announced() > all.max(floor.truncated).max(floor.truncated_streams)
        });
        announced.map(|(number, _)| *number)
    }

    /// Reads what the table has, of a log whose next offset is `next`: above that nothing has gone, and a floor that is higher, since
    /// the end of the log is damaged, ends there. A row that is damaged counts for nothing: events that should be
    /// gone may be there again, and none is hidden that should not be.
    pub(in crate::journal::sqlite) fn read(
        connection: &Connection,
        next: u64,
    ) -> rusqlite::Result<Self> {
        // One of an older schema that is looked at and not changed has none.
        let sql = "SELECT count(*) FROM sqlite_master WHERE name = 'floor'";
        if connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
            return Ok(Self::default());
        }
        let sql = "SELECT f.topic, f.retained, f.retained_streams, f.truncated, f.truncated_streams, f.crc, t.name \
                   FROM floor f LEFT JOIN topic t ON t.id = f.topic";
        let mut statement = connection.prepare(sql)?;
        let mut found = statement.query([])?;
        let mut floors = Self::default();
        while let Some(row) = found.next()? {
            let Some((topic, floor)) = rows::unless_damaged(numbers(row), None)? else {
                continue;
            };
            let floor = Floor {
                retained: floor.retained.min(next),
                retained_streams: floor.retained_streams.min(next),
                truncated: floor.truncated.min(next),
                truncated_streams: floor.truncated_streams.min(next),
            };
            let name = row.get::<_, Option<String>>(6);
            match rows::unless_damaged(name, None)? {
                _ if topic == ALL => floors.set_all(floor),
                Some(name) => floors.set_topic(&name, topic, floor),
                None => {}
            }
        }
        Ok(floors)
    }

    /// Writes the floor of all topics.
    pub(super) fn write_all(&self, connection: &Connection) -> rusqlite::Result<()> {
        write(connection, ALL, &self.all)
    }
}

fn write(connection: &Connection, topic: u64, floor: &Floor) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO floor VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
    connection.prepare_cached(sql)?.execute(params![
        topic as i64,
        floor.retained as i64,
        floor.retained_streams as i64,
        floor.truncated as i64,
        floor.truncated_streams as i64,
        checksum(topic, floor),
    ])?;
    Ok(())
}

/// Reads a topic's number and its floor; `None`: they are not as they were written.
fn numbers(row: &Row<'_>) -> rusqlite::Result<Option<(u64, Floor)>> {
    let number = |column: usize| row.get::<_, i64>(column).map(|number| number as u64);
    let topic = number(0)?;
    let floor = Floor {
        retained: number(1)?,
        retained_streams: number(2)?,
        truncated: number(3)?,
        truncated_streams: number(4)?,
    };
    let crc = row.get::<_, i64>(5)?;
    Ok((i64::from(checksum(topic, &floor)) == crc).then_some((topic, floor)))
}

fn checksum(topic: u64, floor: &Floor) -> u32 {
    let mut crc = crc32c::crc32c(&topic.to_le_bytes());
    for number in floor.numbers() {
        crc = crc32c::crc32c_append(crc, &number.to_le_bytes());
    }
    crc
}
