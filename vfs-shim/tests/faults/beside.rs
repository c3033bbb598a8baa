//! The files beside the database, which SQLite knows nothing of: the mark, and room for a full disk. A file that is open is
//! exchanged for one that fails.

use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::time::Instant;

use eventring::journal::{CommitFailure, Journal, JournalError, JournalState, SqliteJournal};
use vfs_shim::{Call, Fault, Part, Shim};

use crate::directory::Directory;
use crate::judge;
use crate::script::{self, MARK, Script};

const PAGE: u32 = 16 << 10;

/// The number under which this process has a file open.
fn number(path: &Path) -> RawFd {
    let path = path.canonicalize().unwrap();
    let all = fs::read_dir("/proc/self/fd").unwrap().map(Result::unwrap);
    let found = all
        .filter(|entry| fs::read_link(entry.path()).is_ok_and(|to| to == path))
        .map(|entry| entry.file_name().to_str().unwrap().parse().unwrap());
    let found: Vec<RawFd> = found.collect();
    assert_eq!(found.len(), 1, "{}", path.display());
    found[0]
}

/// Puts another file in the place of one that is open.
pub(crate) fn exchange(path: &Path, with: &File) {
    let number = number(path);
    // SAFETY: both numbers are those of open files, and whoever has the first one goes on to use it as a file.
    let done = unsafe { libc::dup2(with.as_raw_fd(), number) };
    assert_eq!(done, number);
}

/// Opens a file at which something fails.
pub(crate) fn broken(path: &str, write: bool) -> File {
    let options = OpenOptions::new().read(true).write(write).open(path);
    options.unwrap()
}

/// A mark that cannot be moved fails no commit; a promise that cannot be written is none.
#[test]
fn a_mark_that_cannot_be_written_keeps_no_promise_and_fails_no_commit() {
    for (name, file, expected) in [
        ("full", broken("/dev/full", true), CommitFailure::NoSpace),
        // As that of a file system that has become read-only, or is gone.
        (
            "readonly",
            broken("/dev/null", false),
            CommitFailure::Poisoned,
        ),
        // It can be written, and not flushed.
        ("flush", broken("/dev/null", true), CommitFailure::Poisoned),
    ] {
        let directory = Directory::new(&format!("beside-{name}"));
        let mut script = Script::new(21);
        let mut journal = script::open(directory.path(), "unix", PAGE);
        script.commit(&mut journal, true).unwrap();
        journal.reserve(10_000).unwrap();
        let good = File::open(directory.path().join(MARK)).unwrap();
        drop(good);
        exchange(&directory.path().join(MARK), &file);
        for flush in [true, false, true] {
            script.commit(&mut journal, flush).unwrap();
        }
        for below in [20_000, 30_000] {
            let refused = journal.reserve(below).unwrap_err();
            assert_eq!(refused.failure, expected, "{name}: {refused}");
            assert!(refused.reason.starts_with(MARK), "{refused}");
        }
        assert_eq!(journal.view().state(), JournalState::Writable);
        script.commit(&mut journal, true).unwrap();
        drop(journal);
        let journal = script::open(directory.path(), "unix", PAGE);
        let rounds = script.rounds.len();
        assert_eq!(judge::read(&journal).check_whole(&script, rounds), rounds);
        assert_eq!(journal.recovered().next, 10_000, "the promise stands");
    }
}

#[test]
fn a_folder_that_takes_no_files_is_named_and_one_without_room_does() {
    let directory = Directory::new("beside-folder");
    let mut script = Script::new(22);
    let mut journal = script::open(directory.path(), "unix", PAGE);
    script.commit(&mut journal, true).unwrap();
    drop(journal);
    // There cannot be any room for a full disk where a folder has its name.
    fs::remove_file(directory.path().join("reserve")).unwrap();
    fs::create_dir(directory.path().join("reserve")).unwrap();
    let mut journal = script::open(directory.path(), "unix", PAGE);
    script.commit(&mut journal, true).unwrap();
    journal.maintain(Instant::now());
    drop(journal);
    // Nor a mark.
    fs::rename(directory.path().join(MARK), directory.path().join("aside")).unwrap();
    fs::create_dir(directory.path().join(MARK)).unwrap();
    let refused = SqliteJournal::open(directory.path()).unwrap_err();
    let JournalError::Directory { path, .. } = &refused else {
        panic!("{refused}")
    };
    assert!(path.starts_with(directory.path()), "{refused}");
    fs::remove_dir(directory.path().join(MARK)).unwrap();
    fs::rename(directory.path().join("aside"), directory.path().join(MARK)).unwrap();
    let journal = script::open(directory.path(), "unix", PAGE);
    assert_eq!(judge::read(&journal).check_whole(&script, 2), 2);
}

/// A disk that is pulled: whatever is asked of it fails, for good.
#[test]
fn a_disk_that_is_gone_takes_nothing_and_loses_nothing() {
    let shim = Shim::register("beside-gone");
    let directory = Directory::new("beside-gone");
    let mut script = Script::new(23);
    let mut journal = script::open(directory.path(), shim.name(), PAGE);
    script.run(8, &mut journal, &shim, directory.path());
    let view = journal.view();
    let mut reader = view.reader().unwrap();
    for part in Part::ALL {
        for call in Call::ALL {
            shim.fail(Fault::io(part, call).always());
        }
    }
    exchange(&directory.path().join(MARK), &broken("/dev/null", false));
    let failed = script.commit(&mut journal, true).unwrap_err();
    assert_eq!(failed.failure, CommitFailure::Poisoned, "{failed}");
    script.forget_last();
    let all = eventring::event::Filter::all();
    let scan = eventring::journal::Scan::new(&all, 1..10);
    // A page that cannot be read is told as damaged, whatever is the reason.
    let mut handed_out = 0;
    let read = reader.read(&scan, &mut |_| {
        handed_out += 1;
        std::ops::ControlFlow::Continue(())
    });
    let is_told = read.map_or(true, |end| !end.holes.is_empty());
    assert!(handed_out == 0 && is_told);
    assert!(view.reader().is_err());
    let state = view.state();
    assert!(matches!(state, JournalState::Poisoned { .. }), "{state:?}");
    assert!(journal.close().is_err());
    drop((reader, journal));
    let opened = SqliteJournal::open_with(
        directory.path(),
        &eventring::journal::SqliteOptions::default().vfs(Some(shim.name().to_owned())),
    );
    assert!(
        matches!(opened, Err(JournalError::Directory { .. })),
        "{opened:?}"
    );
    // It is plugged in again.
    shim.clear_faults();
    let journal = script::open(directory.path(), shim.name(), PAGE);
    assert_eq!(judge::read(&journal).check_whole(&script, 8), 8);
}

/// A folder that is moved while it is open goes on where it is.
#[test]
fn a_folder_that_is_moved_goes_on() {
    let directory = Directory::new("beside-moved");
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    let mut script = Script::new(24);
    let mut journal = script::open(&from, "unix", PAGE);
    script.commit(&mut journal, true).unwrap();
    fs::rename(&from, &to).unwrap();
    for _ in 0..20 {
        script.commit(&mut journal, true).unwrap();
    }
    drop(journal);
    let journal = script::open(&to, "unix", PAGE);
    assert_eq!(judge::read(&journal).check_whole(&script, 21), 21);
}
