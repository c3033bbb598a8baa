//! A walk over all chunks that have events of topics with a floor of their own: what is half dead is rewritten.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::floors::Floors;
use super::rewrite::{Gone, Rewritten, Run, Worth, rewrite};
use crate::event::EventRef;
use crate::journal::chunk::{ChunkBuilder, Frame, Numbers};
use crate::journal::sqlite::rows;

/// Chunks that are looked at in a step, and bytes of bodies that are read: publishers wait for it.
const ROWS: usize = 128;
const READ_MAX: u64 = 1 << 20;

/// The place of a walk.
#[derive(Clone, Debug)]
pub(in crate::journal::sqlite) struct Sweep {
    at: u64,
    worth: Worth,
    /// Whatever its topics are, each chunk is looked at.
    is_everything: bool,
    /// The numbers of topics that have something below their floor that has gone, and stays; `None`: nobody can say.
    needed: Option<HashSet<u64>>,
}

impl Sweep {
    /// Looks for what is worth it; where there are many floors everything is, so that they can be forgotten.
    pub(super) fn new(is_crowded: bool) -> Self {
        Self {
            at: 1,
            worth: if is_crowded { Worth::Any } else { Worth::Half },
            is_everything: false,
            needed: Some(HashSet::new()),
        }
    }

    /// Notes that something of a topic has gone since, perhaps before the place of the walk.
    pub(super) fn need(&mut self, topic: u64) {
        if let Some(needed) = &mut self.needed {
            needed.insert(topic);
        }
    }

    /// Returns the topics that have something below their floor still, once all was looked at; `None`: all may have.
    pub(super) fn needed(&self) -> Option<&HashSet<u64>> {
        self.needed.as_ref()
    }

    /// Takes out everything that has gone.
    pub(in crate::journal::sqlite) fn everything() -> Self {
        Self {
            at: 1,
            worth: Worth::Any,
            is_everything: true,
            needed: None,
        }
    }

    /// Returns the offset before which everything was looked at.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Makes a step, within a transaction; returns what went, and whether that was all.
    pub(in crate::journal::sqlite) fn step(
        &mut self,
        connection: &Connection,
        builder: &mut ChunkBuilder,
        floors: &Floors,
        last: u64,
    ) -> rusqlite::Result<(Gone, bool)> {
        let (chunks, is_all) = self.look(connection, floors)?;
        let began = self.at;
        let (mut gone, mut run, mut read) = (Gone::default(), Run::default(), 0);
        for (header, bytes, topics) in chunks {
            // The newest chunk says where the log ends, whatever is in it.
            let is_newest = header.last >= last && !self.is_everything;
            if is_newest {
                topics.iter().for_each(|topic| self.need(*topic));
            }
            if is_newest || read > READ_MAX {
                run.bury(connection, builder)?;
                return Ok((gone, is_newest));
            }
            self.at = header.last + 1;
            let mut is_empty = header.count == 0;
            if (self.is_everything || !topics.is_empty()) && !is_empty {
                read += bytes;
                let mut dead = Vec::new();
                let mut keep = |frame: &Frame<'_>, event: EventRef<'_>| {
                    let topic = event.topic();
                    let is_gone = floors.is_gone(frame.offset, frame.version.is_some(), topic);
                    if is_gone {
                        dead.extend(floors.number(topic));
                    }
                    !is_gone
                };
                let found = rewrite(connection, builder, header.first, self.worth, &mut keep)?;
                if let Rewritten::Emptied(went) | Rewritten::Written(went, _) = found {
                    gone.events += went.events;
                    gone.bytes += went.bytes;
                }
                match found {
                    Rewritten::NotWorth(..) => dead.iter().for_each(|topic| self.need(*topic)),
                    Rewritten::Damaged => topics.iter().for_each(|topic| self.need(*topic)),
                    Rewritten::Untouched | Rewritten::Written(..) | Rewritten::Emptied(_) => {}
                }
                is_empty = matches!(found, Rewritten::Emptied(_));
            }
            if !is_empty || !run.join(&header) {
                std::mem::take(&mut run).bury(connection, builder)?;
                if is_empty {
                    run.join(&header);
                }
            }
        }
        run.bury(connection, builder)?;
        // Of a step that finds only damage there is no going on.
        let is_stuck = !is_all && self.at == began;
        if is_stuck {
            self.needed = None;
        }
        Ok((gone, is_all || is_stuck))
    }

    /// Returns the next chunks, the bytes of each, and those of its topics that have a floor; and whether those are all. Of a row whose
    /// header is damaged nobody is handed anything.
    #[allow(clippy::type_complexity, reason = "a list of three things")]
    fn look(
        &self,
        connection: &Connection,
        floors: &Floors,
    ) -> rusqlite::Result<(
        Vec<(crate::journal::chunk::ChunkHeader, u64, Vec<u64>)>,
        bool,
    )> {
        let sql = "SELECT first, last, prev, count, recorded_first, recorded_last, topics, crc, length(body) FROM chunk \
                   WHERE first >= (SELECT ifnull(max(first), 0) FROM chunk WHERE first <= ?1) ORDER BY first LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query(params![self.at as i64, ROWS as i64])?;
        let (mut chunks, mut seen) = (Vec::new(), 0);
        while let Some(row) = found.next()? {
            seen += 1;
            let Some((header, topics)) = rows::header(row) else {
                continue;
            };
            if header.last < self.at {
                continue;
            }
            if header.first >= floors.highest() {
                return Ok((chunks, true));
            }
            let topics = Numbers::new(topics);
            let topics = topics.filter(|topic| floors.numbers().binary_search(topic).is_ok());
            chunks.push((header, row.get::<_, i64>(8)? as u64, topics.collect()));
        }
        Ok((chunks, seen < ROWS))
    }
}
