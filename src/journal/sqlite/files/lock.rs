//! The file that one process at a time holds.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::deadline;
use crate::journal::JournalError;

const NAME: &str = "lock";
/// A number of 32 bits in decimal, and the end of the line: always this long, so that a shorter number leaves nothing of
/// a longer one behind.
const LINE: usize = 11;
/// The time that a process has between taking the lock and having its number in the file.
const NUMBER_WAIT: Duration = Duration::from_millis(100);

/// A directory, held by this process until it is dropped.
///
/// `flock` decides, since the system lets go of it whatever ends the process; the number in the file is for people. The
/// file stays: a name that goes away could be locked twice, once by whoever still has the old file open.
#[derive(Debug)]
pub(in crate::journal::sqlite) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Returns the process that holds a directory, 0 where it has not said which it is; `None`: nobody does. Nothing is changed.
    pub(in crate::journal::sqlite) fn holder(directory: &Path) -> io::Result<Option<u32>> {
        let file = match File::open(directory.join(NAME)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // It is let go with the file, at once: shared, so that two who look are not in each other's way.
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(None),
            Err(Errno::WOULDBLOCK) => Ok(Some(holder(&file))),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes the directory, or says who has it: another process, or this one through another journal.
    ///
    /// # Errors
    ///
    /// [`Locked`](JournalError::Locked), or [`Directory`](JournalError::Directory) where the file cannot be made.
    pub(in crate::journal::sqlite) fn take(directory: &Path) -> Result<Self, JournalError> {
        let path = directory.join(NAME);
        let failed = |error: io::Error| JournalError::Directory {
            path: path.clone(),
            reason: error.to_string(),
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(JournalError::Locked {
                    path: directory.to_owned(),
                    pid: holder(&file),
                });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        let line = format!("{:<10}\n", std::process::id());
        file.write_all_at(line.as_bytes(), 0).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// The number in a file that somebody else has locked; 0: there is none.
fn holder(file: &File) -> u32 {
    let give_up = deadline::after(Instant::now(), NUMBER_WAIT);
    loop {
        if let Some(pid) = number(file) {
            return pid;
        }
        if Instant::now() >= give_up {
            return 0;
        }
        std::thread::yield_now();
    }
}

fn number(file: &File) -> Option<u32> {
    let mut line = [0; LINE];
    file.read_exact_at(&mut line, 0).ok()?;
    str::from_utf8(&line).ok()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::journal::sqlite::files::tests::Directory;

    #[test]
    fn a_directory_is_taken_once_also_in_one_process() {
        let directory = Directory::new("lock-once");
        let lock = DirectoryLock::take(directory.path()).unwrap();
        let refused = DirectoryLock::take(directory.path()).unwrap_err();
        assert_eq!(
            refused,
            JournalError::Locked {
                path: directory.path().to_owned(),
                pid: std::process::id(),
            }
        );
        drop(lock);
        DirectoryLock::take(directory.path()).unwrap();
    }

    #[test]
    fn a_longer_number_of_an_earlier_process_is_overwritten() {
        let directory = Directory::new("lock-number");
        fs::write(directory.path().join(NAME), "4294967295\n").unwrap();
        let _lock = DirectoryLock::take(directory.path()).unwrap();
        let text = fs::read_to_string(directory.path().join(NAME)).unwrap();
        assert_eq!(text.trim_end().parse(), Ok(std::process::id()));
    }

    #[test]
    fn a_holder_that_has_not_written_its_number_is_told_as_0() {
        let directory = Directory::new("lock-empty");
        let file = File::create(directory.path().join(NAME)).unwrap();
        flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        let refused = DirectoryLock::take(directory.path());
        assert!(matches!(refused, Err(JournalError::Locked { pid: 0, .. })));
    }

    #[test]
    fn what_cannot_be_made_is_named() {
        let directory = Directory::new("lock-missing");
        let missing = directory.path().join("missing");
        let refused = DirectoryLock::take(&missing).unwrap_err();
        assert!(
            matches!(&refused, JournalError::Directory { path, .. } if *path == missing.join(NAME)),
            "{refused}"
        );
    }
}
