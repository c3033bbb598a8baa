//! What is done between commits: small chunks are merged, large ones deflated where that is wanted, and spans say which
//! chunks have a topic. Of topics that are compacted older events of a key go.

mod compact;
mod grouping;
mod merge;
mod spans;

use rusqlite::Connection;

use super::options::{CHUNK_BYTES, JournalCompression};
use super::retention::Gone;
use super::rows;
use crate::journal::TopicPolicy;
use crate::journal::chunk::{ChunkBuilder, Deflater};

use compact::{Change, Compactor};
pub(super) use compact::{CompactLimits, CompactStats, TOPICS_MAX as COMPACTED_MAX};
use grouping::{Grouping, Looked, Way};
pub(super) use spans::SpanIndex;
use spans::{Span, SpanBuilder};

/// Bytes of events in a chunk that merging makes: those of one that is large from the beginning.
const AIM: u64 = CHUNK_BYTES as u64;
/// A chunk of so many bytes is left as it is: less than what a round cuts off its end.
const LARGE: u64 = AIM * 7 / 16;
/// Bytes of frames in a deflated chunk, at most: who looks for one event inflates all of them.
const DEFLATE_AIM_MAX: u64 = 96 << 10;

/// The place that merging has come to, and the span that is being collected.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// Everything up to its place is as large as it gets.
    merging: Grouping,
    /// Bytes that were committed behind it, about: below [`AIM`] there is nothing to look for.
    behind: u64,
    /// Merged chunks have become deflated ones up to its place.
    deflating: Grouping,
    /// `None`: nothing is deflated.
    deflater: Option<Deflater>,
    /// The end of what is merged as it was when too little was there to be deflated.
    deflate_behind: u64,
    span: SpanBuilder,
    compactor: Compactor,
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
    /// The same, and it is deflated.
    Deflate { first: u64, last: u64 },
    /// A span is complete.
    Span(Span),
    /// Events of a topic go since newer ones have their keys.
    Compact(Change),
}

impl Upkeep {
    /// Begins behind the last span: what lies behind it is looked at once.
    pub(super) fn new(
        spans_end: u64,
        compression: JournalCompression,
        compact_keys: usize,
    ) -> Self {
        Self {
            merging: Grouping::starting_behind(spans_end, Way::Merge),
            behind: AIM,
            deflating: Grouping::starting_behind(spans_end, Way::Deflate),
            deflater: match compression {
                JournalCompression::None => None,
                JournalCompression::Deflate => Some(Deflater::default()),
            },
            deflate_behind: 0,
            span: SpanBuilder::starting_behind(spans_end),
            compactor: Compactor::new(compact_keys),
            paused: false,
        }
    }

    /// Takes the settings of a topic; returns whether it is compacted as they say.
    pub(super) fn set_topic(&mut self, name: &str, policy: &TopicPolicy) -> bool {
        self.paused = false;
        self.compactor.set(name, policy)
    }

    /// Returns what compaction has done so far.
    pub(super) fn compaction(&self) -> CompactStats {
        self.compactor.stats()
    }

    /// Notes a commit of so many bytes.
    pub(super) fn committed(&mut self, bytes: u64) {
        self.behind += bytes;
        self.paused = false;
    }

    /// Returns what is to be done next, after a bounded look. The limits of compaction are asked for where they are needed.
    pub(super) fn next(
        &mut self,
        connection: &Connection,
        limits: &mut dyn FnMut() -> rusqlite::Result<CompactLimits>,
    ) -> rusqlite::Result<Next> {
        if self.paused {
            return Ok(Next::Idle);
        }
        if self.behind >= AIM {
            return self.look_for_small(connection);
        }
        let mut settled = self.merging.done;
        if let Some(deflater) = &self.deflater {
            if self.deflate_behind < settled {
                let aim = deflater.inflated(AIM).clamp(AIM, DEFLATE_AIM_MAX);
                return self.look_for_plain(connection, aim);
            }
            settled = self.deflating.done;
        }
        if self.span.end() < settled {
            return match self.span.collect(connection, settled)? {
                Some(span) => Ok(Next::Write(Step::Span(span))),
                None if self.span.end() < settled => Ok(Next::More),
                None => self.compactor.next(connection, settled, limits),
            };
        }
        self.compactor.next(connection, settled, limits)
    }

    /// Notes what became of a step. Returns the topic of which all older events of a key have gone by it.
    pub(super) fn done(&mut self, step: Step, result: Option<Merged>) -> Option<Box<str>> {
        match (step, result) {
            (Step::Merge { last, .. }, Some(Merged::Left)) => {
                self.merging.pass(last);
            }
            (Step::Deflate { last, .. }, Some(Merged::Left)) => self.deflating.pass(last),
            // It is looked at again: more may fit into it.
            (Step::Merge { .. } | Step::Deflate { .. } | Step::Span(_), Some(_)) => {}
            (Step::Span(span), None) => {
                self.span.take_back(span);
                self.paused = true;
            }
            (Step::Compact(change), Some(_)) => return self.compactor.done(change),
            (Step::Merge { .. } | Step::Deflate { .. } | Step::Compact(_), None) => {
                self.paused = true;
            }
        }
        None
    }

    /// Writes a step into a transaction.
    pub(super) fn write(
        &mut self,
        step: &Step,
        connection: &Connection,
        builder: &mut ChunkBuilder,
    ) -> rusqlite::Result<Merged> {
        match step {
            Step::Merge { first, last } => merge::write(connection, builder, None, *first..=*last),
            Step::Deflate { first, last } => {
                let deflater = self.deflater.as_mut();
                merge::write(connection, builder, deflater, *first..=*last)
            }
            Step::Span(span) => span.write(connection).map(|()| Merged::Written),
            Step::Compact(change) => {
                let gone = self.compactor.write(*change, connection, builder)?;
                Ok(Merged::Compacted(gone))
            }
        }
    }

    /// Notes that what comes next cannot be read.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    fn look_for_small(&mut self, connection: &Connection) -> rusqlite::Result<Next> {
        Ok(match self.merging.look(connection, u64::MAX, AIM)? {
            Looked::Group { first, last } => Next::Write(Step::Merge { first, last }),
            Looked::More => Next::More,
            Looked::Rest(bytes) => {
                self.behind = bytes.min(AIM - 1);
                Next::More
            }
        })
    }

    fn look_for_plain(&mut self, connection: &Connection, aim: u64) -> rusqlite::Result<Next> {
        let to = self.merging.done;
        Ok(match self.deflating.look(connection, to, aim)? {
            Looked::Group { first, last } => Next::Write(Step::Deflate { first, last }),
            Looked::More => Next::More,
            Looked::Rest(_) => {
                self.deflate_behind = to;
                Next::More
            }
        })
    }
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// Written.
    Written,
    /// Everything stays as it is: something is damaged, which readers say, or it would become no shorter.
    Left,
    /// So much has gone.
    Compacted(Gone),
}

impl Merged {
    /// Returns what has gone.
    pub(super) fn gone(self) -> Gone {
        match self {
            Self::Compacted(gone) => gone,
            Self::Written | Self::Left => Gone::default(),
        }
    }
}

impl Step {
    /// Returns whether it joins chunks.
    pub(super) fn is_merge(&self) -> bool {
        matches!(self, Self::Merge { .. })
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
