//! What a program would write on its own: a row an event.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use vfs_shim::Shim;

use super::{Log, used_bytes};
use crate::Result;
use crate::events::Events;

#[derive(Clone, Copy, PartialEq)]
pub enum Schema {
    /// Position and record.
    Row,
    /// Also the topic, with an index.
    TopicIndex,
}

pub struct Raw {
    connection: Connection,
    path: PathBuf,
    vfs: Option<Shim>,
    schema: Schema,
}

impl Raw {
    /// `flush`: `synchronous=FULL`.
    pub fn open(dir: &Path, schema: Schema, flush: bool, vfs: Option<Shim>) -> Result<Self> {
        let path = dir.join("raw.sqlite");
        let connection = connect(&path, vfs)?;
        let table = match schema {
            Schema::Row => "CREATE TABLE IF NOT EXISTS events(pos INTEGER PRIMARY KEY, data BLOB NOT NULL)",
            Schema::TopicIndex => {
                "CREATE TABLE IF NOT EXISTS events(pos INTEGER PRIMARY KEY, topic TEXT NOT NULL, data BLOB NOT NULL);
                 CREATE INDEX IF NOT EXISTS by_topic ON events(topic, pos)"
            }
        };
        connection.execute_batch(table)?;
        connection.pragma_update(None, "synchronous", if flush { "FULL" } else { "NORMAL" })?;
        Ok(Self {
            connection,
            path,
            vfs,
            schema,
        })
    }
}

fn connect(path: &Path, vfs: Option<Shim>) -> Result<Connection> {
    let connection = match vfs {
        None => Connection::open(path)?,
        Some(vfs) => Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs.name())?,
    };
    connection.execute_batch("PRAGMA journal_mode=WAL")?;
    Ok(connection)
}

impl Log for Raw {
    fn append(&mut self, events: &Events, first: u64, count: u64) -> Result<()> {
        let tx = self.connection.transaction()?;
        match self.schema {
            Schema::Row => {
                let mut insert = tx.prepare_cached("INSERT INTO events VALUES(?1, ?2)")?;
                for number in first..first + count {
                    insert.execute((number as i64, events.record(number)))?;
                }
            }
            Schema::TopicIndex => {
                let mut insert = tx.prepare_cached("INSERT INTO events VALUES(?1, ?2, ?3)")?;
                for number in first..first + count {
                    let topic = events.get(number).as_ref().topic();
                    insert.execute((number as i64, topic, events.record(number)))?;
                }
            }
        }
        Ok(tx.commit()?)
    }

    fn replay(&mut self) -> Result<u64> {
        let mut all = self
            .connection
            .prepare_cached("SELECT pos, data FROM events ORDER BY pos")?;
        let mut rows = all.query([])?;
        let (mut count, mut bytes) = (0, 0);
        while let Some(row) = rows.next()? {
            bytes += row.get_ref(1)?.as_blob()?.len();
            count += 1;
        }
        std::hint::black_box(bytes);
        Ok(count)
    }

    fn get(&mut self, number: u64) -> Result<Vec<u8>> {
        let mut one = self
            .connection
            .prepare_cached("SELECT data FROM events WHERE pos = ?1")?;
        Ok(one.query_row([number as i64], |row| row.get(0))?)
    }

    fn settle(&mut self) -> Result<u64> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        used_bytes(&self.connection)
    }

    fn cool(&mut self) -> Result<()> {
        self.connection = connect(&self.path, self.vfs)?;
        Ok(())
    }
}
