//! What is done between commits: small chunks are merged, and spans say which chunks have a topic.

mod merge;
mod spans;

use rusqlite::{Connection, params};

use super::options::CHUNK_BYTES;
use super::rows;
use crate::journal::chunk::ChunkBuilder;

pub(super) use spans::SpanIndex;
use spans::{Span, SpanBuilder};

/// Bytes of events in a chunk that merging makes: those of one that is large from the beginning.
const AIM: u64 = CHUNK_BYTES as u64;
/// A chunk of so many bytes is left as it is: less than what a round cuts off its end.
const LARGE: u64 = AIM * 7 / 16;
/// Chunks that are looked at in a step: a step is short, since publishers wait for it.
const HEADERS: usize = 128;
/// Rows that are looked at in a step where they are damaged: who finds nothing whole among so many looks again after the
/// next commits.
const ROWS: usize = 4096;

/// Bytes of chunks that are not merged on either side of a row whose number is out of order. Where rows go, SQLite moves those of the
/// pages beside theirs as well, and finds its way by their numbers from then on.
const BESIDE: u64 = 4 * AIM;

/// The place that merging has come to, and the span that is being collected.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// Everything up to this offset is as large as it gets.
    merged: u64,
    /// Bytes that were committed behind it, about: below [`AIM`] there is nothing to look for.
    behind: u64,
    span: SpanBuilder,
    /// Bytes of chunks that are passed before merging goes on.
    beside: u64,
    /// A step failed: the next commit says whether it is worth trying again.
    paused: bool,
}

/// The next thing to do.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing before the next commit.
    Idle,
    /// There is more to look at.
    More,
    /// This has to be written, in a transaction.
    Write(Step),
}

/// A change of rows that changes no event.
#[derive(Debug)]
pub(super) enum Step {
    /// The chunks from one offset to another become one.
    Merge { first: u64, last: u64 },
    /// A span is complete.
    Span(Span),
}

impl Upkeep {
    /// Begins behind the last span: what lies behind it is looked at once.
    pub(super) fn new(spans_end: u64) -> Self {
        Self {
            merged: spans_end,
            behind: AIM,
            span: SpanBuilder::starting_behind(spans_end),
            beside: 0,
            paused: false,
        }
    }

    /// Notes a commit of so many bytes.
    pub(super) fn committed(&mut self, bytes: u64) {
        self.behind += bytes;
        self.paused = false;
    }

    /// Returns what is to be done next, after a bounded look.
    pub(super) fn next(&mut self, connection: &Connection) -> rusqlite::Result<Next> {
        if self.paused {
            return Ok(Next::Idle);
        }
        if self.behind >= AIM {
            return self.look_for_small(connection);
        }
        if self.span.end() < self.merged {
            return match self.span.collect(connection, self.merged)? {
                Some(span) => Ok(Next::Write(Step::Span(span))),
                None if self.span.end() < self.merged => Ok(Next::More),
                None => Ok(Next::Idle),
            };
        }
        Ok(Next::Idle)
    }

    /// Notes what became of a step.
    pub(super) fn done(&mut self, step: Step, result: Option<Merged>) {
        match (step, result) {
            (Step::Merge { last, .. }, Some(Merged::Left)) => {
                self.merged = self.merged.max(last);
            }
            // It is looked at again: more may fit into it.
            (Step::Merge { .. } | Step::Span(_), Some(_)) => {}
            (Step::Span(span), None) => {
                self.span.take_back(span);
                self.paused = true;
            }
            (Step::Merge { .. }, None) => self.paused = true,
        }
    }

