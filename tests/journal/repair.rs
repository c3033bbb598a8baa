//! A journal that is damaged is made anew of what can be read; what was there lies aside.

use std::fs;

use eventring::event::Filter;
use eventring::journal::{
    HoleReason, Journal, JournalError, Repair, Repaired, Scan, SqliteFiles, SqliteJournal,
};

use super::files::{Directory, commit, offsets_of};

fn repaired(directory: &Directory, name: &str, not_after: Option<i64>) -> Repaired {
    let mut repair = Repair::open(&directory.0).unwrap();
    repair.apply(name, not_after, &mut |_| {}).unwrap()
}

#[test]
fn what_can_be_read_stays_and_the_rest_is_told_and_lies_aside() {
    let directory = Directory::new("repair");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    let epoch = journal.recovered().epoch;
    commit(&mut journal, 1..600);
    journal.close().unwrap();
    drop(journal);
    let path = directory.0.join("journal.sqlite");
    let whole = fs::read(&path).unwrap();
    let mark = fs::read(directory.0.join("durable")).unwrap();
    let (mut lost, mut told) = (0, 0);
    // Any page of the file but the first, any byte of it.
    for (number, at) in (16_384..whole.len()).step_by(whole.len() / 40).enumerate() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes[at + 1] ^= 0x01;
        fs::write(&path, &bytes).unwrap();
        fs::write(directory.0.join("durable"), &mark).unwrap();
        let Ok(mut files) = SqliteFiles::open(&directory.0) else {
            continue;
        };
        let readable = offsets_of(&files);
        if files.verify(true, &mut |_| {}).unwrap().is_whole() {
            continue;
        }
        drop(files);
        let name = format!("repair-{number}");
        let done = repaired(&directory, &name, None);
        assert_eq!(
            done.aside,
            fs::canonicalize(&directory.0).unwrap().join(&name)
        );
        assert_eq!(
            fs::read(done.aside.join("journal.sqlite")).unwrap(),
            bytes,
            "{at}"
        );
        let mut files = SqliteFiles::open(&directory.0).unwrap();
        let found = files.verify(true, &mut |_| {}).unwrap();
        assert!(found.is_whole(), "{at}: {:?} after {done:?}", found.damage);
        let there = offsets_of(&files);
        for offset in &readable {
            // Only what is inside of an event may say otherwise: the one with the flipped byte.
            let is_missing = done.missing.iter().any(|range| range.contains(offset));
            assert!(there.contains(offset) || is_missing, "{at}: {offset}");
        }
        for offset in 1..600 {
            let is_missing = done.missing.iter().any(|range| range.contains(&offset));
            assert_ne!(there.contains(&offset), is_missing, "{at}: {offset}");
        }
        lost += done.missing.len();
        drop(files);
        // The same log, and who reads past what is missing is told.
        let mut journal = SqliteJournal::open(&directory.0).unwrap();
        assert_eq!(journal.recovered().epoch, epoch, "{at}");
        for range in &done.missing {
            let holes = &journal.recovered().holes;
            let hole = holes.iter().find(|hole| hole.range.contains(&range.start));
            assert_eq!(hole.unwrap().reason, HoleReason::Damaged);
            told += 1;
        }
        let all = Filter::all();
        let mut reader = journal.view().reader().unwrap();
        reader
            .read(&Scan::new(&all, 1..600), &mut |_| {
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        commit(&mut journal, 600..605);
        journal.close().unwrap();
    }
    assert!(lost > 0 && told == lost, "{lost} {told}");
}

#[test]
fn a_log_that_lost_its_end_is_whole_again_without_it() {
    let directory = Directory::new("repair-end");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..1000);
    drop(journal);
    let path = directory.0.join("journal.sqlite-wal");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let end = SqliteFiles::open(&directory.0).unwrap().offsets().end;
    assert!((2..1000).contains(&end), "{end}");
    let done = repaired(&directory, "aside", None);
    assert_eq!((done.events, done.missing.len()), (end - 1, 1));
    assert_eq!(done.missing[0], end..1000);
    let mut files = SqliteFiles::open(&directory.0).unwrap();
    assert!(files.verify(true, &mut |_| {}).unwrap().is_whole());
    let journal = SqliteJournal::open(&directory.0).unwrap();
    assert!(
        journal.recovered().next >= 1000,
        "no offset is given out twice"
    );
}

#[test]
fn a_clock_that_was_ahead_is_taken_back_in_a_new_log() {
    let directory = Directory::new("repair-clock");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    let epoch = journal.recovered().epoch;
    commit(&mut journal, 1..400);
    journal.close().unwrap();
    drop(journal);
    // Each was taken at the time of its offset.
    let done = repaired(&directory, "aside", Some(250));
    assert_eq!(
        (done.events, done.rebased, done.missing.len()),
        (399, 149, 0)
    );
    let mut files = SqliteFiles::open(&directory.0).unwrap();
    assert!(files.verify(true, &mut |_| {}).unwrap().is_whole());
    assert_eq!(files.info(&mut |_| {}).unwrap().recorded_last, 250);
    let journal = SqliteJournal::open(&directory.0).unwrap();
    assert_ne!(journal.recovered().epoch, epoch);
    assert_eq!(
        (journal.recovered().recorded, journal.recovered().last),
        (250, 399)
    );
    assert_eq!(journal.recovered().holes, []);
    // Whoever has it keeps it.
    let used = Repair::open(&directory.0).map(|_| ()).unwrap_err();
    assert!(matches!(used, JournalError::Locked { .. }), "{used}");
    drop(journal);
    let there = Repair::open(&directory.0)
        .unwrap()
        .apply("aside", None, &mut |_| {});
    assert!(there.unwrap_err().to_string().contains("exists"));
}

