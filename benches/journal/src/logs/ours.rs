//! The journal, as a hub calls it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use eventring::Filter;
use eventring::journal::{
    CommitRound, Journal, JournalCompression, JournalReader, JournalView, Retention, RoundEvent,
    Scan, SqliteJournal, SqliteOptions,
};
use rusqlite::{Connection, OpenFlags};
use vfs_shim::Shim;

use super::{Log, used_bytes};
use crate::Result;
use crate::events::Events;

pub struct Ours {
    journal: SqliteJournal,
    view: Arc<dyn JournalView>,
    reader: Box<dyn JournalReader>,
    database: PathBuf,
    filter: Filter,
    flush: bool,
    last: u64,
    /// Not before then there is something to do beside commits.
    due: Option<Instant>,
}

pub fn open(dir: &Path, vfs: Option<Shim>) -> Result<SqliteJournal> {
    open_bounded(dir, vfs, SqliteOptions::default().retention)
}

/// Opens one that keeps so much.
pub fn open_bounded(dir: &Path, vfs: Option<Shim>, bounds: Retention) -> Result<SqliteJournal> {
    let vfs = vfs.map(|vfs| vfs.name().to_owned());
    let options = SqliteOptions::default().vfs(vfs).retention(bounds);
    Ok(SqliteJournal::open_with(dir, &options)?)
}

impl Ours {
    pub fn open(dir: &Path, flush: bool, vfs: Option<Shim>) -> Result<Self> {
        Self::of(open(dir, vfs)?, dir, flush)
    }

    /// Deflates what is merged.
    pub fn deflated(dir: &Path) -> Result<Self> {
        let options = SqliteOptions::default().compression(JournalCompression::Deflate);
        Self::of(SqliteJournal::open_with(dir, &options)?, dir, false)
    }

    fn of(journal: SqliteJournal, dir: &Path, flush: bool) -> Result<Self> {
        let view = journal.view();
        Ok(Self {
            reader: view.reader()?,
            last: journal.recovered().last,
            journal,
            view,
            database: dir.join("journal.sqlite"),
            filter: Filter::all(),
            flush,
            due: None,
        })
    }

    /// What is due beside commits, as a hub's driver does it between them.
    fn maintain(&mut self) {
        let now = Instant::now();
        if self.due.is_none_or(|due| due <= now) {
            let next = self.journal.maintain(now);
            // A step of merging every few milliseconds keeps up, and is no more than that.
            let wait = next.unwrap_or_default().max(Duration::from_millis(2));
            self.due = Some(now + wait);
        }
    }
}

impl Log for Ours {
    fn append(&mut self, events: &Events, first: u64, count: u64) -> Result<()> {
        let mut round = CommitRound::default();
        round.flush = self.flush;
        for (at, number) in (first..first + count).enumerate() {
            let event = events.get(number).as_ref();
            let mut event = RoundEvent::new(number + 1, 1_700_000_000_000, event);
            event.rest = (count - 1) as u32 - at as u32;
            round.events.push(event);
        }
        self.journal.commit(&mut round)?;
        self.last = first + count;
        self.maintain();
        Ok(())
    }

    fn replay(&mut self) -> Result<u64> {
        let (mut at, mut count, mut bytes) = (1, 0, 0);
        while at <= self.last {
            let scan = Scan::new(&self.filter, at..self.last + 1);
            let end = self.reader.read(&scan, &mut |stored| {
                bytes += stored.event.record().len();
                count += 1;
                ControlFlow::Continue(())
            })?;
            at = end.next;
        }
        std::hint::black_box(bytes);
        Ok(count)
    }

    fn get(&mut self, number: u64) -> Result<Vec<u8>> {
        let mut scan = Scan::new(&self.filter, number + 1..number + 2);
        scan.events_max = 1;
        let mut found = Vec::new();
        self.reader.read(&scan, &mut |stored| {
            found = stored.event.record().to_vec();
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    fn settle(&mut self) -> Result<u64> {
        let until = Instant::now() + Duration::from_secs(60);
        // What is written is flushed some time later, and merged after that.
        while let Some(wait) = self.journal.maintain(Instant::now()) {
            if Instant::now() > until {
                return Err("it merges for ever".into());
            }
            thread::sleep(wait);
        }
        used_bytes(&Connection::open_with_flags(
            &self.database,
            OpenFlags::SQLITE_OPEN_READ_ONLY,
        )?)
    }

    fn cool(&mut self) -> Result<()> {
        self.reader = self.view.reader()?;
        Ok(())
    }
}