    /// Notes that what comes next cannot be read.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    fn look_for_small(&mut self, connection: &Connection) -> rusqlite::Result<Next> {
        let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) \
                   FROM chunk WHERE first > ?1 ORDER BY first LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.merged as i64, ROWS as i64])?;
        let (mut first, mut last, mut chunks, mut bytes) = (0, self.merged, 0, 0);
        let (mut seen, mut damaged) = (0, None);
        // What is to be merged, and the bytes that were looked at behind it.
        let (mut group, mut ahead) = (None, 0);
        while (seen < HEADERS || group.is_some())
            && let Some(row) = rows.next()?
        {
            let Some((header, _)) = rows::header(row) else {
                // It stays as it is. Neither its end nor its beginning counts: the next one that is whole says how far it went.
                damaged = damaged.max(Some(row.get::<_, i64>(0)? as u64));
                continue;
            };
            // A damaged page may name a row twice, or one that others have replaced.
            if header.last <= last {
                continue;
            }
            seen += 1;
            let length = row.get::<_, i64>(8)? as u64;
            if let Some(number) = damaged.take() {
                // One whose number leads away from its place stays as it is with what is beside it.
                if number > header.first {
                    (group, self.beside) = (None, BESIDE);
                } else if chunks > 1 && group.is_none() {
                    group = Some((first, last));
                }
                (chunks, bytes) = (0, 0);
            }
            if group.is_some() {
                last = header.last;
                ahead += length.max(1);
                if ahead >= BESIDE {
                    break;
                }
                continue;
            }
            if chunks == 0 {
                self.merged = self.merged.max(header.prev);
            }
            if chunks > 0 && bytes + length > AIM {
                if chunks > 1 {
                    group = Some((first, last));
                    (last, ahead) = (header.last, length);
                    continue;
                }
                // It is alone between large ones.
                self.merged = self.merged.max(last);
                (chunks, bytes) = (0, 0);
            }
            last = header.last;
            if self.beside > 0 {
                self.beside = self.beside.saturating_sub(length.max(1));
                self.merged = last;
                continue;
            }
            if chunks == 0 {
                first = header.first;
                if length >= LARGE {
                    self.merged = self.merged.max(last);
                    continue;
                }
            }
            chunks += 1;
            bytes += length;
        }
        if let Some((first, last)) = group {
            return Ok(Next::Write(Step::Merge { first, last }));
        }
        if seen == HEADERS {
            // So many that do not fill one: events without data, say.
            return Ok(match chunks {
                0 | 1 => Next::More,
                _ => Next::Write(Step::Merge { first, last }),
            });
        }
        self.behind = bytes.min(AIM - 1);
        Ok(Next::More)
    }
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// Written.
    Written,
    /// Something in it is damaged, and stays as it is: readers say so.
    Left,
}

impl Step {
    /// Returns whether it joins chunks.
    pub(super) fn is_merge(&self) -> bool {
        matches!(self, Self::Merge { .. })
    }

