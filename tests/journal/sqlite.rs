//! The journal on SQLite: the contract, and what only a directory has.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use eventring::journal::contract::{self, Fixture};
use eventring::journal::{Journal, SqliteJournal, SqliteOptions};

/// A directory of its own, gone with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("eventring-journal-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct OnDisk {
    directory: Directory,
    options: SqliteOptions,
}

impl OnDisk {
    fn new(options: SqliteOptions) -> Self {
        Self {
            directory: Directory::new(),
            options,
        }
    }
}

impl Fixture for OnDisk {
    fn open(&mut self) -> Box<dyn Journal> {
        Box::new(SqliteJournal::open_with(self.directory.path(), &self.options).unwrap())
    }
}

#[test]
fn it_keeps_the_contract() {
    contract::check(&mut || Box::new(OnDisk::new(SqliteOptions::default())));
}

/// Small pages, small chunks, hardly a topic in memory: what is rare with the defaults is everywhere.
#[test]
fn it_keeps_the_contract_with_everything_small() {
    let small = SqliteOptions::default()
        .page_bytes(512)
        .chunk_bytes(600)
        .topics_cached(4);
    contract::check(&mut || Box::new(OnDisk::new(small.clone())));
}
