//! Checks everything that a journal says of its events against them.

use std::collections::HashMap;
use std::ops::Range;

use rusqlite::{OptionalExtension, Row, params};

use super::failed;
use super::files::SqliteFiles;
use super::pages::{self, Page, Progress};
use crate::event::EventRef;
use crate::journal::chunk::{ChunkHeader, Frame, Frames, Inflater, Numbers};
use crate::journal::sqlite::retention::Floors;
use crate::journal::sqlite::rows;
use crate::journal::sqlite::upkeep::SpanIndex;
use crate::journal::sqlite::write::stream_name;
use crate::journal::{HoleReason, JournalError};

/// Damage that is told one by one, at most; of more of it only the number is.
const DAMAGE_MAX: usize = 1000;
const VANISHED: &str = "events that have vanished";
/// Names whose numbers are kept in memory, about 8 MiB.
const NAMES_MAX: usize = 1 << 16;

/// The findings of [`SqliteFiles::verify`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Events that are whole.
    pub events: u64,
    /// Rows that were looked at.
    pub chunks: u64,
    /// Bytes of events that were looked at.
    pub bytes: u64,
    /// Damage, by offset: the first thousand.
    pub damage: Vec<Damage>,
    /// Damage in all.
    pub damages: u64,
    /// Ranges that are known to be missing, and told to readers: no damage of today.
    pub told: u64,
}

/// A part of a journal that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The offsets that cannot be read for it; empty where all events are there, and something that is said of them is wrong.
    pub offsets: Range<u64>,
    /// The fault.
    pub reason: String,
}

impl Verified {
    /// Returns whether nothing is damaged.
    pub fn is_whole(&self) -> bool {
        self.damages == 0
    }

    fn add(&mut self, offsets: Range<u64>, reason: impl Into<String>) {
        self.damages += 1;
        if self.damage.len() < DAMAGE_MAX {
            let reason = reason.into();
            self.damage.push(Damage { offsets, reason });
        }
    }
}

impl SqliteFiles {
    /// Checks every row: checksums of headers, bodies and events, the links between rows, topics, versions of streams, spans,
    /// and that the log ends where the mark beside it says. `deep` also checks what is inside of events, and all of SQLite's pages, in one
    /// read transaction.
    ///
    /// # Errors
    ///
    /// It cannot be looked at. Damage is no error: it is what [`Verified`] tells.
    pub fn verify(
        &mut self,
        deep: bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Verified, JournalError> {
        self.settled(|files| files.check(deep, progress))
    }

    fn check(
        &mut self,
        deep: bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Verified, JournalError> {
        let pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let total = self.connection.query_row(pages, [], |row| row.get(0));
        let total: i64 = rows::unless_damaged(total, 0).map_err(failed)?;
        let mut check = Check {
            files: self,
            deep,
            total: total as u64,
            before: 0,
            found: Verified::default(),
            topics: HashMap::new(),
            versions: 0,
            newest: 0,
            floors: None,
            list: Vec::new(),
            inflater: Inflater::default(),
        };
        check.chunks(progress)?;
        check.spans()?;
        check.streams()?;
        check.mark();
        if deep {
            check.database()?;
        }
        let mut found = check.found;
        found.damage.sort_by_key(|damage| damage.offsets.start);
        Ok(found)
    }
}

struct Check<'f> {
    files: &'f mut SqliteFiles,
    deep: bool,
    total: u64,
    /// The last offset that was looked at.
    before: u64,
    found: Verified,
    topics: HashMap<String, Option<u64>>,
    /// Events whose version of their stream is said to be theirs.
    versions: u64,
    /// Those of them that are the newest of their stream.
    newest: u64,
    /// Once they were asked for.
    floors: Option<Floors>,
    /// The numbers of a chunk's topics.
    list: Vec<u64>,
    inflater: Inflater,
}

impl Check<'_> {
    fn chunks(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), JournalError> {
        let end = self.files.offsets.end;
        while self.before + 1 < end {
            let offsets = self.before + 1..end;
            let connection = std::mem::replace(&mut self.files.connection, nothing()?);
            let mut read = Vec::new();
            let page = pages::rows(&connection, &offsets, |row| {
                let is_enough = self.row(&connection, row, &mut read)?;
                Ok(is_enough)
            });
            self.files.connection = connection;
            match page {
                Ok(Page::More) => {}
                Ok(Page::End) => {
                    // No row says where the last one ended.
                    self.tell_missing(self.before + 1..end, VANISHED);
                    self.before = end - 1;
                }
                Err(error) if rows::is_damage(&error) => self.pass_damage()?,
                Err(error) => return Err(failed(error)),
            }
            progress(Progress {
                bytes: self.found.bytes.min(self.total),
                bytes_total: self.total,
                events: self.found.events,
            });
        }
        Ok(())
    }

