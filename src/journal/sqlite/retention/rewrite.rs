//! Chunks without some of their events: rewritten, or buried where nothing is left.
//!
//! A rewritten chunk keeps its first and last offset, its times and `prev`, so that the chunks around it join as before. Where
//! nothing is left a run of chunks becomes one row without a body, an *empty row*, which joins what lies around it: a chunk
//! that vanishes by damage is noticed by the one behind it, whatever went on purpose.

use rusqlite::{Connection, OptionalExtension, params};

use crate::event::EventRef;
use crate::journal::chunk::{
    ChunkBuilder, ChunkHeader, Deflater, Frame, Frames, Inflater, Numbers,
};
use crate::journal::sqlite::rows;
use crate::journal::sqlite::write::{insert_chunk, stream_name};

const ONE: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
                   FROM chunk WHERE first = ?1";

/// Bytes that a row takes beside its body and its topics, about.
pub(super) const ROW_BYTES: u64 = 64;

/// The events that have gone, and the bytes of their records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::journal::sqlite) struct Gone {
    pub(in crate::journal::sqlite) events: u64,
    pub(in crate::journal::sqlite) bytes: u64,
    /// The last of them; 0: there is none.
    pub(in crate::journal::sqlite) last: u64,
}

/// The least share of a chunk that has gone, by bytes, for which it is worth being rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal::sqlite) enum Worth {
    /// An event.
    Any,
    /// Half of it: what is rewritten is written once for as much as goes.
    Half,
}

/// The result of rewriting a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal::sqlite) enum Rewritten {
    /// All of it stays.
    Untouched,
    /// Something in it is damaged, or it is not there: it stays as it is, and readers say so.
    Damaged,
    /// Too little of it has gone to be worth it: it is as it was, and so many bytes of it stay.
    NotWorth(Gone, u64),
    /// Some of its events have gone, and its row has so many bytes now.
    Written(Gone, u64),
    /// All of its events have gone. An empty row takes its place.
    Emptied(Gone),
}

/// Writes the chunk that begins at an offset anew, with the events that are to be kept. Within a transaction; readers look up by
/// position in each of theirs, so it is safe beside them.
pub(in crate::journal::sqlite) fn rewrite(
    connection: &Connection,
    builder: &mut ChunkBuilder,
    first: u64,
    worth: Worth,
    keep: &mut dyn FnMut(&Frame<'_>, EventRef<'_>) -> bool,
) -> rusqlite::Result<Rewritten> {
    let built = match build(connection, builder, first, worth, keep) {
        // A page of events that cannot be read is theirs, and no reason to write nothing more.
        Err(error) if rows::is_damage(&error) && !connection.is_autocommit() => {
            return Ok(Rewritten::Damaged);
        }
        built => built?,
    };
    let (found, is_deflated) = built;
    let (Rewritten::Written(gone, _) | Rewritten::Emptied(gone)) = found else {
        return Ok(found);
    };
    let sql = "DELETE FROM chunk WHERE first = ?1";
    connection.prepare_cached(sql)?.execute([first as i64])?;
    // As it was kept. Not for many at once: a deflater is made for each.
    let mut deflater = is_deflated.then(Deflater::default);
    let deflated = deflater
        .as_mut()
        .and_then(|deflater| builder.finish_deflated(deflater));
    let chunk = match deflated {
        Some(chunk) => chunk,
        None => builder.finish(),
    };
    insert_chunk(connection, &chunk)?;
    let bytes = (chunk.topics.len() + chunk.body.len()) as u64 + ROW_BYTES;
    Ok(match found {
        Rewritten::Written(..) => Rewritten::Written(gone, bytes),
        found => found,
    })
}

/// Builds the chunk; returns what became of it, and whether it was deflated.
fn build(
    connection: &Connection,
    builder: &mut ChunkBuilder,
    first: u64,
    worth: Worth,
    keep: &mut dyn FnMut(&Frame<'_>, EventRef<'_>) -> bool,
) -> rusqlite::Result<(Rewritten, bool)> {
    let mut statement = connection.prepare_cached(ONE)?;
    let mut found = statement.query([first as i64])?;
    let Some(row) = found.next()? else {
        return Ok((Rewritten::Damaged, false));
    };
    let Some((header, numbers)) = rows::header(row) else {
        return Ok((Rewritten::Damaged, false));
    };
    builder.start(header.prev);
    builder.cover_from(header.first, header.recorded_first);
    let mut inflater = Inflater::default();
    let body = inflater.frames(&header, rows::body(row)?);
    let (mut gone, mut kept) = (Gone::default(), 0);
    let mut topics = TopicNumbers::new(connection, numbers);
    for frame in Frames::of_body(header, body, rows::body_crc(row)?) {
        let Ok(frame) = frame else {
            return Ok((Rewritten::Damaged, false));
        };
        let Some(event) = EventRef::stored(frame.record) else {
            return Ok((Rewritten::Damaged, false));
        };
        if keep(&frame, event) {
            topics.put(event, builder)?;
            builder.push(frame);
            kept += frame.record.len() as u64;
            continue;
        }
        gone.events += 1;
        gone.bytes += frame.record.len() as u64;
        gone.last = frame.offset;
        if let Some(version) = frame.version {
            forget_version(connection, event, version, frame.offset)?;
        }
    }
    builder.cover_to(header.last, header.recorded_last);
    let found = match (gone.events, kept) {
        (0, _) => Rewritten::Untouched,
        // A record has bytes: there is its head.
        (_, 0) => Rewritten::Emptied(gone),
        _ if worth == Worth::Half && gone.bytes < kept => Rewritten::NotWorth(gone, kept),
        _ => Rewritten::Written(gone, kept),
    };
    Ok((found, header.inflated > 0))
}

