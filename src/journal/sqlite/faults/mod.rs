//! What an error of SQLite means: one table, by extended code and the system's own error.
//!
//! The rules: *aborted* only where the frame that commits cannot be in the log, since a restart would bring it back;
//! *no space* only where a write found none, since a flush that fails has lost what it was to flush, whatever its reason;
//! what is not known is poisoned.

mod errno;

use std::ffi::c_int;

use rusqlite::{Connection, ffi};
use rustix::io::Errno;

use crate::journal::{CommitError, CommitFailure};

/// The step in which an error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A statement within a transaction, before its `COMMIT`.
    Write,
    /// `COMMIT`.
    Commit,
    /// A checkpoint.
    Checkpoint,
}

/// The meaning of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no room. What was to be committed is not there, nor will be; it can be tried again.
    NoSpace,
    /// Nothing of the transaction is there, nor will be.
    Aborted,
    /// Nobody knows the state of the disk: nothing is written any more.
    Poisoned,
    /// Somebody else is in the way: it is tried again.
    Wait,
}

impl Fault {
    /// Judges an error of a connection. It is asked before anything else is done with the connection, which forgets what
    /// the system said.
    pub(super) fn of(connection: &Connection, error: &rusqlite::Error, step: Step) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => {
                let errno = errno::of(connection);
                Self::judge(failure.extended_code, errno, step)
            }
            // SQLite did its part, and the answer was not what it should have been.
            _ if step == Step::Write => Self::Aborted,
            _ => Self::Poisoned,
        }
    }

    /// Returns whether an error says that something could not be read: nothing was written by then that would not be undone.
    pub(super) fn is_of_reading(error: &rusqlite::Error) -> bool {
        let rusqlite::Error::SqliteFailure(failure, _) = error else {
            return false;
        };
        let code = failure.extended_code;
        let reads = [
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_IOERR_SHORT_READ,
            ffi::SQLITE_IOERR_DATA,
            ffi::SQLITE_IOERR_CORRUPTFS,
        ];
        reads.contains(&code) || code & 0xff == ffi::SQLITE_CORRUPT
    }

    /// Looks an error up: its extended code, and `errno` where the system was asked.
    fn judge(code: c_int, errno: c_int, step: Step) -> Self {
        match code {
            ffi::SQLITE_IOERR_WRITE if is_no_space(errno) => return Self::NoSpace,
            // What the memory was for may have been the log's index, after the frames were written.
            ffi::SQLITE_NOMEM if step == Step::Write => return Self::Aborted,
            _ => {}
        }
        match code & 0xff {
            ffi::SQLITE_FULL => Self::NoSpace,
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => Self::Wait,
            // A checkpoint that is told to stop leaves the log as it is.
            ffi::SQLITE_INTERRUPT if step == Step::Checkpoint => Self::Wait,
            ffi::SQLITE_IOERR | ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => Self::Poisoned,
            // The database was moved away: what is written goes nowhere.
            ffi::SQLITE_READONLY => Self::Poisoned,
            _ if step == Step::Write => Self::Aborted,
            // A constraint that is checked at the end: the transaction is still open, nothing was written.
            ffi::SQLITE_CONSTRAINT => Self::Aborted,
            _ => Self::Poisoned,
        }
    }

    /// Returns what it means for a round; `None`: it is tried again.
    pub(super) fn failure(self) -> Option<CommitFailure> {
        match self {
            Self::NoSpace => Some(CommitFailure::NoSpace),
            Self::Aborted => Some(CommitFailure::Aborted),
            Self::Poisoned => Some(CommitFailure::Poisoned),
            Self::Wait => None,
        }
    }
}

/// Says in words why a journal is poisoned.
pub(super) fn poisoned(reason: &str) -> CommitError {
    CommitError {
        failure: CommitFailure::Poisoned,
        reason: reason.to_owned(),
    }
}

