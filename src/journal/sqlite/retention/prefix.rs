//! A pass over the oldest chunks: they go whole, but for what has a stream.

use rusqlite::{Connection, OptionalExtension, params};

use super::rewrite::{Gone, ROW_BYTES, Rewritten, Run, Worth, rewrite};
use super::{Added, There};
use crate::event::EventRef;
use crate::journal::chunk::{ChunkBuilder, ChunkHeader, Frame, Frames, Inflater};
use crate::journal::sqlite::rows;

/// Chunks that are looked at in a step: publishers wait for it.
const ROWS: usize = 128;
/// The same beside a page that is damaged: that which has come so far, and the next one.
const ROWS_BESIDE: usize = 2;
/// Bytes of rows that are read in a step: where there may be events with a stream all of them are looked at, otherwise rows go as they are.
const READ_MAX: u64 = 1 << 20;
const DELETE_MAX: u64 = 2 << 20;
/// A pass takes such a part of what is there, at most: a bound that is wrong by far leaves something for a while.
pub(super) const PART: u64 = 10;

/// A pass: what is to go, and how far it has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    /// Everything before it was looked at.
    at: u64,
    /// Bytes that are to go, and events.
    bytes: u64,
    events: u64,
    /// The time before which everything is to go, whatever its size.
    older_than: Option<i64>,
    /// Bytes and events that may go in this pass.
    bytes_max: u64,
    events_max: u64,
}

/// The limits of a step that are none of the pass's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Events with a stream may go, too.
    pub(super) streams: bool,
    /// There are events with a stream.
    pub(super) has_streams: bool,
    /// Somebody needs what lies at this offset and behind it.
    pub(super) hold: u64,
    /// The last offset of the log.
    pub(super) last: u64,
}

/// The reason why a pass has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everything that was to go went.
    Done,
    /// There would be more; the next pass is for that.
    Enough,
    /// Somebody needs what comes next.
    Held,
    /// Only the newest chunk is left.
    Newest,
}

/// The work of a step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stepped {
    /// Events that are not there any more.
    pub(super) gone: Gone,
    /// Bytes of rows that are not there any more.
    pub(super) freed: u64,
    /// The last event that went, and one more; 0: none did.
    pub(super) floor: u64,
    /// Bytes of rows that were looked at and stay, since their events have a stream.
    pub(super) exempt: u64,
    /// Bytes of the row before which it ended.
    pub(super) rest: u64,
    pub(super) end: Option<End>,
    /// Events of the chunk before which it ended: with fewer too many it stays.
    pub(super) next: u64,
}

/// The chunks of a step, as they are before its transaction: an error of reading ends that, and must not.
#[derive(Debug, Default)]
pub(in crate::journal::sqlite) struct Looked {
    /// With the bytes of their rows; `None`: it is damaged, or cannot be read.
    rows: Vec<Option<(ChunkHeader, u64)>>,
    /// The offset before which nothing more can be read; 0: all could.
    behind: u64,
    /// There is no more.
    is_all: bool,
}

impl Looked {
    /// Returns the last offset that was seen.
    pub(super) fn last(&self) -> u64 {
        let seen = self.rows.iter().flatten().map(|(header, _)| header.last);
        seen.max().unwrap_or(0)
    }
}

impl Pass {
    /// Begins at an offset: as many bytes and events are to go, and everything older than a time, but no more than a part of what
    /// is there, and what came since the last pass: it keeps up however fast that is.
    pub(super) fn new(
        at: u64,
        events: u64,
        older_than: Option<i64>,
        there: There,
        added: Added,
    ) -> Self {
        Self {
            at,
            bytes: 0,
            events,
            older_than,
            bytes_max: (there.bytes / PART).max(1) + added.bytes,
            events_max: (there.events / PART).max(1) + added.events,
        }
    }

    /// Returns the offset before which everything was looked at.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Says how many bytes are too many now: pages are free once all of their rows have gone, which nobody can foresee.
    pub(super) fn set_excess(&mut self, bytes: u64) {
        self.bytes = bytes;
    }

