//! Walks over the chunks of a range, forwards or back, and checks that each joins the one before.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row, Statement, params};

use super::batch::{Batch, ROWS_MAX};
use super::repair;
use super::wanted::Wanted;
use crate::journal::chunk::Numbers;
use crate::journal::sqlite::rows;
use crate::journal::sqlite::upkeep::SpanIndex;

const ONE: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
                   FROM chunk WHERE first = ?1";
// A body that is not wanted is not read.
const AT: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), \
                  CASE WHEN last >= ?1 THEN body END FROM chunk WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
// Without an end: a row whose number is damaged must not end it.
const FORWARD: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), \
                       CASE WHEN first < ?2 THEN body END FROM chunk WHERE first >= ?1 ORDER BY first";
const BEHIND: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) \
                      FROM chunk WHERE first >= ?1 ORDER BY first LIMIT ?2";
const BACKWARD: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
                        FROM chunk WHERE first < ?1 ORDER BY first DESC";

/// A number as SQLite has it: what is above is above every offset.
pub(super) fn bound(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// Fills a batch with the chunks of a range from its start on. `last` is the last offset that is committed.
pub(super) fn forward(
    connection: &Connection,
    range: &Range<u64>,
    last: u64,
    wanted: &mut Wanted,
    batch: &mut Batch,
) -> rusqlite::Result<()> {
    let end = range.end;
    let mut at = range.start;
    // Where spans are, only the chunks that they name are looked at.
    while let Some(span) = rows::unless_damaged(wanted.span(connection, at), None)? {
        let behind = span.last + 1;
        for (first, next) in span.chunks.iter().filter(|(_, next)| *next > at) {
            if *first >= end {
                break;
            }
            one(connection, *first..*next, batch)?;
            batch.next = (*next).min(end);
            if batch.is_full() {
                return Ok(());
            }
        }
        at = behind;
        batch.next = at.min(end);
        if at >= end || batch.is_full() {
            return Ok(());
        }
    }
    let mut walk = Forward {
        at,
        end,
        before: at.saturating_sub(1),
        resume: at,
        numbers: wanted.numbers(),
        batch,
    };
    // The one that begins before. If it cannot be read the next one says whether any of its events were asked for.
    let mut statement = connection.prepare_cached(AT)?;
    let mut found = statement.query([bound(at)])?;
    if let Some(row) = rows::unless_damaged(found.next(), None)?
        && walk.take(row)?
    {
        return Ok(());
    }
    drop(found);
    let mut statement = connection.prepare_cached(FORWARD)?;
    let mut found = statement.query(params![bound(walk.resume), bound(end)])?;
    loop {
        match found.next() {
            Ok(Some(row)) => {
                let is_enough = walk.take(row)?;
                if is_enough || walk.batch.has_passed_all() && walk.batch.next > walk.at {
                    return Ok(());
                }
                if !walk.batch.has_passed_all() {
                    continue;
                }
            }
            Ok(None) => break,
            Err(error) if rows::is_damage(&error) => {}
            Err(error) => return Err(error),
        }
        drop(found);
        let Forward { before, resume, .. } = walk;
        return repair::forward(connection, resume, before, end, last, walk.batch);
    }
    // No chunk is behind the range that says where the last one in it ends: what was committed does.
    let Forward { before, batch, .. } = walk;
    batch.miss(before + 1..last.saturating_add(1));
    batch.next = end;
    Ok(())
}

/// The place of a walk that goes forward.
struct Forward<'w> {
    /// The first offset that is asked for.
    at: u64,
    end: u64,
    /// The last offset that is looked at, or known to be missing.
    before: u64,
    /// The offset from which the next row is looked for: `at`, or behind it.
    resume: u64,
    numbers: Option<&'w [u64]>,
    batch: &'w mut Batch,
}

