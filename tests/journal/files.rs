//! The files of a journal, looked at beside whoever writes to them, and after whoever was killed.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use eventring::Event;
use eventring::event::Filter;
use eventring::journal::{
    BackedUp, CommitRound, Journal, JournalError, Retention, RoundEvent, Scan, SqliteFiles,
    SqliteJournal, SqliteOptions,
};

/// A new directory, gone with its test.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("eventring-files-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn event(offset: u64) -> Event {
    let topic = ["a", "orders.eu", "$own"][offset as usize % 3];
    let mut builder = Event::builder(topic, "t");
    builder.json(&format!(
        "{{\"n\":{offset},\"pad\":\"{}\"}}",
        "x".repeat(300)
    ));
    if offset.is_multiple_of(5) {
        builder.stream("cart", &(offset % 2).to_string(), None);
    }
    builder.build().unwrap()
}

/// Commits events of a range of offsets, in rounds of 50.
pub(crate) fn commit(journal: &mut SqliteJournal, offsets: std::ops::Range<u64>) {
    let offsets: Vec<u64> = offsets.collect();
    for round_offsets in offsets.chunks(50) {
        let events: Vec<Event> = round_offsets.iter().map(|offset| event(*offset)).collect();
        let mut round = CommitRound::default();
        for (offset, event) in round_offsets.iter().zip(&events) {
            let mut one = RoundEvent::new(*offset, *offset as i64, event.as_ref());
            // Two streams: of each the version rises by one.
            one.version = offset.is_multiple_of(5).then(|| (offset / 5 - 1) / 2 + 1);
            round.events.push(one);
        }
        round.flush = true;
        journal.commit(&mut round).unwrap();
        while journal.maintain(std::time::Instant::now()) == Some(std::time::Duration::ZERO) {}
    }
}

pub(crate) fn offsets_of(files: &SqliteFiles) -> Vec<u64> {
    let mut reader = files.reader().unwrap();
    let (all, mut offsets) = (Filter::all(), Vec::new());
    let mut range = files.offsets();
    while !range.is_empty() {
        let scan = Scan::new(&all, range.clone());
        let end = reader.read(&scan, &mut |event| {
            offsets.push(event.offset);
            ControlFlow::Continue(())
        });
        range.start = end.unwrap().next;
    }
    offsets
}

/// What lies in a directory, but for what SQLite shares among processes.
fn content(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn looking_changes_nothing_whoever_wrote_it_last() {
    // Closed in order; killed with a log of writes; used.
    for how in ["closed", "killed", "used"] {
        let directory = Directory::new(how);
        let mut journal = SqliteJournal::open(&directory.0).unwrap();
        commit(&mut journal, 1..400);
        let copy = Directory::new(&format!("{how}-copy"));
        let path = match how {
            "closed" => {
                journal.close().unwrap();
                &directory.0
            }
            "killed" => {
                // What a killed process leaves is what lies there while it runs.
                fs::create_dir(&copy.0).unwrap();
                for (name, bytes) in content(&directory.0) {
                    fs::write(copy.0.join(name), bytes).unwrap();
                }
                &copy.0
            }
            _ => &directory.0,
        };
        let before = content(path);
        let mut files = SqliteFiles::open(path).unwrap();
        assert_eq!(files.offsets(), 1..400, "{how}");
        assert_eq!(files.used_by().is_some(), how == "used");
        assert_eq!(offsets_of(&files), (1..400).collect::<Vec<_>>(), "{how}");
        for deep in [false, true] {
            let found = files.verify(deep, &mut |_| {}).unwrap();
            assert!(found.is_whole(), "{how}: {:?}", found.damage);
            assert_eq!(found.told, 0, "{how}");
            assert_eq!(found.events, 399);
        }
        let info = files.info(&mut |_| {}).unwrap();
        assert_eq!(
            (info.events, info.topics, info.streams),
            (399, 3, 2),
            "{how}"
        );
        assert_eq!((info.recorded_first, info.recorded_last), (1, 399));
        assert_eq!(info.stream_events, 79);
        assert!(
            info.event_bytes > 100_000 && info.stream_bytes > 20_000,
            "{info:?}"
        );
        assert_eq!(info.clean, how != "killed", "{how}");
        let backup = Directory::new(&format!("{how}-backup"));
        let done: BackedUp = files.backup(&backup.0, &mut |_| {}).unwrap();
        assert_eq!(done.last, 399);
        drop(files);
        for ((name, before), (_, after)) in before.iter().zip(content(path)) {
            // Beside a running one a reader has its place in what SQLite shares.
            assert!(
                *before == after || how == "used" && name.ends_with("-shm"),
                "{how}: {name}"
            );
        }
        assert_eq!(before.len(), content(path).len(), "{how}: no file is made");
        // The copy is a log of its own, whole, and tells nobody of anything missing.
        let mut copied = SqliteFiles::open(&backup.0).unwrap();
        assert!(copied.verify(true, &mut |_| {}).unwrap().is_whole());
        let opened = SqliteJournal::open(&backup.0).unwrap();
        assert_ne!(opened.recovered().epoch, journal.recovered().epoch);
        assert_eq!(
            (opened.recovered().last, &opened.recovered().holes[..]),
            (399, &[][..])
        );
        drop(opened);
        assert_eq!(
            offsets_of(&SqliteFiles::open(&backup.0).unwrap()).len(),
            399
        );
    }
}

#[test]
fn what_is_written_meanwhile_is_no_damage() {
    let directory = Directory::new("meanwhile");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..200);
    let mut files = SqliteFiles::open(&directory.0).unwrap();
    let mut at = 200;
    // Rows are merged over the place that it has come to, and others come behind the end.
    let found = files.verify(false, &mut |_| {
        commit(&mut journal, at..at + 60);
        at += 60;
    });
    assert!(found.unwrap().is_whole());
    assert_eq!(files.offsets(), 1..200);
    assert_eq!(offsets_of(&files).len(), 199);
}

