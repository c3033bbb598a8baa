//! What is in a journal, and how large it is.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::failed;
use super::files::{SqliteFiles, wal_bytes};
use super::pages::Progress;
use crate::journal::chunk::{ChunkHeader, Numbers};
use crate::journal::holds::{self, Hold};
use crate::journal::sqlite::retention::{Floor, Floors};
use crate::journal::sqlite::rows;
use crate::journal::sqlite::write::StateTables;
use crate::journal::{Hole, JournalError};

/// Rows whose headers are looked at in one read transaction.
const ROWS: usize = 4096;

/// The size and content of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalInfo {
    /// The version of its tables.
    pub schema: u32,
    /// Used by a process, or closed in order; otherwise the next start looks what is missing.
    pub clean: bool,
    /// The offset of the first event that is there, or of one that has gone and shares its row; 0: there is none.
    pub first: u64,
    /// The time of the first event, milliseconds since 1970; 0: there is none.
    pub recorded_first: i64,
    /// The time of the last event.
    pub recorded_last: i64,
    /// Events in it.
    pub events: u64,
    /// Events of those that belong to a stream, which retention leaves alone unless it is told otherwise.
    pub stream_events: u64,
    /// Rows that the events stand in.
    pub chunks: u64,
    /// Bytes of rows of events.
    pub event_bytes: u64,
    /// Bytes of those that belong to events with a stream, about: by their number.
    pub stream_bytes: u64,
    /// Bytes of rows at or above the lowest position that somebody holds.
    pub held_bytes: u64,
    /// Bytes of events that have gone, by the bounds of all topics or of their own, or on request, and that the scavenger has not
    /// come to yet. About: what is said of a row is its topics, and events with a stream count by their share.
    pub dead_bytes: u64,
    /// The offset below which events have gone by the bounds of all topics, or on request; 0: none have.
    pub floor: u64,
    /// Bytes of everything else that is in use: names, spans, versions, state, and what pages have left over.
    pub index_bytes: u64,
    /// Bytes of pages that are free, and used again.
    pub free_bytes: u64,
    /// Bytes of the log of writes.
    pub wal_bytes: u64,
    /// Topics that ever had an event.
    pub topics: u64,
    /// Streams.
    pub streams: u64,
    /// Keys of each table of state, by its name.
    pub state: Vec<(String, u64)>,
    /// The holds, each with the first event that is held.
    pub holds: Vec<Hold>,
    /// Ranges that are missing, and told to whoever resumes before them.
    pub holes: Vec<Hole>,
}

