//! A walk over all chunks that have events of topics with a floor of their own: what is half dead is rewritten.

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
#[derive(Clone, Copy, Debug)]
pub(in crate::journal::sqlite) struct Sweep {
    at: u64,
    worth: Worth,
    /// Whatever its topics are, each chunk is looked at.
    is_everything: bool,
}

impl Sweep {
    /// Looks for what is worth it.
    pub(super) fn new() -> Self {
        Self {
            at: 1,
            worth: Worth::Half,
            is_everything: false,
        }
    }

    /// Takes out everything that has gone.
    pub(in crate::journal::sqlite) fn everything() -> Self {
        Self {
            at: 1,
            worth: Worth::Any,
            is_everything: true,
        }
    }

    /// Makes a step, within a transaction; returns what went, and whether that was all.
    pub(in crate::journal::sqlite) fn step(
        &mut self,
        connection: &Connection,
        builder: &mut ChunkBuilder,
        floors: &Floors,
        last: u64,
    ) -> rusqlite::Result<(Gone, bool)> {
        let numbers = floors.numbers();
        let (chunks, is_all) = self.look(connection, floors, &numbers)?;
        let began = self.at;
        let (mut gone, mut run, mut read) = (Gone::default(), Run::default(), 0);
        for (header, bytes, has_any) in chunks {
            // The newest chunk says where the log ends, whatever is in it.
            let is_newest = header.last >= last && !self.is_everything;
            if is_newest || read > READ_MAX {
                run.bury(connection, builder)?;
                return Ok((gone, is_newest));
            }
            self.at = header.last + 1;
            let mut is_empty = header.count == 0;
            if has_any && !is_empty {
                read += bytes;
                let mut keep = |frame: &Frame<'_>, event: EventRef<'_>| {
                    !floors.is_gone(frame.offset, frame.version.is_some(), event.topic())
                };
                let found = rewrite(connection, builder, header.first, self.worth, &mut keep)?;
                if let Rewritten::Emptied(went) | Rewritten::Written(went, _) = found {
                    gone.events += went.events;
                    gone.bytes += went.bytes;
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
        Ok((gone, is_all || self.at == began))
    }

    /// Returns the next chunks, the bytes of each, and whether it may have something that has gone; and whether those are all.
    #[allow(clippy::type_complexity, reason = "a list of three things")]
    fn look(
        &self,
        connection: &Connection,
        floors: &Floors,
        numbers: &[u64],
    ) -> rusqlite::Result<(Vec<(crate::journal::chunk::ChunkHeader, u64, bool)>, bool)> {
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
            let has_any = self.is_everything || Numbers::new(topics).has_any(numbers);
            chunks.push((header, row.get::<_, i64>(8)? as u64, has_any));
        }
        Ok((chunks, seen < ROWS))
    }
}