impl Forward<'_> {
    /// Takes a row; returns whether that is enough for the call, which has got on then.
    fn take(&mut self, row: &Row<'_>) -> rusqlite::Result<bool> {
        // One that cannot be read is as one that has vanished: the next one says how much is missing.
        let Some((header, topics)) = rows::header(row) else {
            self.batch.pass();
            return Ok(false);
        };
        // A damaged page may name a row twice, or one that others have replaced.
        let begins = self.at.max(self.before + 1);
        self.batch
            .miss(self.before + 1..header.prev.saturating_add(1));
        if header.last < begins {
            self.batch.pass();
            return Ok(false);
        }
        if header.first >= self.end {
            self.batch.next = self.end;
            return Ok(true);
        }
        self.before = header.last;
        self.resume = self.resume.max(header.last + 1);
        let has = |numbers: &[u64]| Numbers::new(topics).has_any(numbers);
        if self.numbers.is_none_or(has) {
            let asked = begins..self.end;
            self.batch
                .add(header, rows::body(row)?, rows::body_crc(row)?, asked);
        }
        self.batch.next = (header.last + 1).min(self.end);
        Ok(self.batch.is_full())
    }
}

/// Fills a batch with the chunks of a range from its end back.
pub(super) fn backward(
    connection: &Connection,
    range: &Range<u64>,
    last: u64,
    wanted: &mut Wanted,
    batch: &mut Batch,
) -> rusqlite::Result<()> {
    let start = range.start;
    let mut at = range.end;
    let numbers = wanted.numbers().map(<[u64]>::to_vec);
    // What is behind the last span is walked over.
    let spans_end = match numbers {
        Some(_) => rows::unless_damaged(spans_end(connection, at), 0)?,
        None => 0,
    };
    let mut before = rows::unless_damaged(prev_of(connection, at), None)?.unwrap_or(last);
    let mut statement = connection.prepare_cached(BACKWARD)?;
    let mut found = statement.query([bound(at)])?;
    loop {
        if at > start
            && at <= spans_end.saturating_add(1)
            && let Some(span) = rows::unless_damaged(wanted.span(connection, at - 1), None)?
        {
            let span = span.clone();
            return spans_backward(connection, range, at, span, wanted, batch);
        }
        if batch.has_passed_all() {
            if at < range.end {
                return Ok(());
            }
            drop(found);
            return repair::backward(connection, at, before, start, batch);
        }
        let row = match found.next() {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(error) if rows::is_damage(&error) => {
                drop(found);
                return repair::backward(connection, at, before, start, batch);
            }
            Err(error) => return Err(error),
        };
        let Some((header, topics)) = rows::header(row) else {
            batch.pass();
            continue;
        };
        // A damaged page may name a row twice, or one that others have replaced.
        if header.first >= at {
            batch.pass();
            continue;
        }
        batch.miss(header.last + 1..before.saturating_add(1));
        before = header.prev;
        if header.last < start {
            batch.next = start;
            return Ok(());
        }
        let has = |numbers: &Vec<u64>| Numbers::new(topics).has_any(numbers);
        if numbers.as_ref().is_none_or(has) {
            batch.add(header, rows::body(row)?, rows::body_crc(row)?, start..at);
        }
        at = header.first;
        batch.next = at.max(start);
        if batch.is_full() {
            return Ok(());
        }
    }
    batch.miss(1..before.saturating_add(1));
    batch.next = start;
    Ok(())
}

/// Goes back over spans, from `at` on, the last of which is given.
fn spans_backward(
    connection: &Connection,
    range: &Range<u64>,
    mut at: u64,
    mut span: SpanIndex,
    wanted: &mut Wanted,
    batch: &mut Batch,
) -> rusqlite::Result<()> {
    loop {
        for (first, next) in span.chunks.iter().rev().filter(|(first, _)| *first < at) {
            if *next <= range.start {
                break;
            }
            one(connection, *first..*next, batch)?;
            batch.next = (*first).max(range.start);
            if batch.is_full() {
                return Ok(());
            }
        }
        at = span.first;
        batch.next = at.max(range.start);
        if at <= range.start || batch.is_full() {
            return Ok(());
        }
        span = match rows::unless_damaged(wanted.span(connection, at - 1), None)? {
            Some(span) => span.clone(),
            // Chunks before the first span: there are none, unless it is damaged. The next call walks over them.
            None => return Ok(()),
        };
    }
}

