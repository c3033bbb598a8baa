//! Room that is kept for a full disk.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const NAME: &str = "reserve";
/// Enough for a checkpoint's growth of the database, and for the deletions that make more room.
const BYTES: u64 = 8 << 20;
/// Written at once.
const PIECE: usize = 64 << 10;

/// A file that takes up room, and gives it back when the disk is full.
#[derive(Debug)]
pub(in crate::journal::sqlite) struct Reserve {
    path: PathBuf,
    held: bool,
}

impl Reserve {
    /// Looks at the reserve of a directory. It is made by [`fill`](Self::fill).
    pub(in crate::journal::sqlite) fn open(directory: &Path) -> Self {
        let path = directory.join(NAME);
        // A file of the right length may have holes: what counts is what is allocated.
        let held = fs::metadata(&path)
            .is_ok_and(|found| found.len() == BYTES && found.blocks() * 512 >= BYTES);
        Self { path, held }
    }

    /// Returns whether the room is kept.
    pub(in crate::journal::sqlite) fn is_held(&self) -> bool {
        self.held
    }

    /// Gives the room back. Returns whether there was any.
    pub(in crate::journal::sqlite) fn free(&mut self) -> bool {
        let freed = fs::remove_file(&self.path).is_ok();
        self.held = false;
        freed
    }

    /// Takes the room, where it is not kept yet.
    ///
    /// # Errors
    ///
    /// There is no room: nothing is kept.
    pub(in crate::journal::sqlite) fn fill(&mut self) -> io::Result<()> {
        if self.held {
            return Ok(());
        }
        if let Err(error) = self.write() {
            self.free();
            return Err(error);
        }
        self.held = true;
        Ok(())
    }

    /// Takes the room, where it is not kept yet, if the disk has as much again: else the next commit would have none.
    ///
    /// # Errors
    ///
    /// As [`fill`](Self::fill).
    pub(in crate::journal::sqlite) fn fill_with_room_to_spare(&mut self) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let disk = rustix::fs::statvfs(directory)?;
        if !self.held && disk.f_bavail.saturating_mul(disk.f_frsize) < 2 * BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.fill()
    }

    fn write(&self) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.path)?;
        // No zeros, which a file system may not store.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut piece = vec![0; PIECE];
        for word in piece.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        for _ in 0..BYTES / PIECE as u64 {
            file.write_all(&piece)?;
        }
        // Some file systems allocate no sooner, and find no room here.
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::sqlite::files::tests::Directory;

    #[test]
    fn room_is_taken_given_back_and_taken_again() {
        let directory = Directory::new("reserve");
        let mut reserve = Reserve::open(directory.path());
        assert!(!reserve.is_held() && !reserve.free());
        reserve.fill().unwrap();
        let found = fs::metadata(directory.path().join(NAME)).unwrap();
        assert!(found.len() == BYTES && found.blocks() * 512 >= BYTES);
        assert!(Reserve::open(directory.path()).is_held());
        assert!(reserve.free() && !reserve.is_held());
        assert!(!directory.path().join(NAME).exists());
        reserve.fill().unwrap();
        assert!(reserve.is_held());
    }

    #[test]
    fn a_file_with_holes_is_no_room() {
        let directory = Directory::new("reserve-holes");
        let file = fs::File::create(directory.path().join(NAME)).unwrap();
        file.set_len(BYTES).unwrap();
        let mut reserve = Reserve::open(directory.path());
        assert!(!reserve.is_held());
        reserve.fill().unwrap();
        assert!(Reserve::open(directory.path()).is_held());
    }

    #[test]
    fn nothing_is_kept_where_it_cannot_be_written() {
        let directory = Directory::new("reserve-refused");
        let mut reserve = Reserve::open(&directory.path().join("missing"));
        assert!(reserve.fill().is_err());
        assert!(!reserve.is_held());
    }
}
