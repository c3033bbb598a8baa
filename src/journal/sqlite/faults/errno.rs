//! What the system said to SQLite: the only `unsafe` of the journal.

use std::ffi::c_int;

use rusqlite::{Connection, ffi};

/// Returns the `errno` of the connection's last error of the disk; 0: there was none.
#[allow(unsafe_code, reason = "rusqlite has no safe way to ask for it")]
pub(super) fn of(connection: &Connection) -> c_int {
    // SAFETY: the handle is not closed, and used for nothing but the next line, while the connection is borrowed.
    let handle = unsafe { connection.handle() };
    // SAFETY: the handle is that of an open connection. SQLite reads one number that the connection holds; the connection
    // is not used by another thread meanwhile, since it is not `Sync`.
    unsafe { ffi::sqlite3_system_errno(handle) }
}
