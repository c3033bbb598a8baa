//! The disk is full, and has room again.

use std::time::{Duration, Instant};

use eventring::journal::{
    CommitFailure, Journal, JournalState, Retention, SqliteJournal, SqliteOptions,
};
use rusqlite::Connection;
use vfs_shim::{Call, Fault, Part, Shim};

use crate::directory::Directory;
use crate::judge;
use crate::script::{self, Script};

const PAGE: u32 = 16 << 10;

#[test]
fn a_write_that_finds_no_room_is_undone_and_the_next_one_counts() {
    for (errno, name) in [
        (libc::ENOSPC, "space"),
        (libc::EDQUOT, "quota"),
        (libc::EFBIG, "limit"),
    ] {
        let shim = Shim::register(&format!("full-{name}"));
        let from = Directory::new(&format!("full-{name}"));
        let mut script = Script::new(4);
        let mut journal = script::open(from.path(), shim.name(), PAGE);
        script.run(10, &mut journal, &shim, from.path());
        // At every frame of a round: the one that commits is the last.
        for after in 0..4 {
            shim.fail(Fault::no_space(Part::Wal, errno).after(after));
            for _ in 0..3 {
                let refused = script.commit(&mut journal, true);
                let Err(refused) = refused else {
                    // It had fewer frames.
                    continue;
                };
                assert_eq!(refused.failure, CommitFailure::NoSpace, "{errno}");
                script.forget_last();
                let state = journal.view().state();
                assert!(matches!(state, JournalState::Full { .. }), "{state:?}");
                judge::read(&journal).check_events(&script);
            }
            shim.clear_faults();
            script.commit(&mut journal, true).unwrap();
            assert_eq!(journal.view().state(), JournalState::Writable);
        }
        drop(journal);
        let journal = script::open(from.path(), "unix", PAGE);
        let rounds = script.rounds.len();
        assert_eq!(judge::read(&journal).check_whole(&script, rounds), rounds);
    }
}

#[test]
fn a_checkpoint_that_finds_no_room_is_tried_again() {
    let shim = Shim::register("full-checkpoint");
    let from = Directory::new("full-checkpoint");
    let mut script = Script::new(5);
    let mut journal = script::open(from.path(), shim.name(), PAGE);
    shim.fail(Fault::no_space(Part::Database, libc::ENOSPC));
    let mut longest = 0;
    while longest < 20 << 20 {
        script.commit(&mut journal, true).unwrap();
        longest = longest.max(journal.view().stats().wal_bytes);
    }
    shim.clear_faults();
    while journal.view().stats().wal_bytes > 4 << 20 {
        script.commit(&mut journal, true).unwrap();
        journal.maintain(Instant::now());
        assert!(
            script.rounds.len() < 5_000,
            "it is copied once there is room"
        );
    }
    drop(journal);
    let journal = script::open(from.path(), "unix", PAGE);
    let rounds = script.rounds.len();
    assert_eq!(judge::read(&journal).check_whole(&script, rounds), rounds);
}

/// A flush that finds no room has lost what it was to flush: some file systems look for room no sooner.
#[test]
fn a_flush_that_finds_no_room_is_no_lack_of_space() {
    let shim = Shim::register("full-flush");
    let from = Directory::new("full-flush");
    let mut script = Script::new(6);
    let mut journal = script::open(from.path(), shim.name(), PAGE);
    script.run(3, &mut journal, &shim, from.path());
    let mut fault = Fault::io(Part::Wal, Call::Sync);
    fault.errno = libc::ENOSPC;
    shim.fail(fault);
    let failed = script.commit(&mut journal, true).unwrap_err();
    assert_eq!(failed.failure, CommitFailure::Poisoned);
}

