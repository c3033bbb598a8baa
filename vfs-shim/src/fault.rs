//! What is made to fail.

use std::ffi::c_int;

use rusqlite::ffi;

/// The file that a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The database.
    Database,
    /// Its log of writes, `-wal`.
    Wal,
}

/// What SQLite asks the disk for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Writing.
    Write,
    /// Flushing.
    Sync,
    /// Cutting off.
    Truncate,
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
        let code = match call {
            Call::Write => ffi::SQLITE_IOERR_WRITE,
            Call::Sync => ffi::SQLITE_IOERR_FSYNC,
            Call::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
        };
        Self {
            part,
            call,
            after: 0,
            times: 1,
            code,
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
