//! How long the log is, as SQLite says at each commit.
//!
//! The file's length does not tell: it stays as it was when the log begins anew. The hook is a plain function, so what it
//! hears is left with the thread that commits.

use std::cell::Cell;

use rusqlite::Connection;

thread_local! {
    static FRAMES: Cell<u64> = const { Cell::new(0) };
}

/// Listens to the commits of a connection. The pragma `wal_autocheckpoint` ends that: it is set before.
pub(in crate::journal::sqlite) fn watch(connection: &Connection) {
    connection.wal_hook(Some(|_, frames| {
        FRAMES.set(u64::try_from(frames).unwrap_or_default());
        Ok(())
    }));
}

/// Returns the frames that the log had after the last commit of a watched connection on this thread.
pub(in crate::journal::sqlite) fn committed() -> u64 {
    FRAMES.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::sqlite::files::tests::Directory;

    #[test]
    fn each_commit_says_how_long_the_log_is() {
        let directory = Directory::new("frames");
        let connection = Connection::open(directory.path().join("t.db")).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0")
            .unwrap();
        watch(&connection);
        connection.execute_batch("CREATE TABLE t(n)").unwrap();
        let first = committed();
        assert!(first > 0);
        connection.execute_batch("INSERT INTO t VALUES(1)").unwrap();
        assert_eq!(committed(), first + 1);
        connection
            .query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
            .unwrap();
        connection.execute_batch("INSERT INTO t VALUES(2)").unwrap();
        assert_eq!(committed(), 1);
    }
}