    /// Checks a row; returns whether it lies behind the end.
    fn row(
        &mut self,
        connection: &rusqlite::Connection,
        row: &Row<'_>,
        frames: &mut Vec<Range<u64>>,
    ) -> rusqlite::Result<bool> {
        let Some((header, topics)) = rows::header(row) else {
            // The next row that is whole says how far it went.
            return Ok(false);
        };
        if header.first >= self.files.offsets.end {
            return Ok(true);
        }
        if header.last <= self.before {
            return Ok(false);
        }
        // A row that was merged over the place is looked at once more.
        if header.first > self.before {
            let missing = self.before + 1..header.prev.saturating_add(1);
            if !missing.is_empty() {
                // Of what goes by retention an empty row stays.
                self.tell_missing(missing, VANISHED);
            }
        }
        self.found.chunks += 1;
        let body = rows::body(row)?;
        self.found.bytes += body.len() as u64;
        self.list.clear();
        self.list.extend(Numbers::new(topics));
        let crc = rows::body_crc(row)?;
        let has_crc = self.files.schema > 1 && crc != 0;
        let mut inflater = std::mem::take(&mut self.inflater);
        // It is that of the frames, deflated or not.
        let plain = inflater.frames(&header, body);
        if has_crc && crc32c::crc32c(plain) != crc {
            // Its events say for themselves what of it is lost.
            self.found.add(
                header.first..header.first,
                format!("the checksum of the body of the row of {}", header.first),
            );
        }
        let mut count = 0;
        frames.clear();
        for frame in Frames::new(header, plain) {
            match frame {
                Ok(frame) => {
                    count += 1;
                    if frame.offset > self.before {
                        self.frame(connection, &frame)?;
                    }
                }
                Err(missing) => frames.push(missing),
            }
        }
        self.inflater = inflater;
        for missing in frames.drain(..) {
            self.found
                .add(missing, "events that are not as they were written");
        }
        self.count(&header, count);
        self.before = header.last;
        Ok(false)
    }

    fn count(&mut self, header: &ChunkHeader, count: u32) {
        if count != header.count {
            let reason = format!(
                "the row of {} has {} events and says that they are {}",
                header.first, count, header.count
            );
            self.found.add(header.first..header.first, reason);
        }
    }

