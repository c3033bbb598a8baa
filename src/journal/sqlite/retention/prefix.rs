//! A pass over the oldest chunks: they go whole, but for what has a stream.

use rusqlite::{Connection, params};

use super::rewrite::{Gone, Rewritten, Run, Worth, rewrite};
use super::{Added, There};
use crate::event::EventRef;
use crate::journal::chunk::{ChunkBuilder, ChunkHeader, Frame};
use crate::journal::sqlite::rows;

/// Chunks that are looked at in a step: publishers wait for it.
const ROWS: usize = 128;
/// Bytes of bodies that are read in a step, where there may be events with a stream.
const READ_MAX: u64 = 1 << 20;
/// A pass takes such a part of what is there, at most: a bound that is wrong by far leaves something for a while.
const PART: u64 = 10;
/// Bytes that a row takes beside its body and its topics, about.
const ROW_BYTES: u64 = 64;

/// A pass: what is to go, and how far it has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    /// Everything before it was looked at.
    at: u64,
    /// Bytes that are to go, and events.
    bytes: u64,
    events: u64,
    /// The offset below which everything is to go, whatever its size.
    below: u64,
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
    /// The last event that went, and one more; 0: none did.
    pub(super) floor: u64,
    /// Bytes of events with a stream that stay below.
    pub(super) exempt: u64,
    pub(super) end: Option<End>,
    /// Events of the chunk before which it ended: with fewer too many it stays.
    pub(super) next: u64,
}

impl Pass {
    /// Begins at an offset: as many bytes and events are to go, and everything below an offset, but no more than a part of what
    /// is there, and what came since the last pass: it keeps up however fast that is.
    pub(super) fn new(
        at: u64,
        (bytes, events): (u64, u64),
        below: u64,
        there: There,
        added: Added,
    ) -> Self {
        Self {
            at,
            bytes,
            events,
            below,
            bytes_max: (there.bytes / PART).max(1) + added.bytes,
            events_max: (there.events / PART).max(1) + added.events,
        }
    }

    /// Makes one step, within a transaction.
    pub(super) fn step(
        &mut self,
        connection: &Connection,
        builder: &mut ChunkBuilder,
        limits: &Limits,
    ) -> rusqlite::Result<Stepped> {
        let rows = headers(connection, self.at, ROWS)?;
        let mut step = Stepped::default();
        let (mut run, mut read, began) = (Run::default(), 0, self.at);
        let is_all = rows.len() < ROWS;
        for row in rows {
            // Readers say what is damaged. It stays: nobody can say what it was.
            let Some((header, bytes)) = row else {
                std::mem::take(&mut run).bury(connection, builder)?;
                continue;
            };
            if header.last < self.at {
                continue;
            }
            step.end = self.ends_at(&header, limits);
            step.next = header.count.into();
            let is_reached = matches!(step.end, Some(End::Done | End::Newest));
            if is_reached && header.first < self.below {
                // Its row stays; what of it is too old has gone all the same.
                step.floor = self.below.min(limits.hold).min(header.last + 1);
            }
            if step.end.is_some() || read > READ_MAX {
                run.bury(connection, builder)?;
                return Ok(step);
            }
            self.at = header.last + 1;
            let gone = if header.count == 0 {
                None
            } else if !limits.has_streams {
                let (events, last) = (header.count.into(), header.last);
                Some(Gone {
                    events,
                    bytes,
                    last,
                })
            } else {
                read += bytes;
                let mut keep =
                    |frame: &Frame<'_>, _: EventRef<'_>| !limits.streams && frame.version.is_some();
                match rewrite(connection, builder, header.first, Worth::Half, &mut keep)? {
                    Rewritten::Emptied(gone) => Some(gone),
                    found => {
                        std::mem::take(&mut run).bury(connection, builder)?;
                        self.passed(&mut step, found, bytes);
                        continue;
                    }
                }
            };
            if let Some(gone) = gone {
                self.went(&mut step, gone, bytes);
            }
            if !run.join(&header) {
                std::mem::take(&mut run).bury(connection, builder)?;
                run.join(&header);
            }
        }
        run.bury(connection, builder)?;
        // What is behind the last row is nothing; before a row that is damaged at the end of the log it is not known.
        let is_stuck = is_all || self.at == began;
        step.end = step.end.or(is_stuck.then_some(End::Newest));
        Ok(step)
    }

    /// Returns why the pass ends before a chunk.
    fn ends_at(&self, header: &ChunkHeader, limits: &Limits) -> Option<End> {
        // There is nothing in an empty row that could be one too many.
        let is_wanted = self.bytes > 0
            || self.events >= u64::from(header.count.max(1))
            || header.last < self.below;
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
        step.floor = step.floor.max(gone.last + 1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.events = self.events.saturating_sub(gone.events);
        self.bytes_max = self.bytes_max.saturating_sub(bytes);
        self.events_max = self.events_max.saturating_sub(gone.events);
    }

    /// Counts what became of a chunk of which something stays.
    fn passed(&mut self, step: &mut Stepped, found: Rewritten, bytes: u64) {
        match found {
            Rewritten::Written(gone, kept) => {
                self.went(step, gone, bytes.saturating_sub(kept));
                step.exempt += kept;
            }
            Rewritten::NotWorth(gone, _) => {
                step.floor = step.floor.max(gone.last + 1);
                self.events = self.events.saturating_sub(gone.events);
                self.events_max = self.events_max.saturating_sub(gone.events);
                step.exempt += bytes;
            }
            Rewritten::Untouched => step.exempt += bytes,
            Rewritten::Damaged | Rewritten::Emptied(_) => {}
        }
    }
}

/// Reads the headers of chunks, with the bytes of their rows, from the one on that has an offset; `None`: it is damaged.
pub(super) fn headers(
    connection: &Connection,
    at: u64,
    rows: usize,
) -> rusqlite::Result<Vec<Option<(ChunkHeader, u64)>>> {
    let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) FROM chunk \
               WHERE first >= (SELECT ifnull(max(first), 0) FROM chunk WHERE first <= ?1) ORDER BY first LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params![i64::try_from(at).unwrap_or(i64::MAX), rows as i64])?;
    let mut headers = Vec::with_capacity(rows);
    while let Some(row) = found.next()? {
        let bytes = row.get::<_, i64>(8).unwrap_or(0) as u64 + ROW_BYTES;
        let header = rows::header(row);
        headers.push(header.map(|(header, topics)| (header, bytes + topics.len() as u64)));
    }
    Ok(headers)
}