    /// Writes it into a transaction.
    pub(super) fn write(
        &self,
        connection: &Connection,
        builder: &mut ChunkBuilder,
    ) -> rusqlite::Result<Merged> {
        match self {
            Self::Merge { first, last } => merge::write(connection, builder, *first, *last),
            Self::Span(span) => span.write(connection).map(|()| Merged::Written),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::time::Instant;

    use super::*;
    use crate::event::{Event, Filter};
    use crate::journal::sqlite::files::tests::Directory;
    use crate::journal::{CommitRound, HoleReason, Journal, RoundEvent, Scan, SqliteJournal};

    fn commit(journal: &mut SqliteJournal, offsets: std::ops::RangeInclusive<u64>) {
        for offset in offsets {
            let event = Event::builder(&format!("t.{}", offset % 7), "t")
                .data("application/octet-stream", &vec![offset as u8; 6_000])
                .build()
                .unwrap();
            let mut round = CommitRound::default();
            round
                .events
                .push(RoundEvent::new(offset, offset as i64, event.as_ref()));
            journal.commit(&mut round).unwrap();
        }
    }

    fn keep_up(journal: &mut SqliteJournal) {
        let (mut now, mut turns) = (Instant::now(), 0);
        while let Some(wait) = journal.maintain(now) {
            (now, turns) = (now + wait, turns + 1);
            assert!(turns < 20_000, "it never ends");
        }
    }

    /// Checks that readers of a topic are handed all but what is damaged, and told that.
    fn check(journal: &SqliteJournal, events: u64, damaged: u64, when: &str) {
        let filter = Filter::parse(["t.1"]).unwrap();
        let expected: Vec<u64> = (1..=events)
            .filter(|n| n % 7 == 1 && *n != damaged)
            .collect();
        let mut reader = journal.view().reader().unwrap();
        for descending in [false, true] {
            let (mut range, mut seen, mut holes) = (1..events + 1, Vec::new(), Vec::new());
            while !range.is_empty() {
                let scan = Scan::new(&filter, range.clone()).descending(descending);
                let end = reader.read(&scan, &mut |stored| {
                    seen.push(stored.offset);
                    ControlFlow::Continue(())
                });
                let end = end.unwrap();
                match descending {
                    true => range.end = end.next,
                    false => range.start = end.next,
                }
                holes.extend(end.holes);
            }
            seen.sort_unstable();
            assert_eq!(seen, expected, "{when}: {damaged} {descending}");
            assert_eq!(holes.len(), 1, "{when}: {damaged} {descending}: {holes:?}");
            assert!(holes[0].range.contains(&damaged));
            assert_eq!(holes[0].reason, HoleReason::Damaged);
        }
    }

    /// Rows whose numbers are wrong: upkeep comes to its end, merges what is whole, and no span hides anything.
    #[test]
    fn what_a_damaged_row_says_of_its_place_is_not_gone_by() {
        for (column, wrong) in [
            ("last", 0),
            ("last", 1),
            ("last", 1 << 40),
            ("last", i64::MAX),
            ("first", 1 << 40),
            ("first", i64::MAX),
        ] {
            for at in [10, 20] {
                let directory = Directory::new("upkeep-damaged");
                let mut journal = SqliteJournal::open(directory.path()).unwrap();
                commit(&mut journal, 1..=20);
                let other = Connection::open(directory.path().join("journal.sqlite")).unwrap();
                let change = format!("UPDATE chunk SET {column} = ?1 WHERE first = ?2");
                assert_eq!(other.execute(&change, [wrong, at]).unwrap(), 1);
                keep_up(&mut journal);
                // Enough of them that spans are written.
                for offset in 21..=2_400 {
                    commit(&mut journal, offset..=offset);
                    if offset % 100 == 0 {
                        keep_up(&mut journal);
                    }
                }
                keep_up(&mut journal);
                let count = |sql: &str| other.query_row(sql, [], |row| row.get::<_, i64>(0));
                assert_eq!(
                    count("SELECT count(*) FROM span"),
                    Ok(1),
                    "{column} {wrong}"
                );
                let chunks = count("SELECT count(*) FROM chunk").unwrap();
                assert!(chunks < 1_250, "{column} {wrong}: {chunks}");
                check(&journal, 2_400, at as u64, column);
            }
        }
    }

    /// Once a number that was flipped upwards ended a span in the middle of what was merged: readers of a topic passed what
    /// lay behind it without a word.
    #[test]
    fn a_number_that_is_flipped_upwards_ends_no_span() {
        for damaged in [600, 1_100, 1_800] {
            let directory = Directory::new("upkeep-upwards");
            let mut journal = SqliteJournal::open(directory.path()).unwrap();
            commit(&mut journal, 1..=2_400);
            journal.close().unwrap();
            drop(journal);
            let path = directory.path().join("journal.sqlite");
            let mut bytes = std::fs::read(&path).unwrap();
            let page_bytes = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
            // Leaves of tables: cells of two bytes of length, then the number, of two bytes.
            let is = [0x80 | (damaged >> 7) as u8, (damaged & 0x7f) as u8];
            let mut flipped = 0;
            for page in (page_bytes..bytes.len()).step_by(page_bytes) {
                if bytes[page] != 13 {
                    continue;
                }
                let cells = u16::from_be_bytes([bytes[page + 3], bytes[page + 4]]) as usize;
                for cell in 0..cells {
                    let at = page + 8 + 2 * cell;
                    let at = page + u16::from_be_bytes([bytes[at], bytes[at + 1]]) as usize;
                    if bytes[at + 2..at + 4] == is {
                        bytes[at + 2] |= 0x40;
                        flipped += 1;
                    }
                }
            }
            assert_eq!(flipped, 1, "{damaged}");
            std::fs::write(&path, bytes).unwrap();
            let mut journal = SqliteJournal::open(directory.path()).unwrap();
            check(&journal, 2_400, damaged, "as it was");
            keep_up(&mut journal);
            check(&journal, 2_400, damaged, "merged");
        }
    }
}
