//! A flush fails. What it was to flush may be there or not, and nothing is written any more.

use std::fs;
use std::time::{Duration, Instant};

use eventring::journal::{CommitFailure, Journal, JournalState, SqliteJournal};
use vfs_shim::{Call, Disk, Entry, Fault, Loss, Part, Random, Shim};

use crate::directory::Directory;
use crate::judge;
use crate::script::{self, MARK, RESERVATIONS, Script};

const PAGE: u32 = 16 << 10;

/// Everything is refused from now on, and the disk is let alone although it would work again.
fn check_poisoned(script: &mut Script, journal: &mut SqliteJournal, shim: &Shim) {
    shim.clear_faults();
    let before = shim.recorded();
    shim.record();
    for flush in [true, false, true] {
        let refused = script.commit(journal, flush).unwrap_err();
        assert_eq!(refused.failure, CommitFailure::Poisoned);
        script.forget_last();
        journal.maintain(Instant::now());
    }
    let state = journal.view().state();
    assert!(matches!(state, JournalState::Poisoned { .. }), "{state:?}");
    // What is there can be read.
    judge::read(journal).check_events(script);
    let view = journal.view();
    assert!(journal.close().is_err(), "closing does not hide it");
    let state = view.state();
    assert!(matches!(state, JournalState::Poisoned { .. }), "{state:?}");
    assert_eq!(shim.recorded(), [], "nothing is written or flushed");
    // For those who replay it.
    shim.record();
    REPLAY.with(|replay| *replay.borrow_mut() = before);
}

thread_local! {
    static REPLAY: std::cell::RefCell<Vec<Entry>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[test]
fn a_flush_of_the_log_that_failed_is_the_last_write() {
    let shim = Shim::register("flush-log");
    let from = Directory::new("flush-log-from");
    let to = Directory::new("flush-log-to");
    for errno in [libc::EIO, libc::ENOSPC] {
        from.empty();
        let mut script = Script::new(1);
        shim.record();
        let mut journal = script::open(from.path(), shim.name(), PAGE);
        script.run(12, &mut journal, &shim, from.path());
        let mut fault = Fault::io(Part::Wal, Call::Sync);
        fault.errno = errno;
        shim.fail(fault);
        let failed = script.commit(&mut journal, true).unwrap_err();
        assert_eq!(
            failed.failure,
            CommitFailure::Poisoned,
            "whatever the errno"
        );
        assert!(shim.all_failed());
        check_poisoned(&mut script, &mut journal, &shim);
        drop(journal);
        let record = REPLAY.with(|replay| replay.take());

        // One world: the frame is there, since it was written before the flush.
        let journal = script::open(from.path(), "unix", PAGE);
        assert_eq!(judge::read(&journal).check_whole(&script, 12), 13);
        drop(journal);
        // The other one: the disk never had it.
        let mut disk = Disk::default();
        record.iter().for_each(|entry| disk.apply(entry));
        let mut random = Random::new(1);
        to.empty();
        disk.restore(to.path(), Loss::Everything, &mut random)
            .unwrap();
        script.restore_mark(to.path(), 12, &mut random);
        let journal = script::open(to.path(), "unix", PAGE);
        let flushed = script.rounds[..12].iter().rposition(|round| round.flush);
        let whole = judge::read(&journal).check_whole(&script, flushed.unwrap() + 1);
        assert!(whole < 13, "it is lost");
    }
}

#[test]
fn a_write_that_failed_otherwise_than_for_space_poisons() {
    let shim = Shim::register("flush-write");
    let from = Directory::new("flush-write");
    let mut script = Script::new(2);
    shim.record();
    let mut journal = script::open(from.path(), shim.name(), PAGE);
    script.run(5, &mut journal, &shim, from.path());
    shim.fail(Fault::io(Part::Wal, Call::Write));
    let failed = script.commit(&mut journal, true).unwrap_err();
    assert_eq!(failed.failure, CommitFailure::Poisoned);
    check_poisoned(&mut script, &mut journal, &shim);
    drop(journal);
    let journal = script::open(from.path(), "unix", PAGE);
    judge::read(&journal).check_whole(&script, 5);
}

/// Once its offsets were given out again, where the machine had not been started anew.
#[test]
fn what_a_flush_by_and_by_has_lost_is_told() {
    let shim = Shim::register("flush-by-and-by");
    let from = Directory::new("flush-by-and-by-from");
    let to = Directory::new("flush-by-and-by-to");
    let mut script = Script::new(10);
    shim.record();
    let mut journal = script::open(from.path(), shim.name(), PAGE);
    let old = fs::read(from.path().join(MARK)).unwrap();
    for flush in [true, false, false, false] {
        script.commit(&mut journal, flush).unwrap();
    }
    shim.fail(Fault::io(Part::Wal, Call::Sync));
    journal.maintain(Instant::now() + Duration::from_secs(1));
    assert!(shim.all_failed());
    drop(journal);
    let mut disk = Disk::default();
    shim.recorded().iter().for_each(|entry| disk.apply(entry));
    let mut random = Random::new(1);
    disk.restore(to.path(), Loss::Everything, &mut random)
        .unwrap();
    from.lend_reserve(&to);
    let mut mark = fs::read(from.path().join(MARK)).unwrap();
    mark[..RESERVATIONS].copy_from_slice(&old[..RESERVATIONS]);
    fs::write(to.path().join(MARK), mark).unwrap();
    let journal = script::open(to.path(), "unix", PAGE);
    let found = judge::read(&journal);
    let whole = found.check_whole(&script, 1);
    assert!(whole < 4, "it is lost");
    let next = journal.recovered().next;
    for offset in script.rounds[whole..]
        .iter()
        .flat_map(|round| &round.offsets)
    {
        assert!(*offset < next, "{offset} would be given out again");
        assert!(found.holes.iter().any(|hole| hole.range.contains(offset)));
    }
}

/// SQLite's own checkpoint would throw the error away.
#[test]
fn a_checkpoint_that_failed_poisons() {
    let shim = Shim::register("flush-checkpoint");
    let from = Directory::new("flush-checkpoint");
    for call in [Call::Write, Call::Sync] {
        from.empty();
        let mut script = Script::new(3);
        shim.record();
        let mut journal = script::open(from.path(), shim.name(), PAGE);
        shim.fail(Fault::io(Part::Database, call));
        let mut committed = 0;
        let failed = loop {
            match script.commit(&mut journal, true) {
                Ok(()) => committed += 1,
                Err(failed) => break failed,
            }
            assert!(committed < 2_000, "a checkpoint comes");
        };
        // It was not begun: what failed before it is what it is told.
        script.forget_last();
        assert_eq!(failed.failure, CommitFailure::Poisoned);
        check_poisoned(&mut script, &mut journal, &shim);
        drop(journal);
        let journal = script::open(from.path(), "unix", PAGE);
        assert_eq!(
            judge::read(&journal).check_whole(&script, committed),
            committed
        );
    }
}

/// Once it was closed as if everything were on the disk.
#[test]
fn a_flush_at_the_end_that_failed_is_told() {
    let shim = Shim::register("flush-end");
    let from = Directory::new("flush-end");
    let mut script = Script::new(4);
    let mut journal = script::open(from.path(), shim.name(), PAGE);
    for _ in 0..5 {
        script.commit(&mut journal, false).unwrap();
    }
    let view = journal.view();
    shim.fail(Fault::io(Part::Wal, Call::Sync));
    assert!(journal.close().is_err());
    let state = view.state();
    assert!(matches!(state, JournalState::Poisoned { .. }), "{state:?}");
    assert!(view.reader().is_err(), "it is closed all the same");
}