    /// Looks at what comes next, and whether it can be read. Outside of a transaction.
    pub(super) fn look(
        &self,
        connection: &Connection,
        has_streams: bool,
        is_beside: bool,
    ) -> rusqlite::Result<Looked> {
        let mut looked = Looked::default();
        let rows_max = if is_beside { ROWS_BESIDE } else { ROWS };
        match headers(connection, self.at, rows_max, &mut looked.rows) {
            Ok(()) => looked.is_all = looked.rows.len() < rows_max,
            Err(error) if rows::is_damage(&error) => {
                let seen = looked.rows.iter().flatten().map(|(header, _)| header.last);
                let from = seen.max().map_or(self.at, |last| last.max(self.at)) + 1;
                match readable_behind(connection, from)? {
                    Some(behind) => looked.behind = behind,
                    None => looked.is_all = true,
                }
            }
            Err(error) => return Err(error),
        }
        let max = if has_streams { READ_MAX } else { DELETE_MAX };
        let (mut read, mut count) = (0, 0);
        for row in &mut looked.rows {
            if read > max {
                (looked.is_all, looked.behind) = (false, 0);
                break;
            }
            count += 1;
            if let Some((header, bytes)) = row {
                read += *bytes;
                if !is_readable(connection, header.first)? {
                    *row = None;
                }
            }
        }
        looked.rows.truncate(count);
        Ok(looked)
    }

    /// Leaves the next row where it is; returns whether there is one.
    pub(super) fn skip(&mut self, looked: &Looked) -> bool {
        let mut rows = looked.rows.iter().flatten();
        let next = rows.find(|(header, _)| header.last >= self.at);
        self.at = next.map_or(self.at, |(header, _)| header.last + 1);
        next.is_some()
    }

    /// Makes one step, within a transaction.
    pub(super) fn step(
        &mut self,
        connection: &Connection,
        builder: &mut ChunkBuilder,
        looked: &Looked,
        limits: &Limits,
    ) -> rusqlite::Result<Stepped> {
        let mut step = Stepped::default();
        let (mut run, began) = (Run::default(), self.at);
        for row in &looked.rows {
            // Readers say what is damaged. It stays: nobody can say what it was.
            let Some((header, bytes)) = row else {
                std::mem::take(&mut run).bury(connection, builder)?;
                continue;
            };
            if header.last < self.at {
                continue;
            }
            step.end = self.ends_at(header, limits);
            if let Some(end) = step.end {
                (step.next, step.rest) = (header.count.into(), *bytes);
                if let (End::Done | End::Newest, Some(time)) = (end, self.older_than)
                    && header.recorded_first < time
                {
                    // Its row stays; what of it is too old has gone all the same.
                    let floor = too_old(connection, header.first, time)?.min(limits.hold);
                    step.floor = step.floor.max(floor);
                }
                run.bury(connection, builder)?;
                return Ok(step);
            }
            let from = std::mem::replace(&mut self.at, header.last + 1);
            let gone = if header.count == 0 {
                None
            } else if !limits.has_streams {
                Some(Gone {
                    events: header.count.into(),
                    bytes: *bytes,
                    last: header.last,
                })
            } else {
                let mut keep =
                    |frame: &Frame<'_>, _: EventRef<'_>| !limits.streams && frame.version.is_some();
                match rewrite(connection, builder, header.first, Worth::Any, &mut keep)? {
                    Rewritten::Emptied(gone) => Some(gone),
                    found => {
                        std::mem::take(&mut run).bury(connection, builder)?;
                        let stays = self.passed(&mut step, found, *bytes);
                        // What was merged with something that was looked at already counts once.
                        let all = header.last + 1 - header.first;
                        let new = header.last + 1 - from.max(header.first);
                        step.exempt +=
                            (u128::from(stays) * u128::from(new) / u128::from(all)) as u64;
                        continue;
                    }
                }
            };
            if let Some(gone) = gone {
                self.went(&mut step, gone, *bytes);
            }
            if !run.join(header) {
                std::mem::take(&mut run).bury(connection, builder)?;
                run.join(header);
            }
        }
        run.bury(connection, builder)?;
        self.at = self.at.max(looked.behind);
        // What is behind the last row is nothing; before a row that is damaged at the end of the log it is not known.
        let is_stuck = looked.is_all || self.at == began;
        step.end = step.end.or(is_stuck.then_some(End::Newest));
        Ok(step)
    }