/// Finds the numbers of topics again, of which a chunk has only all together.
struct TopicNumbers<'c> {
    connection: &'c Connection,
    all: Numbers<'c>,
    /// By hash: those that were looked up, few in a chunk.
    known: Vec<(u64, Box<str>)>,
}

impl<'c> TopicNumbers<'c> {
    fn new(connection: &'c Connection, all: &'c [u8]) -> Self {
        Self {
            connection,
            all: Numbers::new(all),
            known: Vec::new(),
        }
    }

    /// Notes the topic of an event that stays.
    fn put(&mut self, event: EventRef<'_>, builder: &mut ChunkBuilder) -> rusqlite::Result<()> {
        let hash = event.topic_hash();
        let is_known = |(known, name): &(u64, Box<str>)| *known == hash && **name == *event.topic();
        if self.known.iter().any(is_known) {
            return Ok(());
        }
        self.known.push((hash, event.topic().into()));
        let sql = "SELECT id FROM topic WHERE name = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let number = statement.query_row([event.topic()], |row| row.get::<_, i64>(0));
        match rows::unless_damaged(number.optional(), None)? {
            Some(number) => builder.topic(number as u64),
            // The table has no checksum: rather too many topics than one too few.
            None => self.all.clone().for_each(|number| builder.topic(number)),
        }
        Ok(())
    }
}

/// Deletes the row of a version whose event goes. The newest of each stream stays: the next one is counted from it.
fn forget_version(
    connection: &Connection,
    event: EventRef<'_>,
    version: u64,
    offset: u64,
) -> rusqlite::Result<()> {
    let Some(stream) = event.stream() else {
        return Ok(());
    };
    let mut name = String::new();
    stream_name(stream.ty, stream.id, &mut name);
    let sql = "DELETE FROM stream_version WHERE stream = (SELECT id FROM stream WHERE name = ?1) AND version = ?2 \
               AND offset = ?3 AND version < (SELECT max(version) FROM stream_version \
               WHERE stream = (SELECT id FROM stream WHERE name = ?1))";
    let mut statement = connection.prepare_cached(sql)?;
    let row = params![name, version as i64, offset as i64];
    statement.execute(row).map(|_| ())
}

/// A run of chunks, each of which joins the one before, without anything that stays.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::journal::sqlite) struct Run {
    first: u64,
    last: u64,
    prev: u64,
    recorded_first: i64,
    recorded_last: i64,
    rows: u64,
}

impl Run {
    /// Adds a chunk; returns whether it joins.
    pub(in crate::journal::sqlite) fn join(&mut self, header: &ChunkHeader) -> bool {
        if self.rows == 0 {
            self.first = header.first;
            self.prev = header.prev;
            self.recorded_first = header.recorded_first;
        } else if header.prev != self.last {
            return false;
        }
        self.last = header.last;
        self.recorded_last = header.recorded_last;
        self.rows += 1;
        true
    }

    /// Replaces its rows by one empty row, joined to one that lies before it, and deletes the spans that say nothing any more.
    pub(in crate::journal::sqlite) fn bury(
        mut self,
        connection: &Connection,
        builder: &mut ChunkBuilder,
    ) -> rusqlite::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        if let Some(before) = empty_row_before(connection, self.first)?
            && before.last == self.prev
        {
            self.first = before.first;
            self.prev = before.prev;
            self.recorded_first = before.recorded_first;
            self.rows += 1;
        }
        if self.rows == 1 && is_empty_row(connection, self.first)? {
            return Ok(());
        }
        let range = params![self.first as i64, self.last as i64];
        let sql = "DELETE FROM chunk WHERE first >= ?1 AND first <= ?2";
        connection.prepare_cached(sql)?.execute(range)?;
        let sql = "DELETE FROM span WHERE first >= ?1 AND last <= ?2";
        connection.prepare_cached(sql)?.execute(range)?;
        builder.start(self.prev);
        builder.cover_from(self.first, self.recorded_first);
        builder.cover_to(self.last, self.recorded_last);
        insert_chunk(connection, &builder.finish()).map(|_| ())
    }
}

/// Returns the row before an offset, if it is an empty row.
fn empty_row_before(connection: &Connection, offset: u64) -> rusqlite::Result<Option<ChunkHeader>> {
    let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) \
               FROM chunk WHERE first < ?1 ORDER BY first DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([offset as i64])?;
    let row = rows::unless_damaged(found.next(), None)?;
    let header = row.and_then(rows::header).map(|(header, _)| header);
    Ok(header.filter(|header| header.count == 0))
}

fn is_empty_row(connection: &Connection, first: u64) -> rusqlite::Result<bool> {
    let sql = "SELECT count FROM chunk WHERE first = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let count = statement.query_row([first as i64], |row| row.get::<_, i64>(0));
    Ok(count.optional()? == Some(0))
}
