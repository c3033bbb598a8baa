//! Directories that are gone with their test.

use std::fs;
use std::path::{Path, PathBuf};

/// The file that holds it, as the journal calls it.
const RESERVE: &str = "reserve";

pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("vfs-shim-{name}-{}", std::process::id());
        let new = Self(std::env::temp_dir().join(name));
        new.empty();
        new
    }

    /// Begins again.
    pub(crate) fn empty(&self) {
        let _ = fs::remove_dir_all(&self.0);
        fs::create_dir_all(&self.0).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Takes the room for a full disk from a journal that is gone, so that it is not written anew for each copy.
    pub(crate) fn lend_reserve(&self, to: &Self) {
        fs::hard_link(self.0.join(RESERVE), to.0.join(RESERVE)).unwrap();
    }

    /// Its files and what is in them.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(&self.0).unwrap().map(Result::unwrap);
        let files = entries.map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        });
        files.collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        match std::thread::panicking() {
            // What was found wanting can be looked at.
            true => println!("see {}", self.0.display()),
            false => _ = fs::remove_dir_all(&self.0),
        }
    }
}

/// What is said if the test fails.
pub(crate) struct Said(pub(crate) String);

impl Drop for Said {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}
