//! The connection that commits: a round becomes rows of one transaction.

use std::panic::{self, AssertUnwindSafe};

use rusqlite::{Connection, params};

use super::names::{Names, STREAMS, TOPICS};
use super::tables::StateTables;
use crate::event::topic;
use crate::journal::chunk::{Chunk, ChunkBuilder, Frame};
use crate::journal::sqlite::faults::{Fault, Step};
use crate::journal::sqlite::open::{set_synchronous, write_hole};
use crate::journal::{CommitRound, RoundEvent, StateError, StateWork};

/// Bytes that a frame takes beside its record, at most.
const FRAME_BYTES: usize = 48;

/// Writes transactions. What is prepared and what is built in is used again: a commit of known topics allocates nothing.
#[derive(Debug)]
pub(in crate::journal::sqlite) struct Writer {
    connection: Connection,
    topics: Names,
    streams: Names,
    builder: ChunkBuilder,
    chunk_bytes: usize,
    /// The name of a stream while its number is looked up.
    stream_name: String,
    /// As the connection was told; `None`: as it was opened.
    flushes: Option<bool>,
}

/// An error of a transaction, judged before anything else was asked of the connection.
#[derive(Debug)]
pub(in crate::journal::sqlite) struct Failed {
    pub(in crate::journal::sqlite) fault: Fault,
    pub(in crate::journal::sqlite) reason: String,
    /// A statement could not read something, and the transaction was undone.
    pub(in crate::journal::sqlite) is_unreadable: bool,
}

impl Writer {
    pub(in crate::journal::sqlite) fn new(
        connection: Connection,
        chunk_bytes: usize,
        topics_cached: usize,
    ) -> Self {
        Self {
            connection,
            topics: Names::new(TOPICS, topics_cached),
            streams: Names::new(STREAMS, topics_cached),
            builder: ChunkBuilder::default(),
            chunk_bytes,
            stream_name: String::new(),
            flushes: None,
        }
    }

    pub(in crate::journal::sqlite) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Begins a transaction that is flushed when it commits, or not. [`Wait`](Fault::Wait): another process writes.
    pub(in crate::journal::sqlite) fn begin(&mut self, flush: bool) -> Result<(), Failed> {
        if self.flushes != Some(flush) {
            let set = set_synchronous(&self.connection, flush);
            set.map_err(|error| self.failed(&error, Step::Write))?;
            self.flushes = Some(flush);
        }
        let begun = self.run("BEGIN IMMEDIATE");
        begun.map_err(|error| self.failed(&error, Step::Write))
    }

    /// Writes a round into the transaction. After an error the transaction is gone.
    pub(in crate::journal::sqlite) fn write(
        &mut self,
        round: &mut CommitRound<'_>,
        prev: u64,
    ) -> Result<(), Failed> {
        let written = self.write_events(&round.events, prev);
        let written = written.and_then(|()| {
            let mut holes = round.holes.iter();
            holes.try_for_each(|hole| write_hole(&self.connection, hole))
        });
        let written = written.and_then(|()| {
            let mut work = round.work.iter_mut();
            work.try_for_each(|work| self.change(work))
        });
        written.map_err(|error| self.give_up(&error, Step::Write))
    }

    /// Runs statements of another part of the journal in the transaction. After an error the transaction is gone.
    pub(in crate::journal::sqlite) fn write_with<T>(
        &mut self,
        write: impl FnOnce(&Connection, &mut ChunkBuilder) -> rusqlite::Result<T>,
    ) -> Result<T, Failed> {
        let written = write(&self.connection, &mut self.builder);
        written.map_err(|error| self.give_up(&error, Step::Write))
    }

    /// Writes a row that says nothing: its commit flushes everything before it.
    pub(in crate::journal::sqlite) fn write_mark(&mut self) -> Result<(), Failed> {
        let sql = "UPDATE meta SET value = value + 1 WHERE key = 'flush'";
        self.run(sql)
            .map_err(|error| self.give_up(&error, Step::Write))
    }

    /// Writes the whole database anew, without what lies in free pages and between rows. Outside of a transaction.
    pub(in crate::journal::sqlite) fn vacuum(&mut self) -> Result<(), Failed> {
        let set = set_synchronous(&self.connection, true);
        self.flushes = Some(true);
        let done = set.and_then(|()| self.connection.execute_batch("VACUUM"));
        done.map_err(|error| self.give_up(&error, Step::Commit))
    }