/// Once the journal said that it was full until the next commit, which nobody sends to a server that is not ready.
#[test]
fn a_merge_that_finds_no_room_makes_no_journal_full() {
    let shim = Shim::register("full-merge");
    let from = Directory::new("full-merge");
    let mut script = Script::new(7);
    let mut journal = script::open(from.path(), shim.name(), PAGE);
    for _ in 0..40 {
        script.commit(&mut journal, true).unwrap();
    }
    let mut fault = Fault::no_space(Part::Wal, libc::ENOSPC);
    fault.times = 1;
    shim.fail(fault);
    while journal.maintain(Instant::now()).is_some() {}
    assert!(shim.all_failed(), "something was to be merged");
    assert_eq!(journal.view().state(), JournalState::Writable);
    // It goes on behind the next commit.
    script.commit(&mut journal, true).unwrap();
    shim.record();
    while journal.maintain(Instant::now()).is_some() {}
    assert!(!shim.recorded().is_empty(), "it was merged");
    drop(journal);
    let journal = script::open(from.path(), "unix", PAGE);
    let rounds = script.rounds.len();
    assert_eq!(judge::read(&journal).check_whole(&script, rounds), rounds);
}

#[test]
fn a_journal_that_is_full_at_its_end_says_so() {
    let shim = Shim::register("full-end");
    let from = Directory::new("full-end");
    let mut script = Script::new(8);
    let mut journal = script::open(from.path(), shim.name(), PAGE);
    script.run(3, &mut journal, &shim, from.path());
    let view = journal.view();
    shim.fail(Fault::no_space(Part::Wal, libc::ENOSPC));
    assert!(journal.close().is_err());
    assert!(
        matches!(view.state(), JournalState::Full { .. }),
        "{:?}",
        view.state()
    );
    assert!(view.reader().is_err(), "it is closed all the same");
    shim.clear_faults();
    drop(journal);
    // What is kept for a full disk is given up by the first try to close, and may be enough for the second one.
    let mut journal = script::open(from.path(), shim.name(), PAGE);
    let view = journal.view();
    let mut fault = Fault::no_space(Part::Wal, libc::ENOSPC);
    fault.times = 1;
    shim.fail(fault);
    journal.close().unwrap();
    assert_eq!(view.state(), JournalState::Closed);
    assert!(shim.all_failed());
}

/// Once the schema of an older journal was raised before there was room for it: on a full disk it could not be opened.
#[test]
fn an_older_journal_on_a_full_disk_is_opened() {
    let shim = Shim::register("full-older");
    let from = Directory::new("full-older");
    let mut script = Script::new(9);
    let mut journal = script::open(from.path(), shim.name(), PAGE);
    script.run(3, &mut journal, &shim, from.path());
    journal.close().unwrap();
    drop(journal);
    let path = from.path().join("journal.sqlite");
    let old = Connection::open(&path).unwrap();
    old.execute_batch("PRAGMA user_version = 1").unwrap();
    drop(old);
    let mut fault = Fault::no_space(Part::Wal, libc::ENOSPC);
    fault.times = 1;
    shim.fail(fault);
    let journal = script::open(from.path(), shim.name(), PAGE);
    assert!(shim.all_failed());
    let rounds = script.rounds.len();
    assert_eq!(judge::read(&journal).check_whole(&script, rounds), rounds);
    drop(journal);
    let now = Connection::open(&path).unwrap();
    let schema = now.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    assert_eq!(schema, Ok(3));
}

/// Once nothing went any more on a disk that was full while something was not flushed, or when a step itself found no room.
#[test]
fn what_is_to_go_makes_room_on_a_full_disk() {
    for flush in [false, true] {
        let shim = Shim::register(&format!("full-retain-{flush}"));
        let from = Directory::new(&format!("full-retain-{flush}"));
        let mut script = Script::new(8);
        let options = SqliteOptions::default()
            .retention(Retention::default().events(Some(50)))
            .page_bytes(PAGE)
            .vfs(Some(shim.name().to_owned()));
        let mut journal = SqliteJournal::open_with(from.path(), &options).unwrap();
        for _ in 0..20 {
            script.commit(&mut journal, flush).unwrap();
        }
        let before = journal.view().stats().removed_events;
        let mut fault = Fault::no_space(Part::Wal, libc::ENOSPC);
        fault.times = 1;
        shim.fail(fault);
        // Nobody commits, who would lift a pause.
        let now = Instant::now() + Duration::from_secs(1);
        for _ in 0..3 {
            journal.maintain(now);
        }
        assert!(shim.all_failed(), "{flush}");
        assert!(journal.view().stats().removed_events > before, "{flush}");
        shim.clear_faults();
        script.commit(&mut journal, true).unwrap();
        assert_eq!(journal.view().state(), JournalState::Writable, "{flush}");
    }
}
