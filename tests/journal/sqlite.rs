//! The journal on SQLite: the contract, and what only a directory has.

use std::fs;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use eventring::event::{Event, Filter};
use eventring::journal::contract::{self, Fixture};
use eventring::journal::{
    CommitRound, HoleReason, Journal, JournalError, JournalView, RoundEvent, Scan, SqliteJournal,
    SqliteOptions,
};

/// A directory of its own, gone with the test.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("eventring-journal-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct OnDisk {
    directory: Directory,
    options: SqliteOptions,
}

impl OnDisk {
    pub(crate) fn new(options: SqliteOptions) -> Self {
        Self {
            directory: Directory::new(),
            options,
        }
    }
}

impl Fixture for OnDisk {
    fn open(&mut self) -> Box<dyn Journal> {
        Box::new(SqliteJournal::open_with(self.directory.path(), &self.options).unwrap())
    }

    fn deletes(&self) -> bool {
        true
    }
}

#[test]
fn it_keeps_the_contract() {
    contract::check(&mut || Box::new(OnDisk::new(SqliteOptions::default())));
}

/// Small pages, small chunks, hardly a topic in memory: what is rare with the defaults is everywhere.
#[test]
fn it_keeps_the_contract_with_everything_small() {
    let small = SqliteOptions::default()
        .page_bytes(512)
        .chunk_bytes(600)
        .topics_cached(4);
    contract::check(&mut || Box::new(OnDisk::new(small.clone())));
}

/// Events of three topics, one a round, so that every kind of row is there once upkeep is done.
fn fill(journal: &mut dyn Journal, rounds: u64) -> Vec<(u64, Vec<u8>)> {
    let first = journal.recovered().next;
    let mut kept = Vec::new();
    for offset in first..first + rounds {
        let event = Event::builder(&format!("t.{}", offset % 3), "filled")
            .id(&format!("{offset}"))
            .data("application/octet-stream", &vec![offset as u8; 300])
            .build()
            .unwrap();
        let mut round = CommitRound::default();
        round.events.push(RoundEvent::new(
            offset,
            1_000 + offset as i64,
            event.as_ref(),
        ));
        round.flush = offset % 4 == 0;
        journal.commit(&mut round).unwrap();
        kept.push((offset, event.record().to_vec()));
    }
    kept
}

pub(crate) fn keep_up(journal: &mut dyn Journal) {
    let mut now = Instant::now();
    while let Some(wait) = journal.maintain(now) {
        now += wait;
    }
}

/// Offsets and records that a reader hands out, and the offsets of holes.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) events: Vec<(u64, Vec<u8>)>,
    pub(crate) holes: Vec<Range<u64>>,
    pub(crate) failed: bool,
}

pub(crate) fn read_all(
    view: &dyn JournalView,
    filter: &Filter,
    end: u64,
    descending: bool,
) -> Read {
    let mut read = Read::default();
    let Ok(mut reader) = view.reader() else {
        read.failed = true;
        return read;
    };
    let mut range = 1..end;
    while !range.is_empty() {
        let scan = Scan::new(filter, range.clone()).descending(descending);
        let result = reader.read(&scan, &mut |stored| {
            let record = stored.event.record().to_vec();
            read.events.push((stored.offset, record));
            ControlFlow::Continue(())
        });
        let Ok(end) = result else {
            read.failed = true;
            return read;
        };
        read.holes
            .extend(end.holes.into_iter().map(|hole| hole.range));
        let next = match descending {
            true => range.start..end.next,
            false => end.next..range.end,
        };
        assert_ne!(next, range, "a call that does not get on");
        range = next;
    }
    read
}

/// Everything that was acknowledged is handed out as it was, or told as missing, or reading fails aloud.
pub(crate) fn check_told(read: &Read, kept: &[(u64, Vec<u8>)], what: &str) {
    for (offset, record) in &read.events {
        let original = kept.iter().find(|(kept, _)| kept == offset);
        let original = original.unwrap_or_else(|| panic!("{what}: {offset} was never there"));
        assert_eq!(record, &original.1, "{what}: {offset} has changed");
    }
    if read.failed {
        return;
    }
    for (offset, _) in kept {
        let times = read
            .events
            .iter()
            .filter(|(found, _)| found == offset)
            .count();
        let told = read.holes.iter().any(|hole| hole.contains(offset));
        assert!(
            times == 1 || times == 0 && told,
            "{what}: {offset} came {times} times, told: {told}"
        );
    }
}

