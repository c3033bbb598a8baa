//! What is made to fail.

use std::ffi::c_int;

use rusqlite::ffi;

/// The file that a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The database.
    Database,
    /// Its log of writes, `-wal`.
    Wal,
    /// Its rollback journal, `-journal`, which a database has until it is in WAL mode.
    Journal,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Database, Self::Wal, Self::Journal];
}

/// What SQLite asks the disk for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// Opening.
    Open,
    /// Deleting.
    Delete,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Cutting off.
    Truncate,
    /// Flushing.
    Sync,
    /// Asking for the length.
    Size,
    /// Locking the database.
    Lock,
    /// Mapping the index of the log, `-shm`: a call for the database.
    ShmMap,
    /// Locking in it: as above.
    ShmLock,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Open,
        Self::Delete,
        Self::Read,
        Self::Write,
        Self::Truncate,
        Self::Sync,
        Self::Size,
        Self::Lock,
        Self::ShmMap,
        Self::ShmLock,
    ];

    /// Returns the code that SQLite's own VFS has where the disk fails.
    pub fn code(self) -> c_int {
        match self {
            Self::Open => ffi::SQLITE_CANTOPEN,
            Self::Delete => ffi::SQLITE_IOERR_DELETE,
            Self::Read => ffi::SQLITE_IOERR_READ,
            Self::Write => ffi::SQLITE_IOERR_WRITE,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
            Self::Size => ffi::SQLITE_IOERR_FSTAT,
            Self::Lock => ffi::SQLITE_IOERR_LOCK,
            Self::ShmMap => ffi::SQLITE_IOERR_SHMMAP,
            Self::ShmLock => ffi::SQLITE_IOERR_SHMLOCK,
        }
    }
}

/// A call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub part: Part,
    /// The call.
    pub call: Call,
    /// Calls that succeed before it.
    pub after: u64,
    /// Calls in a row that fail.
    pub times: u64,
    /// The extended code that SQLite gets.
    pub code: c_int,
    /// What the system is made to say.
    pub errno: c_int,
}

impl Fault {
    /// The next call for a file fails, once, as a disk fails.
    pub fn io(part: Part, call: Call) -> Self {
        Self {
            part,
            call,
            after: 0,
            times: 1,
            code: call.code(),
            errno: libc::EIO,
        }
    }

    /// Writes find no space until the faults are cleared. SQLite is told so by the code that its own VFS has for the errno.
    pub fn no_space(part: Part, errno: c_int) -> Self {
        let code = match errno {
            libc::ENOSPC => ffi::SQLITE_FULL,
            _ => ffi::SQLITE_IOERR_WRITE,
        };
        Self {
            times: u64::MAX,
            code,
            errno,
            ..Self::io(part, Call::Write)
        }
    }

    /// Fails with another code, and another error of the system.
    #[must_use]
    pub fn code(mut self, code: c_int, errno: c_int) -> Self {
        (self.code, self.errno) = (code, errno);
        self
    }

    /// Fails until the faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = u64::MAX;
        self
    }

    /// Lets so many calls succeed first.
    #[must_use]
    pub fn after(mut self, calls: u64) -> Self {
        self.after = calls;
        self
    }

    /// Whether this call is to fail.
    pub(crate) fn hits(&mut self, part: Part, call: Call) -> bool {
        if self.part != part || self.call != call || self.times == 0 {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        self.times = self.times.saturating_sub(1);
        true
    }
}
