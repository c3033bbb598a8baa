//! A reader: a connection that holds the readers' baton for each of its short transactions.

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::batch::Batch;
use super::walk;
use super::wanted::Wanted;
use crate::event::EventRef;
use crate::journal::chunk::{Frame, Frames, Inflater};
use crate::journal::sqlite::retention::Floors;
use crate::journal::sqlite::view::View;
use crate::journal::sqlite::wal::BatonReader;
use crate::journal::sqlite::write::{StateTables, stream_name};
use crate::journal::sqlite::{open, rows};
use crate::journal::{
    Hole, HoleReason, JournalError, JournalReader, Scan, ScanEnd, StateTx, StoredEvent,
};

/// Tries of a transaction that checkpoints interrupt.
const TRIES: usize = 8;

pub(in crate::journal::sqlite) struct SqliteReader {
    connection: Connection,
    baton: BatonReader,
    view: Arc<View>,
    wanted: Wanted,
    batch: Batch,
    /// Every topic includes those that only the program itself publishes to.
    takes_reserved: bool,
}

impl SqliteReader {
    pub(in crate::journal::sqlite) fn open(view: &Arc<View>) -> Result<Self, JournalError> {
        if view.is_closed() {
            return Err(JournalError::Closed);
        }
        let connection = open::reader(&view.path, view.vfs.as_deref()).map_err(failed)?;
        Ok(Self::new(connection, view))
    }

    fn new(connection: Connection, view: &Arc<View>) -> Self {
        Self {
            baton: view.baton.reader(connection.get_interrupt_handle()),
            connection,
            view: Arc::clone(view),
            wanted: Wanted::default(),
            batch: Batch::default(),
            takes_reserved: false,
        }
    }

    /// Reads everything that there is by a connection that was opened for it.
    pub(in crate::journal::sqlite) fn of_all(connection: Connection, view: &Arc<View>) -> Self {
        Self {
            takes_reserved: true,
            ..Self::new(connection, view)
        }
    }

    /// Runs a read transaction: short, and again if a checkpoint has ended it.
    fn transact<T>(
        &mut self,
        mut read: impl FnMut(&Connection, &mut Wanted, &mut Batch) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        for _ in 0..TRIES {
            let _held = self.baton.hold();
            let result = Transaction::begin(&self.connection)
                .and_then(|tx| read(tx.0, &mut self.wanted, &mut self.batch));
            match result {
                Err(error) if is_interrupted(&error) => {}
                result => return result.map_err(failed),
            }
        }
        Err(JournalError::Io {
            reason: "interrupted by checkpoints".to_owned(),
        })
    }

    fn gather(&mut self, scan: &Scan<'_>) -> Result<(), JournalError> {
        let range = scan.range.clone();
        // Before the transaction begins: it sees at least that, and what of it is not there is missing.
        let last = self.view.last();
        self.transact(|connection, wanted, batch| {
            let next = if scan.descending {
                range.end
            } else {
                range.start
            };
            batch.start(range.clone(), next, scan.events_max, scan.bytes_max);
            match wanted.update(connection, scan.filter) {
                Err(error) if rows::is_damage(&error) => wanted.look_everywhere(scan.filter),
                other => other?,
            }
            match scan.descending {
                false => walk::forward(connection, &range, last, wanted, batch),
                true => walk::backward(connection, &range, last, wanted, batch),
            }
        })?;
        self.batch.inflate();
        Ok(())
    }

    /// Hands out what was gathered. Returns how far that came.
    fn hand_out(
        &mut self,
        scan: &Scan<'_>,
        floors: &Floors,
        each: &mut dyn FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> u64 {
        let Batch {
            chunks,
            bodies,
            damaged,
            next,
            ..
        } = &mut self.batch;
        let mut giving = Giving::new(scan, floors, self.takes_reserved);
        // In frames of a chunk, for what goes back.
        let mut steps: Vec<Result<Frame<'_>, Range<u64>>> = Vec::new();
        for chunk in chunks.iter() {
            let frames = chunk.frames(bodies);
            let stopped = if scan.descending {
                steps.clear();
                steps.extend(frames);
                let mut steps = steps.drain(..).rev();
                steps.find_map(|step| giving.give(step, damaged, each))
            } else {
                let mut frames = frames;
                frames.find_map(|step| giving.give(step, damaged, each))
            };
            if let Some(stopped) = stopped {
                return stopped;
            }
        }
        *next
    }
}

/// The bounds of one call, and how much of them is used.
struct Giving<'s> {
    scan: &'s Scan<'s>,
    floors: &'s Floors,
    takes_all: bool,
    takes_reserved: bool,
    events: usize,
    bytes: usize,
    /// The topic that was asked about last: the next event is often of the same.
    asked: Option<(u64, bool)>,
}