#[test]
fn damage_is_told_with_its_offsets() {
    let directory = Directory::new("damage");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..400);
    journal.close().unwrap();
    let path = directory.0.join("journal.sqlite");
    let whole = fs::read(&path).unwrap();
    let mut told = 0;
    let marker = |offset: u64| format!("{{\"n\":{offset},\"pad\"").into_bytes();
    for offset in [1, 77, 200, 399] {
        let mut bytes = whole.clone();
        let marker = marker(offset);
        // Pages that are free have what was there before it was merged: each is flipped.
        let places = whole.windows(marker.len()).enumerate();
        let places = places.filter(|(_, part)| *part == marker).map(|(at, _)| at);
        places.for_each(|at| bytes[at + 3] ^= 1);
        // Of a record that lies across two pages it may not be found.
        if bytes == whole {
            continue;
        }
        fs::write(&path, &bytes).unwrap();
        let found = SqliteFiles::open(&directory.0)
            .unwrap()
            .verify(false, &mut |_| {})
            .unwrap();
        let lost: Vec<_> = found
            .damage
            .iter()
            .filter(|damage| !damage.offsets.is_empty())
            .collect();
        assert_eq!(lost.len(), 1, "{:?}", found.damage);
        assert_eq!(lost[0].offsets, offset..offset + 1);
        assert_eq!(found.events, 398);
        told += 1;
    }
    assert!(told > 0);
    // Any byte of the pages of events: either it is told, or nothing that counts has changed.
    for at in (16_384..whole.len()).step_by(whole.len() / 60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        let Ok(mut files) = SqliteFiles::open(&directory.0) else {
            continue;
        };
        let Ok(found) = files.verify(true, &mut |_| {}) else {
            continue;
        };
        if found.is_whole() {
            assert_eq!(offsets_of(&files), (1..400).collect::<Vec<_>>(), "{at}");
        }
    }
}

#[test]
fn the_mark_says_how_far_the_log_has_to_go() {
    let directory = Directory::new("mark");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..1000);
    drop(journal);
    // SQLite forgets what is behind a damaged frame of its log, without a word.
    let path = directory.0.join("journal.sqlite-wal");
    let bytes = fs::read(&path).unwrap();
    for keep in [7, 4, 1, 0] {
        fs::write(&path, &bytes[..bytes.len() * keep / 8]).unwrap();
        let mut files = match SqliteFiles::open(&directory.0) {
            Ok(files) => files,
            // Not even the tables are there.
            Err(JournalError::Foreign { .. }) if keep == 0 => continue,
            Err(error) => panic!("{keep}: {error}"),
        };
        let end = files.offsets().end;
        assert!(end < 1000, "{keep}: {end}");
        let found = files.verify(false, &mut |_| {}).unwrap();
        let last = found.damage.last().unwrap();
        assert_eq!(last.offsets, end..1000, "{keep}: {:?}", found.damage);
        assert!(last.reason.contains("flushed"));
    }
}