#[test]
fn small_chunks_are_merged_and_take_less_room() {
    let directory = Directory::new();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    // Every table has a page of its own, whatever is in it.
    let before = journal.view().stats();
    let before = (before.bytes - before.wal_bytes) as f64;
    let kept = fill(&mut journal, 2_000);
    let records: usize = kept.iter().map(|(_, record)| record.len()).sum();
    keep_up(&mut journal);
    assert_eq!(journal.close(), Ok(()));
    drop(journal);
    let database = rusqlite::Connection::open(directory.path().join("journal.sqlite")).unwrap();
    let number = |sql: &str| {
        database
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let chunks = number("SELECT count(*) FROM chunk");
    // The newest of them are less than one.
    let most = records / (14 << 10) + 48;
    assert!((chunks as usize) < most, "{chunks} chunks");
    let pages = number("PRAGMA page_count") - number("PRAGMA freelist_count");
    let used = ((pages * number("PRAGMA page_size")) as f64 - before) / records as f64;
    assert!(used < 1.15, "{used} bytes a byte of record");
}

#[test]
fn a_directory_is_for_one_process_and_nobody_else() {
    let directory = Directory::new();
    let journal = SqliteJournal::open(directory.path()).unwrap();
    let mode = fs::metadata(directory.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let refused = SqliteJournal::open(directory.path()).unwrap_err();
    let locked = JournalError::Locked {
        path: directory.path().to_owned(),
        pid: std::process::id(),
    };
    assert_eq!(refused, locked);
    drop(journal);
    assert!(SqliteJournal::open(directory.path()).is_ok());
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let open = |directory: &Directory| SqliteJournal::open(directory.path()).unwrap_err();
    let directory = Directory::new();
    fs::create_dir_all(directory.path()).unwrap();
    let path = directory.path().join("journal.sqlite");
    let text = "no database, and longer than its header would be".repeat(40);
    fs::write(&path, &text).unwrap();
    assert!(matches!(open(&directory), JournalError::Foreign { .. }));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    let directory = Directory::new();
    fs::create_dir_all(directory.path()).unwrap();
    let path = directory.path().join("journal.sqlite");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE notes(text)").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    assert!(matches!(open(&directory), JournalError::Foreign { .. }));
    assert_eq!(fs::read(&path).unwrap(), before);

    let directory = Directory::new();
    drop(SqliteJournal::open(directory.path()).unwrap());
    let path = directory.path().join("journal.sqlite");
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.execute_batch("PRAGMA user_version = 7").unwrap();
    drop(newer);
    let too_new = JournalError::TooNew {
        path,
        found: 7,
        known: 3,
    };
    assert_eq!(open(&directory), too_new);

    let directory = Directory::new();
    fs::write(directory.path(), "a file").unwrap();
    assert!(matches!(open(&directory), JournalError::Directory { .. }));
    fs::remove_file(directory.path()).unwrap();
}

/// Rows had no checksum of their bodies at first.
#[test]
fn a_journal_of_the_first_schema_is_read_and_gone_on_with() {
    let directory = Directory::new();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    let mut kept = fill(&mut journal, 20);
    drop(journal);
    let path = directory.path().join("journal.sqlite");
    let old = rusqlite::Connection::open(&path).unwrap();
    let make_old =
        "UPDATE chunk SET crc = crc & 0xffffffff; DROP TABLE floor; PRAGMA user_version = 1";
    old.execute_batch(make_old).unwrap();
    drop(old);
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    kept.extend(fill(&mut journal, 20));
    let read = read_all(&*journal.view(), &Filter::all(), 41, false);
    assert_eq!(read.events, kept);
    assert!(read.holes.is_empty());
    drop(journal);
    let now = rusqlite::Connection::open(&path).unwrap();
    let schema = now.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    assert_eq!(schema, Ok(3));
}

/// Clients' positions of the old log would mean other events in the copy as soon as both go on.
#[test]
fn a_copied_directory_is_a_new_log() {
    let directory = Directory::new();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    let epoch = journal.recovered().epoch;
    let kept = fill(&mut journal, 20);
    assert_eq!(journal.close(), Ok(()));
    drop(journal);
    for same_epoch in [false, true] {
        let copy = Directory::new();
        fs::create_dir_all(copy.path()).unwrap();
        for entry in fs::read_dir(directory.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        let options = SqliteOptions::default().same_epoch(same_epoch);
        let journal = SqliteJournal::open_with(copy.path(), &options).unwrap();
        let recovered = journal.recovered();
        assert_eq!(recovered.epoch == epoch, same_epoch);
        assert_eq!((recovered.last, recovered.next), (20, 21));
        let read = read_all(&*journal.view(), &Filter::all(), 21, false);
        assert_eq!(read.events, kept);
        let copied = recovered.epoch;
        drop(journal);
        let again = SqliteJournal::open(copy.path()).unwrap();
        assert_eq!(
            again.recovered().epoch,
            copied,
            "it is its own from then on"
        );
    }
    let journal = SqliteJournal::open(directory.path()).unwrap();
    assert_eq!(journal.recovered().epoch, epoch);
}

/// SQLite stops at the first damaged frame of its log and forgets all behind it without a word.
#[test]
fn a_damaged_log_of_writes_is_told() {
    let directory = Directory::new();
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    let kept = fill(&mut journal, 60);
    drop(journal);
    let path = directory.path().join("journal.sqlite-wal");
    let mut log = fs::read(&path).unwrap();
    let middle = log.len() / 2;
    log[middle] ^= 1;
    fs::write(&path, log).unwrap();
    let mut next = 0;
    for _ in 0..2 {
        let journal = SqliteJournal::open(directory.path()).unwrap();
        let recovered = journal.recovered();
        assert!(recovered.last < 60, "{recovered:?}");
        let first = &recovered.holes[0];
        assert_eq!(first.range.start, recovered.last + 1);
        assert_eq!(first.reason, HoleReason::Damaged);
        assert!(recovered.next > 60);
        assert!(
            next == 0 || next == recovered.next,
            "told again, and no more of it"
        );
        next = recovered.next;
        for descending in [false, true] {
            let read = read_all(&*journal.view(), &Filter::all(), next, descending);
            assert!(!read.failed);
            check_told(&read, &kept, "log");
        }
    }
}

/// A byte of every page of the database, at several places.
#[test]
fn a_flipped_byte_of_any_page_is_told() {
    const PAGE: usize = 4096;
    let directory = Directory::new();
    let options = SqliteOptions::default().page_bytes(PAGE as u32);
    let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
    let mut kept = fill(&mut journal, 400);
    keep_up(&mut journal);
    assert_eq!(journal.close(), Ok(()));
    drop(journal);
    let mut journal = SqliteJournal::open(directory.path()).unwrap();
    kept.extend(fill(&mut journal, 30));
    assert_eq!(journal.close(), Ok(()));
    drop(journal);
    let path = directory.path().join("journal.sqlite");
    let good = fs::read(&path).unwrap();
    let rare = Filter::parse(["t.1"]).unwrap();
    let of_rare: Vec<_> = kept
        .iter()
        .filter(|(offset, _)| offset % 3 == 1)
        .cloned()
        .collect();
    let (mut refused, mut told) = (0, 0);
    for page in 0..good.len() / PAGE {
        for at in [0, 3, 5, 7, 40, 100, PAGE / 2, PAGE - 60] {
            let at = page * PAGE + at + usize::from(page == 0) * 100;
            let mut damaged = good.clone();
            damaged[at] ^= 0x41;
            // In place: another file would be another log.
            fs::write(&path, &damaged).unwrap();
            let what = format!("page {page}, byte {at}");
            let Ok(journal) = SqliteJournal::open(directory.path()) else {
                refused += 1;
                continue;
            };
            let view = journal.view();
            let end = journal.recovered().next.max(431);
            for descending in [false, true] {
                let read = read_all(&*view, &Filter::all(), end, descending);
                told += usize::from(read.failed || !read.holes.is_empty());
                check_told(&read, &kept, &what);
                let read = read_all(&*view, &rare, end, descending);
                check_told(&read, &of_rare, &what);
            }
        }
    }
    fs::write(&path, &good).unwrap();
    assert!(
        told > 100 && refused < told,
        "{told} told, {refused} refused"
    );
}

/// A quiet topic among thousands of chunks: spans name the chunks that have it, in both directions, before a restart and
/// after it, and what came since the last span is found as well.
#[test]
fn a_quiet_topic_is_found_by_spans() {
    const EVENTS: u64 = 2_300;
    let directory = Directory::new();
    // A chunk an event, too large to be merged.
    let options = SqliteOptions::default().chunk_bytes(8_000);
    let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
    let quiet = |offset: u64| [5, 700, 1_023, 1_024, 1_025, 1_900, EVENTS].contains(&offset);
    let topic = |offset| if quiet(offset) { "quiet.one" } else { "busy" };
    let events: Vec<Event> = (1..=EVENTS)
        .map(|offset| {
            let data = vec![offset as u8; 8_000];
            let mut builder = Event::builder(topic(offset), "t");
            builder
                .data("application/octet-stream", &data)
                .build()
                .unwrap()
        })
        .collect();
    for (batch, events) in events.chunks(100).enumerate() {
        let mut round = CommitRound::default();
        let first = batch as u64 * 100 + 1;
        let offsets = (first..).zip(events);
        round.events = offsets
            .map(|(at, event)| RoundEvent::new(at, at as i64, event.as_ref()))
            .collect();
        journal.commit(&mut round).unwrap();
        keep_up(&mut journal);
    }
    let expected: Vec<u64> = (1..=EVENTS).filter(|offset| quiet(*offset)).collect();
    let check = |view: &dyn JournalView| {
        for patterns in [["quiet.one"], ["quiet.*"], ["*.one"]] {
            let filter = Filter::parse(patterns).unwrap();
            for descending in [false, true] {
                let read = read_all(view, &filter, EVENTS + 1, descending);
                let mut offsets: Vec<u64> = read.events.iter().map(|(offset, _)| *offset).collect();
                if descending {
                    offsets.reverse();
                }
                assert_eq!(offsets, expected, "{patterns:?} {descending}");
                assert!(read.holes.is_empty() && !read.failed);
            }
        }
    };
    check(&*journal.view());
    drop(journal);
    let database = rusqlite::Connection::open(directory.path().join("journal.sqlite")).unwrap();
    let spans = database.query_row("SELECT count(*) FROM span", [], |row| row.get::<_, i64>(0));
    assert_eq!(spans, Ok(2));
    drop(database);
    let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
    check(&*journal.view());
    keep_up(&mut journal);
    check(&*journal.view());
}