    fn frame(
        &mut self,
        connection: &rusqlite::Connection,
        frame: &Frame<'_>,
    ) -> rusqlite::Result<()> {
        let at = frame.offset..frame.offset + 1;
        let Some(event) = EventRef::stored(frame.record) else {
            self.found.add(at, "a record whose lengths do not add up");
            return Ok(());
        };
        if self.deep
            && let Err(error) = EventRef::parse(frame.record)
        {
            self.found
                .add(at, format!("a record that is none: {error}"));
            return Ok(());
        }
        self.found.events += 1;
        let number = match self.topics.get(event.topic()) {
            Some(number) => *number,
            None => {
                let sql = "SELECT id FROM topic WHERE name = ?1";
                let mut find = connection.prepare_cached(sql)?;
                let found = find.query_row([event.topic()], |row| row.get::<_, i64>(0));
                let number = rows::unless_damaged(found.optional(), None)?;
                let number = number.map(|number| number as u64);
                if self.topics.len() >= NAMES_MAX {
                    self.topics.clear();
                }
                self.topics.insert(event.topic().to_owned(), number);
                number
            }
        };
        let nothing = frame.offset..frame.offset;
        match number {
            None => {
                let reason = format!("the topic of event {} has no number", frame.offset);
                self.found.add(nothing.clone(), reason);
            }
            Some(number) if self.list.binary_search(&number).is_err() => {
                let reason = format!("its row does not name the topic of event {}", frame.offset);
                self.found.add(nothing.clone(), reason);
            }
            Some(_) => {}
        }
        if let (Some(version), Some(stream)) = (frame.version, event.stream()) {
            let mut name = String::new();
            stream_name(stream.ty, stream.id, &mut name);
            let sql = "SELECT offset, version = (SELECT max(version) FROM stream_version WHERE stream = found.stream) \
                       FROM stream_version AS found WHERE version = ?2 \
                       AND stream = (SELECT id FROM stream WHERE name = ?1)";
            let mut find = connection.prepare_cached(sql)?;
            let found = find.query_row(params![name, version as i64], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
            });
            let found = rows::unless_damaged(found.optional(), None)?;
            let is_said = found.is_some_and(|(offset, _)| offset == frame.offset as i64);
            if is_said {
                self.versions += 1;
                self.newest += u64::from(found.is_some_and(|(_, is_newest)| is_newest));
            } else if !self.is_gone(connection, frame.offset, event)? {
                let name = name.replace('\0', "/");
                let reason = format!(
                    "version {version} of stream {name} is not said to be event {}",
                    frame.offset
                );
                self.found.add(nothing, reason);
            }
        }
        Ok(())
    }

    /// Returns whether retention has taken an event, of which its row says nothing yet. Beside a server floors rise.
    fn is_gone(
        &mut self,
        connection: &rusqlite::Connection,
        offset: u64,
        event: EventRef<'_>,
    ) -> rusqlite::Result<bool> {
        let is_gone =
            |floors: &Floors| floors.is_gone(offset, event.stream().is_some(), event.topic());
        if self.floors.as_ref().is_some_and(is_gone) {
            return Ok(true);
        }
        if self.floors.is_none() || self.files.used_by().is_some() {
            let floors = Floors::read(connection, self.files.offsets.end);
            self.floors = Some(rows::unless_damaged(floors, Floors::default())?);
        }
        Ok(self.floors.as_ref().is_some_and(is_gone))
    }

    /// Leaves out what is known.
    fn tell_missing(&mut self, missing: Range<u64>, reason: &str) {
        if missing.is_empty() {
            return;
        }
        let mut at = missing.start;
        let holes = self.files.holes.iter();
        let known = holes.filter(|hole| hole.reason == HoleReason::Damaged);
        let mut parts = Vec::new();
        for hole in known {
            if hole.range.end <= at || hole.range.start >= missing.end {
                continue;
            }
            if hole.range.start > at {
                parts.push(at..hole.range.start);
            }
            at = hole.range.end.max(at);
        }
        if at < missing.end {
            parts.push(at..missing.end);
        }
        self.found.told += u64::from(parts != [missing]);
        for part in parts {
            self.found.add(part, reason);
        }
    }

    fn pass_damage(&mut self) -> Result<(), JournalError> {
        let behind = self.files.behind_damage(self.before)?;
        self.tell_missing(self.before + 1..behind, "pages that cannot be read");
        self.before = behind - 1;
        Ok(())
    }

    /// Spans have to name every chunk that has a topic: readers pass the others over.
    fn spans(&mut self) -> Result<(), JournalError> {
        let mut from = 0_i64;
        loop {
            let connection = &self.files.connection;
            // A span and its chunks as they are at one moment: retention takes both away.
            connection.execute_batch("BEGIN").map_err(failed)?;
            let span = next_span(connection, from);
            connection.execute_batch("ROLLBACK").map_err(failed)?;
            let (first, last, missing) = match span {
                Ok(Some(span)) => span,
                Ok(None) => return Ok(()),
                Err(error) if rows::is_damage(&error) => {
                    self.found.add(0..0, "the table of spans cannot be read");
                    return Ok(());
                }
                Err(error) => return Err(failed(error)),
            };
            if let Some(chunk) = missing {
                let reason = format!(
                    "the span of {first} to {last} does not say what is in the row of {chunk}"
                );
                self.found.add(chunk..chunk, reason);
            }
            from = first.max(from).saturating_add(1);
        }
    }

    /// Every version is that of an event, but that the newest of a stream outlives it: the next one is counted from it.
    fn streams(&mut self) -> Result<(), JournalError> {
        // Beside a server some come and go while the others are counted; of events that are damaged the versions are there.
        let is_told = self
            .files
            .holes
            .iter()
            .any(|hole| hole.reason == HoleReason::Damaged);
        if self.files.used_by().is_some() || self.found.damages > 0 || is_told {
            return Ok(());
        }
        let sql = "SELECT (SELECT count(*) FROM stream_version WHERE offset BETWEEN ?1 AND ?2), count(*) \
                   FROM (SELECT offset, max(version) FROM stream_version GROUP BY stream) \
                   WHERE offset BETWEEN ?1 AND ?2";
        let offsets = params![self.files.offsets.start as i64, self.before as i64];
        let count = self.files.connection.query_row(sql, offsets, |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
        });
        match count {
            Ok((rows, streams)) => {
                let of_none = rows.saturating_sub(self.versions);
                let outlived = streams.saturating_sub(self.newest);
                if of_none != outlived {
                    let reason = format!(
                        "{rows} versions of streams are said to be there, of {} events that have one; \
                         of {outlived} streams the newest event has gone",
                        self.versions
                    );
                    self.found.add(0..0, reason);
                }
            }
            Err(error) if rows::is_damage(&error) => {
                self.found
                    .add(0..0, "the versions of streams cannot be read");
            }
            Err(error) => return Err(failed(error)),
        }
        Ok(())
    }

    /// The log has to go as far as was flushed.
    fn mark(&mut self) {
        if let Some(mark) = self.files.mark {
            let missing = self.files.offsets.end..mark.flushed.saturating_add(1);
            if !missing.is_empty() {
                self.tell_missing(missing, "events that were flushed, and are not in the log");
            }
        }
    }

    fn database(&mut self) -> Result<(), JournalError> {
        let read = || {
            let mut statement = self.files.connection.prepare("PRAGMA integrity_check")?;
            let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        };
        let lines = match read() {
            Err(error) if rows::is_damage(&error) => vec![error.to_string()],
            other => other.map_err(failed)?,
        };
        for line in lines.into_iter().filter(|line| line != "ok") {
            self.found.add(0..0, format!("SQLite: {line}"));
        }
        Ok(())
    }
}