#[test]
fn what_is_no_journal_is_named() {
    let directory = Directory::new("foreign");
    let missing = SqliteFiles::open(&directory.0).unwrap_err();
    assert!(
        matches!(missing, JournalError::Directory { .. }),
        "{missing}"
    );
    fs::create_dir(&directory.0).unwrap();
    let empty = SqliteFiles::open(&directory.0).unwrap_err();
    assert!(
        empty.to_string().contains("it has no journal.sqlite"),
        "{empty}"
    );
    fs::write(
        directory.0.join("journal.sqlite"),
        "words, and no pages. ".repeat(100),
    )
    .unwrap();
    let words = SqliteFiles::open(&directory.0).unwrap_err();
    assert!(matches!(words, JournalError::Foreign { .. }), "{words}");
    assert_eq!(content(&directory.0).len(), 1, "nothing was made");
    let journal = SqliteJournal::open(directory.0.join("own")).unwrap();
    let mut files = SqliteFiles::open(directory.0.join("own")).unwrap();
    let there = files.backup(&directory.0, &mut |_| {}).unwrap_err();
    assert!(there.to_string().contains("exists"), "{there}");
    drop(journal);
}

/// `verify` said "whole" where the first rows were gone, and an export began behind them without a word.
#[test]
fn rows_that_vanished_at_either_end_are_told() {
    let directory = Directory::new("ends");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..2000);
    journal.close().unwrap();
    let path = directory.0.join("journal.sqlite");
    let whole = fs::read(&path).unwrap();
    for ends in ["min(first)", "max(first)"] {
        fs::write(&path, &whole).unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        let gone = other.query_row(
            &format!(
                "DELETE FROM chunk WHERE first = (SELECT {ends} FROM chunk) RETURNING first, last"
            ),
            [],
            |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)),
        );
        let (first, last) = gone.unwrap();
        drop(other);
        let mut files = SqliteFiles::open(&directory.0).unwrap();
        let found = files.verify(false, &mut |_| {}).unwrap();
        let told: Vec<_> = found
            .damage
            .iter()
            .map(|damage| damage.offsets.clone())
            .collect();
        assert!(
            told.contains(&(first..last + 1)),
            "{ends}: {:?}",
            found.damage
        );
        assert_eq!(
            files.offsets().start,
            1,
            "{ends}: a reader begins there, and is told"
        );
        let mut reader = files.reader().unwrap();
        let all = Filter::all();
        let scan = Scan::new(&all, files.offsets()).events_max(1);
        let holes = reader
            .read(&scan, &mut |_| ControlFlow::Continue(()))
            .unwrap()
            .holes;
        match ends {
            "min(first)" => {
                assert!(holes.iter().any(|hole| hole.range.start == 1), "{holes:?}");
                assert!(files.lost_end().is_empty());
            }
            _ => assert_eq!(files.lost_end(), first..last + 1),
        }
    }
}

/// The newest version of a stream stays when its event goes, and was taken for damage ever after.
#[test]
fn streams_that_outlive_their_events_are_no_damage() {
    let directory = Directory::new("outlived");
    let retention = Retention::default().events(Some(300)).streams(true);
    let options = SqliteOptions::default().retention(retention);
    let mut journal = SqliteJournal::open_with(&directory.0, &options).unwrap();
    commit(&mut journal, 1..1000);
    journal.truncate("a", 800, true).unwrap();
    journal.scavenge().unwrap();
    let check = |when: &str| {
        let mut files = SqliteFiles::open(&directory.0).unwrap();
        let found = files.verify(true, &mut |_| {}).unwrap();
        assert!(found.is_whole(), "{when}: {:?}", found.damage);
        assert!(found.events < 400, "{when}: {}", found.events);
    };
    check("used");
    journal.close().unwrap();
    check("closed");
    let mut journal = SqliteJournal::open_with(&directory.0, &options).unwrap();
    // Now none of their events is left.
    for topic in ["a", "orders.eu", "$own"] {
        journal.truncate(topic, 999, true).unwrap();
    }
    journal.scavenge().unwrap();
    journal.close().unwrap();
    check("without events");
    // A version of no event that is not the newest is damage.
    let other = rusqlite::Connection::open(directory.0.join("journal.sqlite")).unwrap();
    let one = "INSERT INTO stream_version SELECT stream, 1, 5 FROM stream_version LIMIT 1";
    other.execute(one, []).unwrap();
    drop(other);
    let mut files = SqliteFiles::open(&directory.0).unwrap();
    let found = files.verify(false, &mut |_| {}).unwrap();
    assert_eq!(found.damages, 1, "{:?}", found.damage);
}

