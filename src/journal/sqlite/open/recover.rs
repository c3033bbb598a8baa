//! What a process before has left: where the log ends, and what is missing.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, params};

use super::directory::Identity;
use super::{schema, views};
use crate::event::Epoch;
use crate::journal::chunk::ChunkHeader;
use crate::journal::sqlite::files::{Mark, RESERVE_UNKNOWN};
use crate::journal::sqlite::{retention, rows};
use crate::journal::{Hole, HoleReason, Recovered};

/// The key that says whether events were committed without a flush since it was opened.
pub(in crate::journal::sqlite) const UNFLUSHED: &str = "unflushed";
/// Offsets behind the last one that is flushed up to which events may be committed without a flush: as many are given up
/// where it is not known how many there were.
pub(in crate::journal::sqlite) const UNFLUSHED_OFFSETS: u64 = RESERVE_UNKNOWN;

/// A log as it was found.
#[derive(Debug)]
pub(in crate::journal::sqlite) struct Found {
    pub(in crate::journal::sqlite) recovered: Recovered,
    /// Events in it, about.
    pub(in crate::journal::sqlite) events: u64,
    /// The last offset of the last span.
    pub(in crate::journal::sqlite) spans_end: u64,
}

/// Reads what is there, decides what is missing, and writes both down, so that later openings tell it too.
pub(in crate::journal::sqlite) fn recover(
    connection: &mut Connection,
    mark: Option<Mark>,
    identity: Identity,
    same_epoch: bool,
    boot: u64,
    now: i64,
) -> rusqlite::Result<Found> {
    // It takes the lock at once: nobody comes between looking and writing.
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found = look(&tx, mark, identity, same_epoch, boot)?;
    let recovered = &found.recovered;
    schema::take_over(&tx)?;
    views::ensure(&tx)?;
    // Until there is a mark nothing is shown: whoever is killed before has ended as cleanly as whoever never began.
    let has_mark = mark.is_some_and(|mark| mark.epoch == recovered.epoch);
    for hole in &recovered.holes {
        write_hole(&tx, hole)?;
    }
    for (key, value) in [
        ("epoch", recovered.epoch.0 as i64),
        ("clean", i64::from(!has_mark)),
        ("inode", identity.inode as i64),
        ("device", identity.device as i64),
        ("born", identity.born as i64),
        ("boot", boot as i64),
        (UNFLUSHED, 0),
    ] {
        tx.execute(
            "INSERT OR REPLACE INTO meta VALUES(?1, ?2)",
            params![key, value],
        )?;
    }
    for (key, value) in [("created", now), ("flush", 0)] {
        tx.execute(
            "INSERT OR IGNORE INTO meta VALUES(?1, ?2)",
            params![key, value],
        )?;
    }
    tx.commit()?;
    Ok(found)
}

/// Notes that from here on something may be shown. Called once the mark is there.
pub(in crate::journal::sqlite) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE meta SET value = 0 WHERE key = 'clean' AND value <> 0";
    connection.execute(sql, []).map(|_| ())
}