/// Takes the chunk that a span names, or of the one that it was joined to what it covers of that.
pub(super) fn one(
    connection: &Connection,
    chunk: Range<u64>,
    batch: &mut Batch,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(ONE)?;
    let taken = take(&mut statement, chunk.clone(), batch).and_then(|is_taken| {
        match is_taken {
            true => Ok(true),
            // It may have gone, and the row that says so begins before it.
            false => {
                let mut statement = connection.prepare_cached(AT)?;
                take(&mut statement, chunk.clone(), batch)
            }
        }
    });
    match taken {
        Ok(true) => Ok(()),
        Ok(false) => {
            batch.miss(chunk);
            Ok(())
        }
        Err(error) if rows::is_damage(&error) => {
            batch.miss(chunk);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn take(
    statement: &mut Statement<'_>,
    chunk: Range<u64>,
    batch: &mut Batch,
) -> rusqlite::Result<bool> {
    let mut found = statement.query([bound(chunk.start)])?;
    let Some(row) = found.next()? else {
        return Ok(false);
    };
    let Some((header, _)) = rows::header(row) else {
        return Ok(false);
    };
    if header.first > chunk.start || header.last < chunk.start {
        return Ok(false);
    }
    let asked = batch.asked(&chunk);
    if header.count == 0 {
        return Ok(true);
    }
    batch.add(header, rows::body(row)?, rows::body_crc(row)?, asked);
    Ok(true)
}

/// Returns the last offset of the spans that begin before an offset.
fn spans_end(connection: &Connection, before: u64) -> rusqlite::Result<u64> {
    let sql = "SELECT last FROM span WHERE first < ?1 ORDER BY first DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let last = statement.query_row([bound(before)], |row| row.get::<_, i64>(0));
    Ok(last.optional()?.unwrap_or(0) as u64)
}

/// Returns where the chunk ends that lies before an offset, as the next one that is whole says.
fn prev_of(connection: &Connection, offset: u64) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare_cached(BEHIND)?;
    let mut found = statement.query(params![bound(offset), ROWS_MAX as i64])?;
    while let Some(row) = found.next()? {
        if let Some((header, _)) = rows::header(row)
            && header.first >= offset
        {
            return Ok(Some(header.prev));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::event::{Event, Filter};
    use crate::journal::chunk::{ChunkBuilder, Frame};
    use crate::journal::sqlite::files::tests::Directory;
    use crate::journal::sqlite::write::insert;
    use crate::journal::{CommitRound, Journal, RoundEvent, SqliteJournal, SqliteOptions};

    /// A journal of 30 rows of one event each, in small pages, and a connection to it.
    fn filled(directory: &Directory, event: &Event) -> (SqliteJournal, Connection) {
        let options = SqliteOptions::default().page_bytes(512);
        let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
        for offset in 1..=30 {
            let mut round = CommitRound::default();
            round
                .events
                .push(RoundEvent::new(offset, 1, event.as_ref()));
            journal.commit(&mut round).unwrap();
        }
        let connection = Connection::open(directory.path().join("journal.sqlite")).unwrap();
        (journal, connection)
    }

    /// A page may name rows that others have replaced: each event is there once, in order.
    #[test]
    fn of_rows_that_overlap_each_event_is_taken_once() {
        let directory = Directory::new("walk-overlap");
        let event = Event::builder("a", "t").build().unwrap();
        let (_journal, connection) = filled(&directory, &event);
        let delete = "DELETE FROM chunk WHERE first BETWEEN 4 AND 9";
        connection.execute(delete, []).unwrap();
        for offsets in [4..7, 5..10] {
            let mut builder = ChunkBuilder::default();
            builder.start(offsets.start - 1);
            builder.topic(1);
            for offset in offsets {
                builder.push(Frame {
                    offset,
                    recorded: 1,
                    rest: 0,
                    version: None,
                    record: event.record(),
                });
            }
            insert(&connection, &mut builder).unwrap();
        }
        let range = 2..20;
        for descending in [false, true] {
            let (mut wanted, mut batch) = (Wanted::default(), Batch::default());
            wanted.update(&connection, &Filter::all()).unwrap();
            let from = if descending { range.end } else { range.start };
            batch.start(range.clone(), from, 1_000, 1 << 20);
            match descending {
                false => forward(&connection, &range, 30, &mut wanted, &mut batch).unwrap(),
                true => backward(&connection, &range, 30, &mut wanted, &mut batch).unwrap(),
            }
            let mut chunks: Vec<Vec<u64>> = Vec::new();
            for chunk in &batch.chunks {
                let frames = chunk.frames(&batch.bodies);
                chunks.push(frames.map(|frame| frame.unwrap().offset).collect());
            }
            if descending {
                chunks.reverse();
            }
            assert_eq!(chunks.concat(), range.clone().collect::<Vec<_>>());
            assert_eq!(batch.damaged, []);
        }
    }

    /// A page may lead anywhere once a bit of it is flipped. Walks that went back to where they had met the damage stood
    /// still there, or went round in circles: each call gets on.
    #[test]
    fn a_walk_gets_on_through_flipped_bits() {
        let directory = Directory::new("walk-flips");
        let event = Event::builder("a", "t").build().unwrap();
        let (journal, connection) = filled(&directory, &event);
        drop(journal);
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        connection.query_row(checkpoint, [], |_| Ok(())).unwrap();
        let sql = "SELECT rootpage FROM sqlite_master WHERE name = 'chunk'";
        let root = connection.query_row(sql, [], |row| row.get::<_, u32>(0));
        let root = (root.unwrap() as usize - 1) * 512;
        drop(connection);
        let mut bytes = std::fs::read(directory.path().join("journal.sqlite")).unwrap();
        // As if no log of writes belonged to it: each copy is opened as it is.
        (bytes[18], bytes[19]) = (1, 1);
        let copy = directory.path().join("copy.sqlite");
        let mut damaged = 0;
        // A bit of each byte on the way to the rows, and of some bytes of theirs.
        let way = (root..root + 512).map(|at| (at, 8));
        let others = (512..bytes.len()).step_by(61).map(|at| (at, 0x80));
        for (at, bit) in way.chain(others) {
            let mut flipped = bytes.clone();
            flipped[at] ^= bit;
            std::fs::write(&copy, flipped).unwrap();
            let connection = Connection::open(&copy).unwrap();
            for descending in [false, true] {
                let (mut left, mut batch) = (1..31, Batch::default());
                while !left.is_empty() {
                    let mut wanted = Wanted::default();
                    let from = if descending { left.end } else { left.start };
                    batch.start(left.clone(), from, 3, 1 << 20);
                    // A circle would have no end.
                    let mut steps = 0;
                    let too_many = move || {
                        steps += 1;
                        steps > 100
                    };
                    connection.progress_handler(500, Some(too_many)).unwrap();
                    let walked = match descending {
                        false => forward(&connection, &left, 30, &mut wanted, &mut batch),
                        true => backward(&connection, &left, 30, &mut wanted, &mut batch),
                    };
                    match walked {
                        Ok(()) if descending => left.end = batch.next,
                        Ok(()) => left.start = batch.next,
                        Err(error) => {
                            let code = error.sqlite_error_code();
                            assert_ne!(code, Some(rusqlite::ErrorCode::OperationInterrupted));
                            break;
                        }
                    }
                    damaged += batch.damaged.len();
                    assert_ne!(batch.next, from, "{at} {bit} {descending} {left:?}");
                }
            }
        }
        assert!(damaged > 100, "{damaged}");
    }

    /// Once a number that was flipped upwards ended the search for the rows of a range: whole events behind it were told as
    /// damaged.
    #[test]
    fn a_number_that_is_flipped_upwards_hides_nothing_behind_it() {
        let directory = Directory::new("walk-upwards");
        let event = Event::builder("a", "t").build().unwrap();
        let (journal, connection) = filled(&directory, &event);
        drop(journal);
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        connection.query_row(checkpoint, [], |_| Ok(())).unwrap();
        drop(connection);
        let mut whole = std::fs::read(directory.path().join("journal.sqlite")).unwrap();
        (whole[18], whole[19]) = (1, 1);
        let copy = directory.path().join("copy.sqlite");
        // Other tables have no numbers as high, but for that of all tables.
        let is_of_tables = |page: &[u8]| {
            page.windows(5)
                .any(|text| text == b"table" || text == b"viewv")
        };
        for lost in [16, 17, 18, 23, 30] {
            let mut bytes = whole.clone();
            let mut flipped = 0;
            // Leaves of tables: cells of one or two bytes of length, then the number.
            for page in (512..bytes.len())
                .step_by(512)
                .filter(|at| whole[*at] == 13 && !is_of_tables(&whole[*at..*at + 512]))
            {
                let cells = u16::from_be_bytes([whole[page + 3], whole[page + 4]]) as usize;
                for cell in 0..cells {
                    let at = page + 8 + 2 * cell;
                    let at = page + u16::from_be_bytes([whole[at], whole[at + 1]]) as usize;
                    let number = at + 1 + usize::from(whole[at] >= 0x80);
                    if whole[number] == lost {
                        bytes[number] |= 0x40;
                        flipped += 1;
                    }
                }
            }
            assert_eq!(flipped, 1, "{lost}");
            std::fs::write(&copy, bytes).unwrap();
            let connection = Connection::open(&copy).unwrap();
            for (descending, events) in [(false, 1_000), (false, 3), (true, 1_000), (true, 3)] {
                let (mut left, mut batch) = (1..31, Batch::default());
                let (mut seen, mut damaged) = (Vec::new(), Vec::new());
                while !left.is_empty() {
                    let mut wanted = Wanted::default();
                    let from = if descending { left.end } else { left.start };
                    batch.start(left.clone(), from, events, 1 << 20);
                    if descending {
                        backward(&connection, &left, 30, &mut wanted, &mut batch).unwrap();
                        left.end = batch.next;
                    } else {
                        forward(&connection, &left, 30, &mut wanted, &mut batch).unwrap();
                        left.start = batch.next;
                    }
                    for chunk in &batch.chunks {
                        let frames = chunk.frames(&batch.bodies);
                        seen.extend(frames.map(|frame| frame.unwrap().offset));
                    }
                    damaged.append(&mut batch.damaged);
                }
                seen.sort_unstable();
                let lost = u64::from(lost);
                let expected: Vec<u64> = (1..31).filter(|offset| *offset != lost).collect();
                assert_eq!(seen, expected, "{lost} {descending} {events}");
                let told = (damaged.len(), damaged.pop());
                let expected = (1, Some(lost..lost + 1));
                assert_eq!(told, expected, "{lost} {descending} {events}");
            }
        }
    }

    /// Interrupted at any step, a walk says so: it never takes for damaged what it could not look at.
    #[test]
    fn an_interrupt_is_no_damage() {
        let directory = Directory::new("walk-interrupted");
        let event = Event::builder("a", "t").build().unwrap();
        let (_journal, connection) = filled(&directory, &event);
        let (filter, range) = (Filter::parse(["a"]).unwrap(), 5..25);
        let (mut interrupted, mut whole) = (0, 0);
        for step in 1..2_000 {
            for descending in [false, true] {
                let (mut wanted, mut batch) = (Wanted::default(), Batch::default());
                wanted.update(&connection, &filter).unwrap();
                let from = if descending { range.end } else { range.start };
                batch.start(range.clone(), from, 1_000, 1 << 20);
                let steps = Arc::new(AtomicU64::new(0));
                let at = move || steps.fetch_add(1, Ordering::Relaxed) + 1 == step;
                connection.progress_handler(1, Some(at)).unwrap();
                let walked = match descending {
                    false => forward(&connection, &range, 30, &mut wanted, &mut batch),
                    true => backward(&connection, &range, 30, &mut wanted, &mut batch),
                };
                connection
                    .progress_handler(1, None::<fn() -> bool>)
                    .unwrap();
                assert_eq!(batch.damaged, [], "step {step}");
                match walked {
                    Ok(()) => whole += 1,
                    Err(_) => interrupted += 1,
                }
            }
        }
        assert!(interrupted > 200 && whole > 0, "{interrupted}, {whole}");
    }
}