impl<'s> Giving<'s> {
    fn new(scan: &'s Scan<'s>, floors: &'s Floors, takes_reserved: bool) -> Self {
        Self {
            scan,
            floors,
            takes_reserved,
            takes_all: scan.filter.is_all(),
            events: 0,
            bytes: 0,
            asked: None,
        }
    }

    /// Hands one out, if it is wanted; returns where to go on where that is the end.
    #[inline]
    fn give(
        &mut self,
        step: Result<Frame<'_>, Range<u64>>,
        damaged: &mut Vec<Range<u64>>,
        each: &mut dyn FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> Option<u64> {
        let frame = match step {
            Ok(frame) => frame,
            Err(missing) => {
                damaged.push(missing);
                return None;
            }
        };
        let Some(event) = EventRef::stored(frame.record) else {
            damaged.push(frame.offset..frame.offset + 1);
            return None;
        };
        if !self.takes(event) {
            return None;
        }
        let has_stream = frame.version.is_some();
        if self.floors.is_gone(frame.offset, has_stream, event.topic()) {
            return None;
        }
        let descending = self.scan.descending;
        // The first one goes out whatever its size, else nobody would ever get past it.
        let bytes = self.bytes + frame.record.len();
        if self.events >= self.scan.events_max || self.events > 0 && bytes > self.scan.bytes_max {
            return Some(frame.offset + u64::from(descending));
        }
        (self.events, self.bytes) = (self.events + 1, bytes);
        let flow = each(StoredEvent {
            offset: frame.offset,
            recorded: frame.recorded,
            rest: frame.rest,
            version: frame.version,
            event,
        });
        flow.is_break()
            .then_some(frame.offset + u64::from(!descending))
    }

    fn takes(&mut self, event: EventRef<'_>) -> bool {
        if self.takes_all {
            return self.takes_reserved || !event.is_reserved();
        }
        let hash = event.topic_hash();
        match self.asked {
            Some((asked, takes)) if asked == hash => takes,
            _ => {
                let takes = self.scan.filter.matches(event.topic());
                self.asked = Some((hash, takes));
                takes
            }
        }
    }
}

impl JournalReader for SqliteReader {
    fn read(
        &mut self,
        scan: &Scan<'_>,
        each: &mut dyn FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> Result<ScanEnd, JournalError> {
        let mut end = ScanEnd::default();
        end.next = if scan.descending {
            scan.range.end
        } else {
            scan.range.start
        };
        if scan.range.is_empty() || scan.events_max == 0 {
            return Ok(end);
        }
        self.gather(scan)?;
        let begun = end.next;
        // Behind the transaction: whatever has gone in it lies below them.
        let floors = self.view.floors();
        end.next = self.hand_out(scan, &floors, each);
        debug_assert_ne!(end.next, begun, "a call gets on, also through damage");
        let looked_at = match scan.descending {
            true => end.next..scan.range.end,
            false => scan.range.start..end.next,
        };
        let damaged = self.batch.damaged.drain(..);
        let damaged: Vec<Hole> = damaged
            .map(|range| Hole::new(range, HoleReason::Damaged))
            .collect();
        let damaged = Hole::all_inside(&damaged, &looked_at);
        self.view.met_damage(damaged.len() as u64);
        end.holes = Hole::all_inside(&self.view.holes, &looked_at);
        end.holes.extend(damaged);
        end.retained_below = floors.announced(scan.filter, looked_at.start);
        let told = end.retained_below.min(looked_at.end);
        if looked_at.start < told {
            // Nothing else is said of what went by a bound of all: whatever it was, it would have gone.
            let all = floors.all().announced();
            end.holes
                .retain(|hole| hole.range.end > all || hole.reason == HoleReason::Damaged);
            end.holes
                .push(Hole::new(looked_at.start..told, HoleReason::Retention));
        }
        end.holes.sort_unstable_by_key(|hole| hole.range.start);
        Ok(end)
    }

    fn since(&mut self, recorded: i64) -> Result<u64, JournalError> {
        let last = self.view.last();
        self.transact(|connection, _, batch| since(connection, recorded, last, batch.inflater()))
    }

    fn stream_version(&mut self, ty: &str, id: &str) -> Result<Option<u64>, JournalError> {
        let mut name = String::new();
        stream_name(ty, id, &mut name);
        self.transact(|connection, _, _| {
            let sql = "SELECT max(version) FROM stream_version \
                       WHERE stream = (SELECT id FROM stream WHERE name = ?1)";
            let mut statement = connection.prepare_cached(sql)?;
            let version = statement.query_row([&name], |row| row.get::<_, Option<i64>>(0))?;
            Ok(version.map(|version| version as u64))
        })
    }

    fn state(&mut self, look: &mut dyn FnMut(&mut dyn StateTx)) -> Result<(), JournalError> {
        // One try: whoever looks is called once.
        let _held = self.baton.hold();
        let tx = Transaction::begin(&self.connection).map_err(failed)?;
        let mut tables = StateTables::new(tx.0);
        look(&mut tables);
        match tables.error.take() {
            // A read that failed is none that found something wrong: it may be tried again. What was put is refused, and lost.
            Some(error) if error.sqlite_error_code() != Some(ErrorCode::ReadOnly) => {
                Err(failed(error))
            }
            _ => Ok(()),
        }
    }
}

/// A read transaction, with statements that stay prepared: parsing them would take as long as a look at one event.
struct Transaction<'c>(&'c Connection);

impl<'c> Transaction<'c> {
    fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(connection))
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // It has changed nothing. If it cannot be ended the next one cannot begin, and says so.
        let _ = self
            .0
            .prepare_cached("ROLLBACK")
            .and_then(|mut end| end.execute([]));
    }
}