fn look(
    connection: &Connection,
    mark: Option<Mark>,
    identity: Identity,
    same_epoch: bool,
    boot: u64,
) -> rusqlite::Result<Found> {
    let meta = |key: &str| {
        let value = connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
            row.get::<_, i64>(0)
        });
        Ok::<_, rusqlite::Error>(value.optional()?.map(|value| value as u64))
    };
    let own = meta("epoch")?;
    let known = Identity {
        inode: meta("inode")?.unwrap_or(identity.inode),
        device: meta("device")?.unwrap_or(identity.device),
        born: meta("born")?.unwrap_or(identity.born),
    };
    let is_copy = !known.is_same(&identity) && !same_epoch;
    let epoch = own.filter(|_| !is_copy).map_or_else(Epoch::random, Epoch);
    let mut recovered = Recovered::new(epoch);
    recovered.clean = own.is_none() || meta("clean")? == Some(1);
    let end = last_chunk(connection)?;
    (recovered.last, recovered.recorded) = (end.last, end.recorded);
    // How far what is damaged went is not known: offsets are given up as if nothing had been closed.
    recovered.clean &= !end.is_damaged;
    // A mark of another log says nothing of this one.
    let mark = mark.filter(|mark| own == Some(mark.epoch.0));
    recovered.holes = holes(connection)?;
    let ends = recovered.holes.iter().map(|hole| hole.range.end);
    let told = ends.max().unwrap_or(0);
    recovered.next = told.max(recovered.last + 1);
    // What was shown and only written may be gone with the power, and what says how far that went along with it.
    let is_same_boot = boot != 0 && meta("boot")? == Some(boot);
    // Whoever wrote the first schema did not say.
    let lost_power = meta(UNFLUSHED)? != Some(0) && !recovered.clean && !is_same_boot;
    for (range, reason) in missing(&recovered, mark, own.is_none(), lost_power) {
        recovered.next = range.end;
        recovered.holes.push(Hole::new(range, reason));
    }
    // What is behind is little: it is written down with every span, too. Where it is not known all of them are counted.
    let [counted, to] = retention::read_events(connection)?.unwrap_or_default();
    let sql = "SELECT CAST(total(count & 0xffffffff) AS INTEGER) FROM chunk WHERE first > ?1";
    let since = connection.query_row(sql, [to as i64], |row| row.get::<_, i64>(0));
    let since = rows::unless_damaged(since, 0)?.max(0) as u64;
    let sql = "SELECT last FROM span ORDER BY first DESC LIMIT 1";
    let spans_end = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let spans_end = rows::unless_damaged(spans_end.optional(), None)?.unwrap_or(0);
    Ok(Found {
        events: counted.saturating_add(since),
        // It says nothing of what is behind the log.
        spans_end: u64::try_from(spans_end).unwrap_or(0).min(recovered.last),
        recovered,
    })
}

/// The end of the chunks.
#[derive(Debug, Default)]
pub(in crate::journal::sqlite) struct LastChunk {
    pub(in crate::journal::sqlite) last: u64,
    pub(in crate::journal::sqlite) recorded: i64,
    /// The last row is not as it was written: the chunk may have gone further.
    is_damaged: bool,
}

/// Finds the end of the chunks: that of the last one that is whole, and no less than where damaged ones behind it begin.
pub(in crate::journal::sqlite) fn last_chunk(
    connection: &Connection,
) -> rusqlite::Result<LastChunk> {
    let mut found = LastChunk::default();
    let mut to = i64::MAX;
    loop {
        let sql = "SELECT first FROM chunk WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
        let mut statement = connection.prepare_cached(sql)?;
        let first = statement.query_row([to], |row| row.get::<_, i64>(0));
        let first = match first.optional() {
            Ok(first) => first,
            // Behind it something was found.
            Err(error) if found.is_damaged && rows::is_damage(&error) => None,
            Err(error) => return Err(error),
        };
        // No offset is below 1, and none is so high that no reservation would fit behind it.
        let Some(first) = first.filter(|first| (1..=to).contains(first)) else {
            return Ok(found);
        };
        match rows::unless_damaged(header_at(connection, first), None)? {
            Some(header) => {
                found.last = found.last.max(header.last);
                found.recorded = header.recorded_last;
                return Ok(found);
            }
            None if first < i64::MAX - RESERVE_UNKNOWN as i64 => {
                found.last = found.last.max(first as u64);
            }
            None => {}
        }
        found.is_damaged = true;
        to = first - 1;
    }
}

/// Reads the header of the chunk that begins at an offset; `None`: it is not whole.
fn header_at(connection: &Connection, first: i64) -> rusqlite::Result<Option<ChunkHeader>> {
    let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) \
               FROM chunk WHERE first = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([first])?;
    let row = found.next()?;
    Ok(row.and_then(rows::header).map(|(header, _)| header))
}