/// A file that nobody has open is read without locks: whoever opens it meanwhile changes pages under the reader.
#[test]
fn a_server_that_starts_during_a_backup_does_not_tear_it() {
    let directory = Directory::new("starts");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..25_000);
    journal.close().unwrap();
    drop(journal);
    let mut files = SqliteFiles::open(&directory.0).unwrap();
    let backup = Directory::new("starts-backup");
    let mut server = None;
    let done = files.backup(&backup.0, &mut |_| {
        assert!(
            !backup.0.join("journal.sqlite").exists(),
            "half a copy is no journal"
        );
        server.get_or_insert_with(|| {
            let options = SqliteOptions::default();
            let mut journal = SqliteJournal::open_with(&directory.0, &options).unwrap();
            commit(&mut journal, 25_000..45_000);
            journal
        });
    });
    let done = done.unwrap();
    let there = fs::read_dir(&backup.0).unwrap();
    let names: Vec<_> = there.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["journal.sqlite"]);
    let mut copy = SqliteFiles::open(&backup.0).unwrap();
    let found = copy.verify(true, &mut |_| {}).unwrap();
    assert!(found.is_whole(), "{:?}", found.damage);
    assert_eq!((found.events, done.last), (44_999, 44_999));
}

#[test]
fn files_that_somebody_opens_are_read_anew() {
    let directory = Directory::new("anew");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..100);
    journal.close().unwrap();
    drop(journal);
    let mut files = SqliteFiles::open(&directory.0).unwrap();
    assert!(!files.settle().unwrap());
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 100..200);
    assert!(
        files.settle().unwrap(),
        "what was read is not to be trusted"
    );
    assert!(!files.settle().unwrap());
    assert_eq!(files.used_by(), Some(std::process::id()));
    assert_eq!(offsets_of(&files), (1..100).collect::<Vec<_>>());
}

/// Truncated events were told as kept, and events with a stream below the floor as waiting for the scavenger.
#[test]
fn bytes_are_told_by_the_reason_why_they_are_there() {
    let directory = Directory::new("reasons");
    let mut journal = SqliteJournal::open(&directory.0).unwrap();
    commit(&mut journal, 1..1000);
    let look = |directory: &Directory| {
        let mut files = SqliteFiles::open(&directory.0).unwrap();
        files.info(&mut |_| {}).unwrap()
    };
    assert_eq!(
        (look(&directory).dead_bytes, look(&directory).first),
        (0, 1)
    );
    // A third of the events, but for one in five of them, which has a stream.
    journal.truncate("orders.eu", 999, false).unwrap();
    let info = look(&directory);
    let share = info.dead_bytes as f64 / info.event_bytes as f64;
    assert!((0.2..0.3).contains(&share), "{share}: {info:?}");
    assert_eq!(info.floor, 0, "{info:?}");
    journal.close().unwrap();
    // By a bound of all: what is left below it has a stream, and waits for nobody.
    let directory = Directory::new("reasons-bound");
    let retention = Retention::default().events(Some(100));
    let options = SqliteOptions::default().retention(retention);
    let mut journal = SqliteJournal::open_with(&directory.0, &options).unwrap();
    commit(&mut journal, 1..1000);
    journal.scavenge().unwrap();
    journal.erase().unwrap();
    let info = look(&directory);
    assert!(info.floor > 500, "{info:?}");
    assert!(info.events < 400 && info.stream_events > 150, "{info:?}");
    let share = info.dead_bytes as f64 / info.event_bytes as f64;
    assert!(share < 0.1, "{share}: {info:?}");
}