impl SqliteFiles {
    /// Looks what is in it, by the headers of its rows: about an eighth of the file is read.
    ///
    /// # Errors
    ///
    /// See [`JournalError`]; what is damaged is not counted.
    pub fn info(
        &mut self,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<JournalInfo, JournalError> {
        self.settled(|files| files.look(progress))
    }

    fn look(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<JournalInfo, JournalError> {
        let mut info = JournalInfo {
            schema: self.schema,
            clean: self.is_clean,
            holes: self.holes.clone(),
            wal_bytes: wal_bytes(&self.database),
            ..JournalInfo::default()
        };
        let number = |connection: &Connection, sql: &str| {
            let found = connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
            let found = rows::unless_damaged(found, None).map_err(failed)?;
            Ok::<_, JournalError>(found.unwrap_or(0).max(0) as u64)
        };
        let connection = &self.connection;
        let page_bytes = number(connection, "PRAGMA page_size")?;
        let pages = number(connection, "PRAGMA page_count")?;
        let free = number(connection, "PRAGMA freelist_count")?;
        info.free_bytes = free * page_bytes;
        info.topics = number(connection, "SELECT count(*) FROM topic")?;
        info.streams = number(connection, "SELECT count(*) FROM stream")?;
        info.stream_events = number(connection, "SELECT count(*) FROM stream_version")?;
        info.state = state(connection).map_err(failed)?;
        let mut tables = StateTables::new(connection);
        info.holds = holds::all(&mut tables).map_err(|error| JournalError::Io {
            reason: error.to_string(),
        })?;
        let floors = Floors::read(connection, self.offsets.end).map_err(failed)?;
        info.floor = floors.all().of(false);
        let topics = floors.of_topics();
        let mut below = Below {
            floors: &floors,
            topics: &topics,
            events: 0,
            end: 0,
        };
        let held = info.holds.iter().map(|hold| hold.position).min();
        let in_use = pages.saturating_sub(free) * page_bytes;
        let mut next = self.offsets.start;
        while next < self.offsets.end {
            let read =
                headers(&self.connection, next, held, &mut below, &mut info).map_err(failed)?;
            progress(Progress {
                bytes: info.event_bytes.min(in_use),
                bytes_total: in_use,
                events: info.events,
            });
            match read {
                Some(last) => next = last + 1,
                None => break,
            }
        }
        let events = below.events;
        if events > 0 && floors.all().of(true) < info.floor.max(1) {
            // They stay, unless they were asked for as well.
            let end = below.end;
            let sql = format!("SELECT count(*) FROM stream_version WHERE offset < {end}");
            let streams = number(&self.connection, &sql)?.min(events);
            info.dead_bytes -=
                (u128::from(info.dead_bytes) * u128::from(streams) / u128::from(events)) as u64;
        }
        info.index_bytes = in_use.saturating_sub(info.event_bytes);
        if let Some(mean) = info.event_bytes.checked_div(info.events) {
            info.stream_bytes = (info.stream_events * mean).min(info.event_bytes);
        }
        Ok(info)
    }
}

/// The floors that rows are looked at by.
struct Below<'f> {
    floors: &'f Floors,
    topics: &'f HashMap<u64, Floor>,
    /// Events of rows in which some have gone.
    events: u64,
    /// The offset behind the last of these rows.
    end: u64,
}

impl Below<'_> {
    /// Returns the bytes of a row that are those of topics whose events have gone.
    fn dead(&mut self, header: &ChunkHeader, topics: &[u8], bytes: u64) -> u64 {
        if header.last >= self.floors.highest() {
            return 0;
        }
        let all = self.floors.all().of(false);
        let (mut dead, mut of) = (0, 0);
        for number in Numbers::new(topics) {
            let own = self.topics.get(&number).map_or(0, |floor| floor.of(false));
            dead += u64::from(header.last < all.max(own));
            of += 1;
        }
        if dead > 0 {
            self.events += u64::from(header.count);
            self.end = header.last + 1;
        }
        (bytes * dead).checked_div(of).unwrap_or(0)
    }
}

/// Counts some rows from an offset on; returns the last offset of them.
fn headers(
    connection: &Connection,
    from: u64,
    held: Option<u64>,
    below: &mut Below<'_>,
    info: &mut JournalInfo,
) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) \
               FROM chunk WHERE first >= ?1 ORDER BY first LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([i64::try_from(from).unwrap_or(i64::MAX), ROWS as i64])?;
    let mut last = None;
    while let Some(row) = rows::unless_damaged(found.next(), None)? {
        let Some((header, topics)) = rows::header(row) else {
            let first = rows::unless_damaged(row.get::<_, i64>(0), 0)?;
            last = last.max(u64::try_from(first).ok());
            continue;
        };
        // Of what has gone an empty row stays.
        if info.events == 0 && header.count > 0 {
            info.first = header.first;
            info.recorded_first = header.recorded_first;
        }
        info.recorded_last = header.recorded_last;
        info.chunks += 1;
        info.events += u64::from(header.count);
        let body: i64 = row.get(8)?;
        let bytes = body as u64 + topics.len() as u64;
        info.event_bytes += bytes;
        info.dead_bytes += below.dead(&header, topics, bytes);
        if held.is_some_and(|held| header.last >= held) {
            info.held_bytes += bytes;
        }
        last = last.max(Some(header.last));
    }
    Ok(last.filter(|last| *last >= from))
}

fn state(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let sql = "SELECT name, count(*) FROM state GROUP BY name ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
    let rows: rusqlite::Result<Vec<(String, u64)>> = rows.collect();
    rows::unless_damaged(rows.optional(), None).map(Option::unwrap_or_default)
}
