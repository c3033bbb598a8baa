//! The directory of a journal, and which file its database is.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::journal::JournalError;

/// The name of the database in its directory.
pub(in crate::journal::sqlite) const DATABASE: &str = "journal.sqlite";

/// The file that is there while a repair exchanges the database; it has the name of the folder with the new one.
pub(in crate::journal::sqlite) const REPAIRING: &str = "repairing";

/// Refuses a directory in which a repair did not come to its end: the database may be without its log.
pub(in crate::journal::sqlite) fn refuse_half_repaired(
    directory: &Path,
) -> Result<(), JournalError> {
    match directory.join(REPAIRING).exists() {
        true => Err(super::failed(
            directory,
            "a repair was interrupted: \"eventring journal repair\" ends it",
        )),
        false => Ok(()),
    }
}

/// Makes a directory that nobody else may look into, where it is not there yet. Its name is on the disk before anything is
/// put into it.
pub(in crate::journal::sqlite) fn prepare(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    match directory.canonicalize()?.parent() {
        Some(parent) => flush(parent),
        None => Ok(()),
    }
}

/// Flushes the names in a directory: SQLite does so for its log, and not for a new database.
pub(in crate::journal::sqlite) fn flush(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The numbers by which a file is known again: a copy of it has others.
///
/// A device may get another number when the machine starts, so where the file system knows when a file was made, that
/// stands for the device: a copy is made later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal::sqlite) struct Identity {
    pub(in crate::journal::sqlite) inode: u64,
    pub(in crate::journal::sqlite) device: u64,
    /// Nanoseconds since 1970; 0: not known.
    pub(in crate::journal::sqlite) born: u64,
}

impl Identity {
    /// Looks at a file. It is not opened: closing it would drop the locks that SQLite has on it in this process.
    pub(in crate::journal::sqlite) fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        let born = found.created().ok();
        let born = born.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Ok(Self {
            inode: found.ino(),
            device: found.dev(),
            born: born.map_or(0, |since| since.as_nanos() as u64),
        })
    }

    /// Returns whether it is the same file.
    pub(in crate::journal::sqlite) fn is_same(&self, other: &Self) -> bool {
        self.inode == other.inode
            && match (self.born, other.born) {
                (0, _) | (_, 0) => self.device == other.device,
                (one, other) => one == other,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_another_file_and_a_device_may_be_renumbered() {
        let file = Identity {
            inode: 7,
            device: 1,
            born: 100,
        };
        assert!(file.is_same(&Identity { device: 2, ..file }));
        assert!(!file.is_same(&Identity { inode: 8, ..file }));
        assert!(!file.is_same(&Identity { born: 101, ..file }));
        let unborn = Identity { born: 0, ..file };
        assert!(unborn.is_same(&file) && file.is_same(&unborn));
        assert!(!unborn.is_same(&Identity {
            device: 2,
            ..unborn
        }));
    }
}