/// Returns what is missing above the end of the log, ascending, and was not told before.
fn missing(
    recovered: &Recovered,
    mark: Option<Mark>,
    is_new: bool,
    lost_power: bool,
) -> Vec<(Range<u64>, HoleReason)> {
    let mut missing = Vec::new();
    let mut from = recovered.next;
    let mut until = |to: u64, reason: HoleReason| {
        if to > from {
            missing.push((from..to, reason));
            from = to;
        }
    };
    match mark {
        Some(mark) => {
            // What was flushed cannot be missing unless it is damaged; what was only written goes with the power.
            until(mark.flushed + 1, HoleReason::Damaged);
            until(mark.last + 1, HoleReason::Crash);
            until(mark.reserved, HoleReason::Crash);
        }
        // Nobody knows what was shown, or lost.
        None if !is_new && !recovered.clean => {
            until(recovered.next + RESERVE_UNKNOWN, HoleReason::Damaged);
        }
        None => {}
    }
    if lost_power {
        until(recovered.last + 1 + UNFLUSHED_OFFSETS, HoleReason::Crash);
    }
    missing
}

/// Returns what is known to be missing, ascending.
pub(in crate::journal::sqlite) fn holes(connection: &Connection) -> rusqlite::Result<Vec<Hole>> {
    let mut statement =
        connection.prepare("SELECT first, last, reason FROM hole ORDER BY first")?;
    let mut rows = statement.query([])?;
    let mut holes = Vec::new();
    while let Some(row) = rows.next()? {
        let (first, last) = (row.get(0)?, row.get(1)?);
        if let Some(range) = hole(first, last) {
            holes.push(Hole::new(range, from_number(row.get(2)?)));
        }
    }
    Ok(holes)
}

/// Returns the range of a row of the table of holes, which has no checksum. Where its numbers make no sense it is of as many
/// offsets as are given up where nobody knows, or none.
fn hole(first: i64, last: i64) -> Option<Range<u64>> {
    // What comes behind it has to be an offset, too.
    const MAX: i64 = i64::MAX - 2 * RESERVE_UNKNOWN as i64;
    let first = Some(first).filter(|first| (1..MAX).contains(first))?;
    let end = match (first..MAX).contains(&last) {
        true => last + 1,
        false => first + RESERVE_UNKNOWN as i64,
    };
    Some(first as u64..end as u64)
}

/// Writes down what is missing, so that every later opening tells it.
pub(in crate::journal::sqlite) fn write_hole(
    connection: &Connection,
    hole: &Hole,
) -> rusqlite::Result<()> {
    let (first, last) = (hole.range.start as i64, hole.range.end as i64 - 1);
    let sql = "INSERT OR IGNORE INTO hole VALUES(?1, ?2, ?3)";
    let mut statement = connection.prepare_cached(sql)?;
    let row = params![first, last, to_number(hole.reason)];
    statement.execute(row).map(|_| ())
}

/// The number of a reason in the file.
fn to_number(reason: HoleReason) -> i64 {
    match reason {
        HoleReason::Damaged => 0,
        HoleReason::Crash => 1,
        HoleReason::Retention => 2,
        HoleReason::Aborted => 3,
        HoleReason::Indeterminate => 4,
        HoleReason::Memory => 5,
    }
}

