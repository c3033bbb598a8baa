//! What is done between commits: small chunks are merged, and spans say which chunks have a topic.

mod merge;
mod spans;

use rusqlite::{Connection, OptionalExtension, params};

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
const HEADERS: i64 = 128;

/// The place that merging has come to, and the span that is being collected.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// Everything up to this offset is as large as it gets.
    merged: u64,
    /// Bytes that were committed behind it, about: below [`AIM`] there is nothing to look for.
    behind: u64,
    span: SpanBuilder,
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
        let mut rows = statement.query(params![self.merged as i64, HEADERS])?;
        let (mut first, mut last, mut chunks, mut bytes) = (0, 0, 0, 0);
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            seen += 1;
            let Some((header, _)) = rows::header(row) else {
                if chunks > 1 {
                    return Ok(Next::Write(Step::Merge { first, last }));
                }
                // It stays as it is, and so does what is alone before it.
                let damaged = damaged_end(connection, row.get::<_, i64>(0)?)?;
                self.merged = self.merged.max(damaged);
                (chunks, bytes) = (0, 0);
                continue;
            };
            let length = row.get::<_, i64>(8)? as u64;
            if chunks > 0 && bytes + length > AIM {
                if chunks > 1 {
                    return Ok(Next::Write(Step::Merge { first, last }));
                }
                // It is alone between large ones.
                self.merged = self.merged.max(last);
                (chunks, bytes) = (0, 0);
            }
            last = header.last;
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

/// Returns the last offset that a chunk may have whose row is damaged: its own word for it does not count.
fn damaged_end(connection: &Connection, first: i64) -> rusqlite::Result<u64> {
    let sql = "SELECT first FROM chunk WHERE first > ?1 ORDER BY first LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let next = statement.query_row([first], |row| row.get::<_, i64>(0));
    let end = next.optional()?.map_or(first, |next| next - 1);
    Ok(end.max(first) as u64)
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

    /// Rows whose numbers are wrong: upkeep comes to its end, merges what is whole, and no span hides anything.
    #[test]
    fn what_a_damaged_row_says_of_its_end_is_not_gone_by() {
        for wrong in [0, 1, 1 << 40, i64::MAX] {
            for at in [10, 20] {
                let directory = Directory::new("upkeep-damaged");
                let mut journal = SqliteJournal::open(directory.path()).unwrap();
                commit(&mut journal, 1..=20);
                let other = Connection::open(directory.path().join("journal.sqlite")).unwrap();
                let change = "UPDATE chunk SET last = ?1 WHERE first = ?2";
                assert_eq!(other.execute(change, [wrong, at]).unwrap(), 1);
                drop(other);
                let (mut now, mut turns) = (Instant::now(), 0);
                let mut keep_up = |journal: &mut SqliteJournal| {
                    while let Some(wait) = journal.maintain(now) {
                        (now, turns) = (now + wait, turns + 1);
                        assert!(turns < 20_000, "it never ends: {wrong} at {at}");
                    }
                };
                keep_up(&mut journal);
                // Enough of them that spans are written.
                for offset in 21..=2_400 {
                    commit(&mut journal, offset..=offset);
                    if offset % 100 == 0 {
                        keep_up(&mut journal);
                    }
                }
                keep_up(&mut journal);
                let filter = Filter::parse(["t.1"]).unwrap();
                let expected: Vec<u64> = (1..=2_400).filter(|n| n % 7 == 1).collect();
                let mut reader = journal.view().reader().unwrap();
                for descending in [false, true] {
                    let (mut range, mut seen, mut holes) = (1..2_401, Vec::new(), Vec::new());
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
                    assert_eq!(seen, expected, "{wrong} at {at}");
                    assert_eq!(holes.len(), 1, "{wrong} at {at}: {holes:?}");
                    assert!(holes[0].range.contains(&(at as u64)));
                    assert_eq!(holes[0].reason, HoleReason::Damaged);
                }
            }
        }
    }
}
