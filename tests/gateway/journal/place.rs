//! The places where a journal outlives its hub: memory, or a directory.

#[cfg(feature = "sqlite")]
use std::path::{Path, PathBuf};
#[cfg(feature = "sqlite")]
use std::sync::atomic::{AtomicUsize, Ordering};

use eventring::hub::Hub;
#[cfg(feature = "sqlite")]
use eventring::journal::SqliteJournal;
use eventring::journal::{MemoryJournal, MemoryLog};

/// A journal that is opened again and again.
pub(super) enum Place {
    Memory(MemoryLog),
    #[cfg(feature = "sqlite")]
    Directory(Directory),
}

/// A directory that goes with the test.
#[cfg(feature = "sqlite")]
pub(super) struct Directory(PathBuf);

impl Place {
    /// One of each kind, empty.
    pub(super) fn all() -> Vec<Self> {
        vec![
            Self::Memory(MemoryLog::default()),
            #[cfg(feature = "sqlite")]
            Self::Directory(Directory::new()),
        ]
    }

    /// A hub on what the last one has left.
    pub(super) fn hub(&self) -> Hub {
        let builder = Hub::builder();
        let builder = match self {
            Self::Memory(log) => builder.journal(MemoryJournal::open(log)),
            #[cfg(feature = "sqlite")]
            Self::Directory(Directory(path)) => builder.journal(SqliteJournal::open(path).unwrap()),
        };
        builder.build().unwrap()
    }
}

#[cfg(feature = "sqlite")]
impl Directory {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("eventring-gateway-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(feature = "sqlite")]
impl Drop for Directory {
    fn drop(&mut self) {
        // There where a test has failed before it was made.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