fn from_number(number: i64) -> HoleReason {
    match number {
        1 => HoleReason::Crash,
        2 => HoleReason::Retention,
        3 => HoleReason::Aborted,
        4 => HoleReason::Indeterminate,
        5 => HoleReason::Memory,
        // What is not known is the worst.
        _ => HoleReason::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::ops::ControlFlow;

    use super::*;
    use crate::event::{Event, Filter};
    use crate::journal::sqlite::files::tests::Directory;
    use crate::journal::{CommitRound, Journal, RoundEvent, Scan, SqliteJournal};

    fn found(last: u64, next: u64, clean: bool) -> Recovered {
        let mut recovered = Recovered::new(Epoch(7));
        (recovered.last, recovered.next, recovered.clean) = (last, next, clean);
        recovered
    }

    fn mark(last: u64, flushed: u64, reserved: u64) -> Option<Mark> {
        let epoch = Epoch(7);
        Some(Mark {
            epoch,
            last,
            flushed,
            reserved,
        })
    }

    #[test]
    fn what_is_missing_is_told_with_its_reason_and_once() {
        use HoleReason::{Crash, Damaged};
        let missing = |last, next, mark| missing(&found(last, next, false), mark, false, false);
        assert_eq!(missing(10, 11, mark(10, 10, 0)), []);
        assert_eq!(
            missing(10, 11, mark(9, 9, 0)),
            [],
            "the mark was not moved yet"
        );
        assert_eq!(
            missing(10, 11, mark(14, 12, 0)),
            [(11..13, Damaged), (13..15, Crash)]
        );
        assert_eq!(
            missing(10, 11, mark(14, 8, 0)),
            [(11..15, Crash)],
            "the power failed"
        );
        assert_eq!(missing(10, 11, mark(10, 10, 50)), [(11..50, Crash)]);
        let all = [(11..13, Damaged), (13..15, Crash), (15..50, Crash)];
        assert_eq!(missing(10, 11, mark(14, 12, 50)), all);
        assert_eq!(missing(10, 50, mark(14, 12, 50)), [], "it was told before");
        assert_eq!(missing(60, 61, mark(60, 60, 50)), [], "it was used up");
    }

    /// A server that was killed while it made its journal gave the first 2^20 offsets up as damaged: the database was there,
    /// and the mark was not.
    #[test]
    fn a_journal_whose_maker_was_killed_has_lost_nothing() {
        for torn in [None, Some(0), Some(100), Some(5000), Some(9000)] {
            let directory = Directory::new("recover-made");
            let path = directory.path().join("journal.sqlite");
            let mut connection = super::super::writer(&path, None).unwrap();
            super::super::ensure(&connection, &path, 4096).unwrap();
            let identity = Identity::of(&path).unwrap();
            recover(&mut connection, None, identity, false, 0, 0).unwrap();
            drop(connection);
            if let Some(bytes) = torn {
                fs::write(directory.path().join("durable"), vec![0; bytes]).unwrap();
            }
            let mut journal = SqliteJournal::open(directory.path()).unwrap();
            let recovered = journal.recovered();
            assert_eq!((recovered.next, &recovered.holes[..]), (1, &[][..]));
            // From now on a mark that is gone is a loss.
            let other = Connection::open(&path).unwrap();
            let clean = "SELECT value FROM meta WHERE key = 'clean'";
            let clean = other.query_row(clean, [], |row| row.get::<_, i64>(0));
            assert_eq!(clean, Ok(0));
            drop(other);
            journal.close().unwrap();
        }
    }

    /// A last row whose numbers are wrong says neither where the log ends nor when: what is whole before it does.
    #[test]
    fn a_last_row_that_is_damaged_is_not_gone_by() {
        for wrong in [0, 1, 1 << 40, i64::MAX, -1] {
            let directory = Directory::new("recover-last");
            let mut journal = SqliteJournal::open(directory.path()).unwrap();
            for offset in 1..=5 {
                let event = Event::builder("a", "t").build().unwrap();
                let mut round = CommitRound::default();
                let recorded = 1_000 * offset as i64;
                round
                    .events
                    .push(RoundEvent::new(offset, recorded, event.as_ref()));
                round.flush = true;
                journal.commit(&mut round).unwrap();
            }
            journal.close().unwrap();
            drop(journal);
            let other = Connection::open(directory.path().join("journal.sqlite")).unwrap();
            let change = "UPDATE chunk SET last = ?1, recorded_last = ?1 WHERE first = 5";
            assert_eq!(other.execute(change, [wrong]).unwrap(), 1);
            drop(other);
            let journal = SqliteJournal::open(directory.path()).unwrap();
            let recovered = journal.recovered();
            assert_eq!((recovered.last, recovered.recorded), (5, 4_000), "{wrong}");
            assert!(
                (6..1 << 22).contains(&recovered.next),
                "{wrong}: {recovered:?}"
            );
            let all = Filter::all();
            let mut reader = journal.view().reader().unwrap();
            let scan = Scan::new(&all, 1..recovered.next);
            let mut seen = 0;
            let end = reader.read(&scan, &mut |_| {
                seen += 1;
                ControlFlow::Continue(())
            });
            assert_eq!(seen, 4, "{wrong}");
            assert!(
                end.unwrap()
                    .holes
                    .iter()
                    .any(|hole| hole.range.contains(&5)),
                "{wrong}"
            );
        }
    }

    /// Once a hole whose end was flipped left no offset for anything to come.
    #[test]
    fn the_numbers_of_a_hole_that_make_no_sense_are_not_believed() {
        assert_eq!(hole(5, 9), Some(5..10));
        assert_eq!(hole(1, 1), Some(1..2));
        let end = 5 + RESERVE_UNKNOWN;
        for last in [4, 0, -1, i64::MIN, i64::MAX, i64::MAX - (1 << 20)] {
            assert_eq!(hole(5, last), Some(5..end), "{last}");
        }
        for first in [0, -1, i64::MIN, i64::MAX, i64::MAX - (1 << 20)] {
            assert_eq!(hole(first, 9), None, "{first}");
        }
    }

    #[test]
    fn a_mark_that_is_gone_gives_offsets_up_where_the_end_was_not_clean() {
        let all = 11..11 + RESERVE_UNKNOWN;
        let told = missing(&found(10, 11, false), None, false, false);
        assert_eq!(told, [(all, HoleReason::Damaged)]);
        assert_eq!(missing(&found(10, 11, true), None, false, false), []);
        assert_eq!(missing(&found(0, 1, false), None, true, false), []);
    }

    /// Once offsets of events that were shown, and gone with the power, were given out again: who had come that far missed
    /// the new ones without a word.
    #[test]
    fn what_was_only_written_when_the_power_failed_gives_its_offsets_up() {
        let missing = |mark| missing(&found(10, 11, false), mark, false, true);
        let end = 11 + UNFLUSHED_OFFSETS;
        let all = [(11..end, HoleReason::Crash)];
        assert_eq!(missing(mark(10, 10, 0)), all, "the mark is gone as well");
        assert_eq!(missing(mark(10, 10, end)), all);
        let told = [(11..15, HoleReason::Crash), (15..end, HoleReason::Crash)];
        assert_eq!(missing(mark(14, 10, 0)), told);
        assert_eq!(
            missing(None),
            [(11..end, HoleReason::Damaged)],
            "it covers both"
        );
    }

    #[test]
    fn offsets_are_given_up_after_a_loss_of_power_only_and_only_where_something_was_not_flushed() {
        if super::super::boot() == 0 {
            // The machine does not say which start it is: offsets are given up whenever they may be lost.
            return;
        }
        // Whether it is flushed, whether the machine was started anew, whether it was closed; whether it says what is
        // flushed, which those of the first schema do not.
        for (flush, restarts, closes, says) in [
            (false, true, false, true),
            (false, false, false, true),
            (true, true, false, true),
            (false, true, true, true),
            (false, true, false, false),
            (true, true, false, false),
            (false, true, true, false),
        ] {
            let directory = Directory::new("recover-boot");
            let mut journal = SqliteJournal::open(directory.path()).unwrap();
            for offset in 1..=5 {
                let event = Event::builder("a", "t").build().unwrap();
                let mut round = CommitRound::default();
                round
                    .events
                    .push(RoundEvent::new(offset, 1_000, event.as_ref()));
                round.flush = flush;
                journal.commit(&mut round).unwrap();
            }
            if closes {
                journal.close().unwrap();
            }
            drop(journal);
            let other = Connection::open(directory.path().join("journal.sqlite")).unwrap();
            if restarts {
                let change = "UPDATE meta SET value = value + 1 WHERE key = 'boot'";
                assert_eq!(other.execute(change, []).unwrap(), 1);
            }
            if !says {
                let change = "DELETE FROM meta WHERE key = ?1";
                assert_eq!(other.execute(change, [UNFLUSHED]).unwrap(), 1);
                other.execute_batch("PRAGMA user_version = 1").unwrap();
            }
            drop(other);
            let may_be_lost = restarts && !closes && !(flush && says);
            let given_up = Hole::new(6..6 + UNFLUSHED_OFFSETS, HoleReason::Crash);
            let expected = Vec::from_iter(may_be_lost.then_some(given_up));
            // It is told for good, and once.
            for _ in 0..2 {
                let mut journal = SqliteJournal::open(directory.path()).unwrap();
                let recovered = journal.recovered().clone();
                let next = expected.last().map_or(6, |hole| hole.range.end);
                assert_eq!((recovered.last, recovered.next), (5, next));
                assert_eq!(recovered.holes, expected);
                journal.close().unwrap();
            }
        }
    }
}
