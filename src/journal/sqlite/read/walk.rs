//! Walks over the chunks of a range, forwards or back, and checks that each joins the one before.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::batch::Batch;
use super::repair;
use super::wanted::Wanted;
use crate::journal::chunk::Numbers;
use crate::journal::sqlite::rows;
use crate::journal::sqlite::upkeep::SpanIndex;

const ONE: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
                   FROM chunk WHERE first = ?1";
const FORWARD: &str = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body), body \
                       FROM chunk WHERE first >= ?1 AND first < ?2 ORDER BY first";
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
    let from = rows::unless_damaged(first_at(connection, at), None)?.unwrap_or(at);
    let mut before = at.saturating_sub(1);
    // Where the row that comes next is looked for.
    let mut resume = from;
    let mut statement = connection.prepare_cached(FORWARD)?;
    let mut found = statement.query(params![bound(from), bound(end)])?;
    loop {
        let row = match found.next() {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(error) if rows::is_damage(&error) => {
                drop(found);
                // The one that begins before: the next one says whether any of its events were asked for.
                if resume < at {
                    resume = at;
                    found = statement.query(params![bound(at), bound(end)])?;
                    continue;
                }
                return repair::forward(connection, resume, before, end, last, batch);
            }
            Err(error) => return Err(error),
        };
        // One that cannot be read is as one that has vanished: the next one says how much is missing.
        let Some((header, topics)) = rows::header(row) else {
            resume = row.get::<_, i64>(0)? as u64 + 1;
            continue;
        };
        // A damaged page may name a row twice.
        if header.last <= before && header.last >= at {
            continue;
        }
        batch.miss(before + 1..header.prev.saturating_add(1));
        before = before.max(header.last);
        resume = header.last + 1;
        let has = |numbers: &[u64]| Numbers::new(topics).has_any(numbers);
        if header.last >= at && wanted.numbers().is_none_or(has) {
            batch.add(header, rows::body(row)?);
        }
        batch.next = batch.next.max(header.last + 1).min(end);
        if batch.is_full() {
            return Ok(());
        }
    }
    // The chunk behind the range says where the last one in it ends; where there is none, what was committed does.
    let ends = rows::unless_damaged(prev_of(connection, end), None)?.unwrap_or(last);
    batch.miss(before + 1..ends.saturating_add(1));
    batch.next = end;
    Ok(())
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
            && at <= spans_end + 1
            && let Some(span) = rows::unless_damaged(wanted.span(connection, at - 1), None)?
        {
            let span = span.clone();
            return spans_backward(connection, range, at, span, wanted, batch);
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
            continue;
        };
        // A damaged page may name a row twice.
        if before < header.last && header.first >= at {
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
            batch.add(header, rows::body(row)?);
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

/// Takes the chunk that a span names.
pub(super) fn one(
    connection: &Connection,
    chunk: Range<u64>,
    batch: &mut Batch,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(ONE)?;
    match take(&mut statement, chunk.start, batch) {
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

fn take(statement: &mut Statement<'_>, first: u64, batch: &mut Batch) -> rusqlite::Result<bool> {
    let mut found = statement.query([bound(first)])?;
    let Some(row) = found.next()? else {
        return Ok(false);
    };
    let Some((header, _)) = rows::header(row) else {
        return Ok(false);
    };
    batch.add(header, rows::body(row)?);
    Ok(true)
}

/// Returns the first offset of the chunk at an offset, or before it.
pub(super) fn first_at(connection: &Connection, offset: u64) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT first FROM chunk WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let first = statement.query_row([bound(offset)], |row| row.get::<_, i64>(0));
    Ok(first.optional()?.map(|first| first as u64))
}

/// Returns the last offset of the spans that begin before an offset.
fn spans_end(connection: &Connection, before: u64) -> rusqlite::Result<u64> {
    let sql = "SELECT last FROM span WHERE first < ?1 ORDER BY first DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let last = statement.query_row([bound(before)], |row| row.get::<_, i64>(0));
    Ok(last.optional()?.unwrap_or(0) as u64)
}

/// Returns where the chunk ends that lies before an offset, as the one behind it says.
fn prev_of(connection: &Connection, offset: u64) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT prev FROM chunk WHERE first >= ?1 ORDER BY first LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let prev = statement.query_row([bound(offset)], |row| row.get::<_, i64>(0));
    Ok(prev.optional()?.map(|prev| prev as u64))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::event::{Event, Filter};
    use crate::journal::sqlite::files::tests::Directory;
    use crate::journal::{CommitRound, Journal, RoundEvent, SqliteJournal};

    /// Interrupted at any step, a walk says so: it never takes for damaged what it could not look at.
    #[test]
    fn an_interrupt_is_no_damage() {
        let directory = Directory::new("walk-interrupted");
        let mut journal = SqliteJournal::open(directory.path()).unwrap();
        for offset in 1..=30 {
            let event = Event::builder("a", "t").build().unwrap();
            let mut round = CommitRound::default();
            round
                .events
                .push(RoundEvent::new(offset, 1, event.as_ref()));
            journal.commit(&mut round).unwrap();
        }
        let connection = Connection::open(directory.path().join("journal.sqlite")).unwrap();
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