/// A chunk, as a look-up by time needs it.
struct Recorded {
    first: u64,
    last: u64,
    recorded_last: i64,
}

/// Finds the first event that was taken at a time or later: by halves over offsets, then inside a chunk. Times never go
/// back, so chunks are in the order of both.
fn since(
    connection: &Connection,
    recorded: i64,
    last: u64,
    inflater: &mut Inflater,
) -> rusqlite::Result<u64> {
    let chunk = |sql: &str, at: u64| {
        let mut statement = connection.prepare_cached(sql)?;
        let row = statement.query_row(params![walk::bound(at)], |row| {
            Ok(Recorded {
                first: row.get::<_, i64>(0)? as u64,
                last: row.get::<_, i64>(1)? as u64,
                recorded_last: row.get(2)?,
            })
        });
        row.optional()
    };
    let at_or_before = "SELECT first, last, recorded_last FROM chunk WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
    let at_or_behind =
        "SELECT first, last, recorded_last FROM chunk WHERE first >= ?1 ORDER BY first LIMIT 1";
    let Some(newest) = chunk(at_or_before, u64::MAX)? else {
        return Ok(last + 1);
    };
    if newest.recorded_last < recorded {
        return Ok(newest.last.saturating_add(1));
    }
    // The chunk that is wanted begins at `low` or behind it, and at `high` or before.
    let (mut low, mut high) = (0, newest.first);
    while low < high {
        let middle = low + (high - low) / 2;
        match chunk(at_or_before, middle)? {
            Some(found) if found.recorded_last >= recorded && found.first >= low => {
                high = found.first;
            }
            _ => low = middle + 1,
        }
    }
    let Some(found) = chunk(at_or_behind, low)? else {
        return Ok(newest.last.saturating_add(1));
    };
    let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
               FROM chunk WHERE first = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut read = statement.query([walk::bound(found.first)])?;
    let Some(row) = read.next()? else {
        return Ok(found.first);
    };
    let Some((header, _)) = rows::header(row) else {
        // Readers say that it is damaged.
        return Ok(found.first);
    };
    let body = inflater.frames(&header, rows::body(row)?);
    let mut frames = Frames::new(header, body).flatten();
    let frame = frames.find(|frame| frame.recorded >= recorded);
    Ok(frame.map_or(found.last.saturating_add(1), |frame| frame.offset))
}

impl fmt::Debug for SqliteReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteReader").finish_non_exhaustive()
    }
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

fn failed(error: rusqlite::Error) -> JournalError {
    match rows::is_damage(&error) {
        true => JournalError::Damaged {
            reason: error.to_string(),
        },
        false => JournalError::Io {
            reason: error.to_string(),
        },
    }
}
