//! The shim against plain SQLite: that what it records is all that SQLite does, and what it fails fails.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use vfs_shim::{Call, Disk, Entry, Fault, Loss, Part, Random, Shim};

use crate::directory::Directory;

fn open(path: PathBuf, vfs: &str) -> Connection {
    let connection = Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, body BLOB)",
        )
        .unwrap();
    connection
}

fn insert(connection: &Connection, n: u64) -> rusqlite::Result<usize> {
    let body = vec![n as u8; 300];
    connection.execute("INSERT INTO t VALUES(?1, ?2)", (n as i64, body))
}

fn count(connection: &Connection) -> u64 {
    let count = connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
    count.unwrap() as u64
}

#[test]
fn what_was_committed_is_there_after_the_power_failed_at_any_write() {
    let shim = Shim::register("shim-power");
    let from = Directory::new("sqlite-power-from");
    shim.record();
    let connection = open(from.path().join("t.db"), shim.name());
    for n in 1..=60 {
        insert(&connection, n).unwrap();
        shim.note(n);
        if n % 7 == 0 {
            // A checkpoint is among what is cut short.
            connection
                .query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
                .unwrap();
        }
    }
    drop(connection);
    let record = shim.recorded();
    let written = |file: &str| {
        let writes =
            |entry: &&Entry| matches!(entry, Entry::Write { file: name, .. } if name == file);
        record.iter().filter(writes).count()
    };
    assert!(
        written("t.db") > 8 && written("t.db-wal") > 60,
        "both were written"
    );

    let (mut disk, mut acknowledged) = (Disk::default(), 0);
    let mut random = Random::new(16);
    let to = Directory::new("sqlite-power-to");
    let mut judged = 0;
    for entry in &record {
        disk.apply(entry);
        if let Entry::Note(n) = entry {
            acknowledged = *n;
        }
        if random.below(3) > 0 {
            continue;
        }
        let losses = [
            Loss::Nothing,
            Loss::Everything,
            Loss::Pieces {
                bytes: 512,
                percent: 50,
            },
            Loss::Writes(50),
        ];
        let loss = losses[random.below(4) as usize];
        to.empty();
        disk.restore(to.path(), loss, &mut random).unwrap();
        let connection = open(to.path().join("t.db"), "unix");
        let found = count(&connection);
        assert!(
            found == acknowledged || found == acknowledged + 1,
            "{found} of {acknowledged}, {loss:?}"
        );
        judged += 1;
    }
    assert!(judged > 50);
}

#[test]
fn a_call_that_is_to_fail_fails_with_its_code_and_errno() {
    let shim = Shim::register("shim-fail");
    let directory = Directory::new("sqlite-fail");
    let connection = open(directory.path().join("t.db"), shim.name());
    insert(&connection, 1).unwrap();

    shim.fail(Fault::no_space(Part::Wal, libc::ENOSPC));
    let error = insert(&connection, 2).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
    shim.clear_faults();
    insert(&connection, 2).unwrap();

    shim.fail(Fault::io(Part::Wal, Call::Sync).after(1));
    insert(&connection, 3).unwrap();
    assert!(!shim.all_failed());
    let error = insert(&connection, 4).unwrap_err();
    assert!(shim.all_failed());
    let code = error.sqlite_error().map(|error| error.extended_code);
    assert_eq!(code, Some(ffi::SQLITE_IOERR_FSYNC));
    drop(connection);
}

#[test]
fn a_flush_takes_longer() {
    let shim = Shim::register("shim-delay");
    let directory = Directory::new("sqlite-delay");
    let connection = open(directory.path().join("t.db"), shim.name());
    shim.delay_syncs(Duration::from_millis(5));
    let begun = Instant::now();
    insert(&connection, 1).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(5));
    drop(connection);
}