fn is_no_space(errno: c_int) -> bool {
    let no_space = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG];
    no_space.iter().any(|known| known.raw_os_error() == errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 3] = [Step::Write, Step::Commit, Step::Checkpoint];

    /// The meaning of a code in each step, whatever the errno.
    fn means(code: c_int, expected: [Fault; 3]) {
        for (step, expected) in STEPS.into_iter().zip(expected) {
            for errno in [0, Errno::NOSPC.raw_os_error(), Errno::IO.raw_os_error()] {
                let found = Fault::judge(code, errno, step);
                assert_eq!(found, expected, "{code} {errno} {step:?}");
            }
        }
    }

    #[test]
    fn the_table_of_faults() {
        use Fault::{Aborted, NoSpace, Poisoned, Wait};
        // No room, where a write found none.
        means(ffi::SQLITE_FULL, [NoSpace; 3]);
        for step in STEPS {
            for (errno, expected) in [
                (Errno::NOSPC, NoSpace),
                (Errno::DQUOT, NoSpace),
                (Errno::FBIG, NoSpace),
                (Errno::IO, Poisoned),
                (Errno::ROFS, Poisoned),
                (Errno::BADF, Poisoned),
            ] {
                let found = Fault::judge(ffi::SQLITE_IOERR_WRITE, errno.raw_os_error(), step);
                assert_eq!(found, expected, "{errno} {step:?}");
            }
            let unknown = Fault::judge(ffi::SQLITE_IOERR_WRITE, 0, step);
            assert_eq!(unknown, Poisoned);
        }
        // Flushes, whatever their errno, and all else that touches the disk.
        for code in [
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_IOERR_SHORT_READ,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_IOERR_FSTAT,
            ffi::SQLITE_IOERR_LOCK,
            ffi::SQLITE_IOERR_SHMOPEN,
            ffi::SQLITE_IOERR_SHMSIZE,
            ffi::SQLITE_IOERR_SHMMAP,
            ffi::SQLITE_IOERR_NOMEM,
            ffi::SQLITE_IOERR_CORRUPTFS,
            ffi::SQLITE_IOERR_DATA,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CORRUPT_INDEX,
            ffi::SQLITE_NOTADB,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_READONLY_DBMOVED,
        ] {
            means(code, [Poisoned; 3]);
        }
        // Somebody else's shell.
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_BUSY_SNAPSHOT,
            ffi::SQLITE_BUSY_RECOVERY,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_LOCKED_SHAREDCACHE,
            ffi::SQLITE_PROTOCOL,
        ] {
            means(code, [Wait; 3]);
        }
        means(ffi::SQLITE_INTERRUPT, [Aborted, Poisoned, Wait]);
        // No frame can be there before COMMIT; in it, only where it was not begun.
        means(ffi::SQLITE_CONSTRAINT, [Aborted; 3]);
        means(ffi::SQLITE_CONSTRAINT_PRIMARYKEY, [Aborted; 3]);
        for code in [
            ffi::SQLITE_NOMEM,
            ffi::SQLITE_ERROR,
            ffi::SQLITE_TOOBIG,
            ffi::SQLITE_SCHEMA,
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_MISUSE,
            ffi::SQLITE_INTERNAL,
        ] {
            means(code, [Aborted, Poisoned, Poisoned]);
        }
    }

    #[test]
    fn an_error_that_is_not_sqlites_is_aborted_before_the_commit_only() {
        let connection = Connection::open_in_memory().unwrap();
        let error = rusqlite::Error::QueryReturnedNoRows;
        let of = |step| Fault::of(&connection, &error, step);
        assert_eq!(of(Step::Write), Fault::Aborted);
        assert_eq!(of(Step::Commit), Fault::Poisoned);
        let error = connection
            .execute_batch("CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES(1), (1)")
            .unwrap_err();
        let fault = Fault::of(&connection, &error, Step::Write);
        assert_eq!(fault, Fault::Aborted);
        assert_eq!(fault.failure(), Some(CommitFailure::Aborted));
        assert_eq!(Fault::Wait.failure(), None);
    }
}