/// Killed between the old log and the new database, a repair left a journal without its newest events, and servers opened it.
#[test]
fn a_repair_that_is_killed_while_it_exchanges_files_is_ended_by_the_next() {
    let directory = Directory::new("repair-killed");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..1000);
    // As a kill leaves it, with a log.
    let copy = Directory::new("repair-killed-copy");
    fs::create_dir(&copy.0).unwrap();
    for entry in fs::read_dir(&directory.0).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.0.join(entry.file_name())).unwrap();
    }
    drop(journal);
    let done = repaired(&copy, "repair-1", None);
    assert_eq!((done.events, done.incomplete.len()), (999, 0));
    assert!(done.aside.join("journal.sqlite-wal").is_file());
    // The mark that lies aside is not the one that is written to.
    let mark = fs::read(done.aside.join("durable")).unwrap();
    let mut journal = SqliteJournal::open(&copy.0).unwrap();
    commit(&mut journal, 1000..1100);
    journal.close().unwrap();
    drop(journal);
    assert_eq!(fs::read(done.aside.join("durable")).unwrap(), mark);
    // Back to where the old log is gone and the new database has not got its name.
    let database = copy.0.join("journal.sqlite");
    fs::rename(&database, done.aside.join("new.sqlite")).unwrap();
    fs::copy(done.aside.join("journal.sqlite"), &database).unwrap();
    fs::write(copy.0.join("repairing"), "repair-1").unwrap();
    for refused in [
        SqliteJournal::open(&copy.0).map(|_| ()),
        SqliteFiles::open(&copy.0).map(|_| ()),
    ] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("a repair was interrupted"), "{refused}");
    }
    // Killed behind the last of them, too.
    for again in [false, true] {
        if again {
            fs::write(copy.0.join("repairing"), "repair-1").unwrap();
        }
        let mut repair = Repair::open(&copy.0).unwrap();
        assert!(!repair.is_interrupted());
        let found = repair.verify(&mut |_| {}).unwrap();
        assert!(found.is_whole(), "{:?}", found.damage);
        assert_eq!(found.events, 1099);
        drop(repair);
    }
    let journal = SqliteJournal::open(&copy.0).unwrap();
    assert_eq!(
        (journal.recovered().last, &journal.recovered().holes[..]),
        (1099, &[][..])
    );
}

/// An error while files were exchanged left the journal without its log, and the words were that it is as it was.
#[test]
fn a_repair_that_fails_puts_back_what_was_there() {
    let directory = Directory::new("repair-fails");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..1000);
    let copy = Directory::new("repair-fails-copy");
    fs::create_dir(&copy.0).unwrap();
    for entry in fs::read_dir(&directory.0).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.0.join(entry.file_name())).unwrap();
    }
    drop(journal);
    let (log, shared) = (
        copy.0.join("journal.sqlite-wal"),
        copy.0.join("journal.sqlite-shm"),
    );
    let before = fs::read(&log).unwrap();
    let mut repair = Repair::open(&copy.0).unwrap();
    let failed = repair.apply("aside", None, &mut |_| {
        // It cannot be removed as a file is, behind the log that is.
        if shared.is_file() {
            fs::remove_file(&shared).unwrap();
            fs::create_dir(&shared).unwrap();
        }
    });
    failed.unwrap_err();
    assert!(!repair.is_interrupted());
    drop(repair);
    fs::remove_dir(&shared).unwrap();
    assert_eq!(fs::read(&log).unwrap(), before);
    let journal = SqliteJournal::open(&copy.0).unwrap();
    assert_eq!(journal.recovered().last, 999);
}

/// A name that the table had lost got the number that rows of another lost name still had: its floor, its versions.
#[test]
fn a_lost_name_inherits_nothing_of_another_one() {
    let directory = Directory::new("repair-names");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..600);
    // The one with the first number is not the first any more.
    journal.truncate("orders.eu", 300, true).unwrap();
    journal.erase().unwrap();
    let other = rusqlite::Connection::open(directory.0.join("journal.sqlite")).unwrap();
    other
        .execute_batch("DELETE FROM topic; DELETE FROM stream")
        .unwrap();
    drop(other);
    let done = repaired(&directory, "aside", None);
    assert_eq!(done.incomplete, ["floor", "stream_version"]);
    let mut files = SqliteFiles::open(&directory.0).unwrap();
    let found = files.verify(true, &mut |_| {}).unwrap();
    assert!(found.is_whole(), "{:?}", found.damage);
    assert_eq!(found.events, 499);
    drop(files);
    let journal = SqliteJournal::open(&directory.0).unwrap();
    let mut reader = journal.view().reader().unwrap();
    // 1..600 by fives: two streams of about 60 versions each.
    assert_eq!(reader.stream_version("cart", "0").unwrap(), Some(59));
    assert_eq!(reader.stream_version("cart", "1").unwrap(), Some(60));
    drop(reader);
    drop(journal);
    // No floor hides what it was not for.
    let there = offsets_of(&SqliteFiles::open(&directory.0).unwrap());
    assert_eq!(there.len(), 499);
}