    /// Commits the transaction. After an error it is gone, but where somebody else is in the way.
    pub(in crate::journal::sqlite) fn commit(&mut self) -> Result<(), Failed> {
        self.run("COMMIT").map_err(|error| {
            let failed = self.failed(&error, Step::Commit);
            match failed.fault {
                Fault::Wait => failed,
                _ => self.undo(failed),
            }
        })
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn write_events(&mut self, events: &[RoundEvent<'_>], mut prev: u64) -> rusqlite::Result<()> {
        self.builder.start(prev);
        let frame_bytes = |one: &RoundEvent<'_>| one.event.record().len() + FRAME_BYTES;
        let mut left: usize = events.iter().map(frame_bytes).sum();
        for one in events {
            let record = one.event.record();
            let bytes = self.builder.body_bytes() + frame_bytes(one);
            // A small rest stays with the row before: alone it would be merged with others.
            let is_worth_a_row = left > self.chunk_bytes / 2;
            left -= frame_bytes(one);
            if bytes > self.chunk_bytes && !self.builder.is_empty() && is_worth_a_row {
                prev = insert(&self.connection, &mut self.builder)?;
                self.builder.start(prev);
            }
            let number =
                self.topics
                    .number(&self.connection, one.event.topic_hash(), one.event.topic())?;
            self.builder.topic(number);
            self.builder.push(Frame {
                offset: one.offset,
                recorded: one.recorded,
                rest: one.rest,
                version: one.version,
                record,
            });
            if let Some(version) = one.version {
                self.write_version(one, version)?;
            }
        }
        match self.builder.is_empty() {
            true => Ok(()),
            false => insert(&self.connection, &mut self.builder).map(|_| ()),
        }
    }

    fn write_version(&mut self, one: &RoundEvent<'_>, version: u64) -> rusqlite::Result<()> {
        let Some(stream) = one.event.stream() else {
            return Ok(());
        };
        stream_name(stream.ty, stream.id, &mut self.stream_name);
        let hash = topic::hash(&self.stream_name);
        let number = self
            .streams
            .number(&self.connection, hash, &self.stream_name)?;
        // What a round whose outcome was not known had left gives way: versions are dense.
        let sql = "INSERT OR REPLACE INTO stream_version VALUES(?1, ?2, ?3)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let row = params![number as i64, version as i64, one.offset as i64];
        statement.execute(row).map(|_| ())
    }

    /// Runs a change of state in a savepoint of its own. An error is the transaction's, not the change's.
    fn change(&mut self, work: &mut StateWork<'_>) -> rusqlite::Result<()> {
        let Some(run) = work.run.take() else {
            return Ok(());
        };
        self.run("SAVEPOINT change")?;
        let mut tables = StateTables::new(&self.connection);
        let result = panic::catch_unwind(AssertUnwindSafe(|| run(&mut tables)));
        let outcome = result.unwrap_or(Err(StateError::Panicked));
        let error = tables.error;
        if outcome.is_err() {
            // An error of the disk has ended the transaction, and is the round's.
            match error {
                Some(error) if self.connection.is_autocommit() => return Err(error),
                _ => self.run("ROLLBACK TO change")?,
            }
        }
        work.outcome = Some(outcome);
        match error {
            // It went on as if nothing had happened.
            Some(error) if self.connection.is_autocommit() => Err(error),
            _ => self.run("RELEASE change"),
        }
    }

    fn failed(&self, error: &rusqlite::Error, step: Step) -> Failed {
        Failed {
            fault: Fault::of(&self.connection, error, step),
            reason: error.to_string(),
            is_unreadable: step == Step::Write && Fault::is_of_reading(error),
        }
    }

    fn give_up(&mut self, error: &rusqlite::Error, step: Step) -> Failed {
        let failed = self.failed(error, step);
        self.undo(failed)
    }

    fn undo(&mut self, failed: Failed) -> Failed {
        if !self.connection.is_autocommit() {
            // If that fails too the connection is not usable any more, which the next transaction says.
            let _ = self.run("ROLLBACK");
        }
        // Numbers that the transaction gave are not there.
        self.topics.forget();
        self.streams.forget();
        failed
    }
}

/// Writes the chunk that was built; returns its last offset.
pub(in crate::journal::sqlite) fn insert(
    connection: &Connection,
    builder: &mut ChunkBuilder,
) -> rusqlite::Result<u64> {
    insert_chunk(connection, &builder.finish())
}

/// Writes a chunk; returns its last offset.
pub(in crate::journal::sqlite) fn insert_chunk(
    connection: &Connection,
    chunk: &Chunk<'_>,
) -> rusqlite::Result<u64> {
    let header = &chunk.header;
    let sql = "INSERT INTO chunk VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    connection.prepare_cached(sql)?.execute(params![
        header.first as i64,
        header.last as i64,
        header.prev as i64,
        header.sizes(),
        header.recorded_first,
        header.recorded_last,
        chunk.topics,
        chunk.crc.to_number(),
        chunk.body,
    ])?;
    Ok(header.last)
}

/// Writes the one name of a stream: neither part of it has control characters.
pub(in crate::journal::sqlite) fn stream_name(ty: &str, id: &str, name: &mut String) {
    name.clear();
    name.push_str(ty);
    name.push('\0');
    name.push_str(id);
}