/// Stands where a connection is lent out.
fn nothing() -> Result<rusqlite::Connection, JournalError> {
    rusqlite::Connection::open_in_memory().map_err(failed)
}

/// Returns the next span from an offset on, and a chunk that it ought to name for a topic, and does not.
fn next_span(
    connection: &rusqlite::Connection,
    from: i64,
) -> rusqlite::Result<Option<(i64, i64, Option<u64>)>> {
    let sql = "SELECT first, last FROM span WHERE first >= ?1 ORDER BY first LIMIT 1";
    let span = connection.query_row(sql, [from], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    });
    let Some(span) = span.optional()? else {
        return Ok(None);
    };
    let missing = missing_in_span(connection, span);
    let missing = rows::unless_damaged(missing, Some(span.0 as u64))?;
    Ok(Some((span.0, span.1, missing)))
}

/// Returns a chunk of a span with a topic for which the span does not name it.
fn missing_in_span(
    connection: &rusqlite::Connection,
    (first, last): (i64, i64),
) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) \
               FROM chunk WHERE first BETWEEN ?1 AND ?2 ORDER BY first";
    let mut by_topic: HashMap<u64, Vec<u64>> = HashMap::new();
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([first, last])?;
    while let Some(row) = found.next()? {
        if let Some((header, topics)) = rows::header(row) {
            for topic in Numbers::new(topics) {
                by_topic.entry(topic).or_default().push(header.first);
            }
        }
    }
    for (topic, chunks) in by_topic {
        let Some(span) = SpanIndex::find(connection, first as u64, &[topic])? else {
            return Ok(Some(first as u64));
        };
        let names = |chunk: &&u64| span.chunks.iter().any(|(first, _)| first == *chunk);
        if let Some(chunk) = chunks.iter().find(|chunk| !names(chunk)) {
            return Ok(Some(*chunk));
        }
    }
    Ok(None)
}