    /// Returns why the pass ends before a chunk.
    fn ends_at(&self, header: &ChunkHeader, limits: &Limits) -> Option<End> {
        // There is nothing in an empty row that could be one too many.
        let is_wanted = self.bytes > 0
            || self.events >= u64::from(header.count.max(1))
            || self
                .older_than
                .is_some_and(|time| header.recorded_last < time);
        if !is_wanted {
            return Some(End::Done);
        }
        if header.last >= limits.last {
            return Some(End::Newest);
        }
        if header.last >= limits.hold {
            return Some(End::Held);
        }
        (self.bytes_max == 0 || self.events_max == 0).then_some(End::Enough)
    }

    /// Counts events that went with their row.
    fn went(&mut self, step: &mut Stepped, gone: Gone, bytes: u64) {
        step.gone.events += gone.events;
        step.gone.bytes += gone.bytes;
        step.freed += bytes;
        step.floor = step.floor.max(gone.last + 1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.events = self.events.saturating_sub(gone.events);
        self.bytes_max = self.bytes_max.saturating_sub(bytes);
        self.events_max = self.events_max.saturating_sub(gone.events);
    }

    /// Counts what became of a chunk of which something stays; returns the bytes that events with a stream still take of it.
    fn passed(&mut self, step: &mut Stepped, found: Rewritten, bytes: u64) -> u64 {
        match found {
            Rewritten::Written(gone, kept) => {
                self.went(step, gone, bytes.saturating_sub(kept));
                kept
            }
            Rewritten::NotWorth(..) | Rewritten::Untouched => bytes,
            Rewritten::Damaged | Rewritten::Emptied(_) => 0,
        }
    }
}

/// Reads the headers of chunks, with the bytes of their rows, from the one on that has an offset; `None`: it is damaged.
fn headers(
    connection: &Connection,
    at: u64,
    rows: usize,
    headers: &mut Vec<Option<(ChunkHeader, u64)>>,
) -> rusqlite::Result<()> {
    let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) FROM chunk \
               WHERE first >= (SELECT ifnull(max(first), 0) FROM chunk WHERE first <= ?1) ORDER BY first LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params![number(at), rows as i64])?;
    while let Some(row) = found.next()? {
        let bytes = row.get::<_, i64>(8).unwrap_or(0) as u64 + ROW_BYTES;
        let header = rows::header(row);
        headers.push(header.map(|(header, topics)| (header, bytes + topics.len() as u64)));
    }
    Ok(())
}

fn number(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// Returns whether the body of a row can be read, whatever is in it.
fn is_readable(connection: &Connection, first: u64) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached("SELECT body FROM chunk WHERE first = ?1")?;
    let read = statement.query_row([number(first)], |row| {
        Ok(row.get_ref(0)?.as_blob().map(<[u8]>::len)?)
    });
    match read {
        Ok(_) => Ok(true),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(false),
        Err(error) if rows::is_damage(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the first row behind an offset that can be read where the one that comes next cannot, about: by halves.
fn readable_behind(connection: &Connection, from: u64) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection
        .prepare_cached("SELECT first FROM chunk WHERE first >= ?1 ORDER BY first LIMIT 1")?;
    let (mut bad, mut end, mut behind) = (from, i64::MAX as u64, None);
    while bad + 1 < end {
        let middle = bad + (end - bad) / 2;
        let found = statement.query_row([number(middle)], |row| row.get::<_, i64>(0));
        match found.optional() {
            Ok(first) => (behind, end) = (first.map(|first| first as u64).or(behind), middle),
            Err(error) if rows::is_damage(&error) => bad = middle,
            Err(error) => return Err(error),
        }
    }
    Ok(behind)
}

/// Returns the offset behind the last event of a chunk that was taken before a time; 0: there is none, or it is damaged.
fn too_old(connection: &Connection, first: u64, time: i64) -> rusqlite::Result<u64> {
    let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
               FROM chunk WHERE first = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([number(first)])?;
    let Some(row) = found.next()? else {
        return Ok(0);
    };
    let Some((header, _)) = rows::header(row) else {
        return Ok(0);
    };
    let mut inflater = Inflater::default();
    let body = inflater.frames(&header, rows::body(row)?);
    let mut floor = 0;
    for frame in Frames::of_body(header, body, rows::body_crc(row)?) {
        match frame {
            Ok(frame) if frame.recorded < time => floor = frame.offset + 1,
            Ok(_) => break,
            Err(_) => return Ok(0),
        }
    }
    Ok(floor)
}
