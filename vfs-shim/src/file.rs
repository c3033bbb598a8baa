//! An open file: SQLite's calls for it are forwarded, and told, failed or delayed.
//!
//! SQLite hands a VFS memory for each file that it opens. What `unix` needs of it comes first, and a [`Tail`] follows;
//! so `unix` opens its file where SQLite wants it, and all of its methods work on that pointer as they are. The table of
//! methods is replaced by a copy in the tail with some of them exchanged, and finds the tail again.

use std::ffi::{c_int, c_void};
use std::{slice, thread};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods};

use crate::fault::{Call, Part};
use crate::state::{Entry, State};

/// What follows the file of `unix`. SQLite sees the first field.
#[repr(C)]
pub(crate) struct Tail {
    methods: sqlite3_io_methods,
    unix: *const sqlite3_io_methods,
    state: &'static State,
    /// `None`: a file that nothing is done to (temporary ones).
    name: Option<Box<(String, Part)>>,
}

impl Tail {
    /// Describes a file that `unix` has opened; `None`: nothing is done to it.
    ///
    /// # Safety
    ///
    /// - The table is one of SQLite's, which is never freed.
    pub(crate) unsafe fn new(
        unix: *const sqlite3_io_methods,
        state: &'static State,
        name: Option<(String, Part)>,
    ) -> Self {
        // SAFETY: as the caller promises; it is a plain table.
        let mut methods = unsafe { *unix };
        methods.xClose = Some(close);
        methods.xRead = Some(read);
        methods.xWrite = Some(write);
        methods.xTruncate = Some(truncate);
        methods.xSync = Some(sync);
        methods.xFileSize = Some(size);
        methods.xLock = Some(lock);
        methods.xShmMap = Some(shm_map);
        methods.xShmLock = Some(shm_lock);
        Self {
            methods,
            unix,
            state,
            name: name.map(Box::new),
        }
    }

    /// Returns the table that SQLite is to call by.
    pub(crate) fn methods(&self) -> *const sqlite3_io_methods {
        &raw const self.methods
    }
}

/// The tail of an open file.
///
/// # Safety
///
/// - `open` has opened it, and `close` has not closed it.
/// - The reference is not used after that.
unsafe fn tail<'a>(file: *mut sqlite3_file) -> &'a Tail {
    // SAFETY: its table of methods is the first field of the tail.
    let methods = unsafe { (*file).pMethods };
    // SAFETY: as above, and the caller keeps it open.
    unsafe { &*methods.cast::<Tail>() }
}

/// The table of `unix`.
fn unix(tail: &Tail) -> &'static sqlite3_io_methods {
    // SAFETY: it was taken from an open file, and SQLite's tables are never freed.
    unsafe { &*tail.unix }
}

/// Lets a call wait as long as it is made to. Returns what it is to fail with, after the system was made to say why.
pub(crate) fn enter(state: &State, part: Part, call: Call) -> Option<c_int> {
    let (code, errno) = state.enter(part, call)?;
    // SAFETY: it has no precondition.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place of this thread's errno; `unix` returns it where SQLite asks what the system said.
    unsafe { *place = errno };
    Some(code)
}

fn fault(tail: &Tail, call: Call) -> Option<c_int> {
    let (_, part) = tail.name.as_deref()?;
    enter(tail.state, *part, call)
}

/// Records what was done to a file that has a name.
fn record(tail: &Tail, entry: impl FnOnce(String) -> Entry) {
    if let Some((name, _)) = tail.name.as_deref()
        && tail.state.is_recording()
    {
        tail.state.push(entry(name.clone()));
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file that is open, once. The pointer is to the table, which begins the tail.
    let place = unsafe { (*file).pMethods }.cast_mut().cast::<Tail>();
    // SAFETY: as above; nobody looks at it again, since `unix` takes the file's table away.
    let tail = unsafe { place.read() };
    let unix_close = unix(&tail).xClose.expect("`unix` closes files");
    // SAFETY: SQLite's argument as it came.
    unsafe { unix_close(file) }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite writes to files that are open.
    let tail = unsafe { tail(file) };
    if let Some(code) = fault(tail, Call::Write) {
        return code;
    }
    let unix_write = unix(tail).xWrite.expect("`unix` writes");
    // SAFETY: SQLite's arguments as they came.
    let code = unsafe { unix_write(file, bytes, length, at) };
    if code == ffi::SQLITE_OK {
        record(tail, |file| {
            let length = usize::try_from(length).expect("a length");
            // SAFETY: SQLite gives so many bytes, and keeps them during the call.
            let bytes = unsafe { slice::from_raw_parts(bytes.cast::<u8>(), length) };
            Entry::Write {
                file,
                at: u64::try_from(at).expect("an offset"),
                bytes: bytes.to_vec(),
            }
        });
    }
    code
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, length: sqlite3_int64) -> c_int {
    // SAFETY: SQLite cuts files that are open.
    let tail = unsafe { tail(file) };
    if let Some(code) = fault(tail, Call::Truncate) {
        return code;
    }
    let unix_truncate = unix(tail).xTruncate.expect("`unix` cuts files");
    // SAFETY: SQLite's arguments as they came.
    let code = unsafe { unix_truncate(file, length) };
    if code == ffi::SQLITE_OK {
        record(tail, |file| Entry::Truncate {
            file,
            length: u64::try_from(length).expect("a length"),
        });
    }
    code
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite flushes files that are open.
    let tail = unsafe { tail(file) };
    if let Some(code) = fault(tail, Call::Sync) {
        return code;
    }
    let unix_sync = unix(tail).xSync.expect("`unix` flushes");
    // SAFETY: SQLite's arguments as they came.
    let code = unsafe { unix_sync(file, flags) };
    let delay = tail.state.sync_delay();
    if !delay.is_zero() {
        thread::sleep(delay);
    }
    if code == ffi::SQLITE_OK {
        record(tail, |file| Entry::Sync { file });
    }
    code
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    bytes: *mut c_void,
    length: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite reads files that are open.
    let tail = unsafe { tail(file) };
    if let Some(code) = fault(tail, Call::Read) {
        return code;
    }
    let unix_read = unix(tail).xRead.expect("`unix` reads");
    // SAFETY: SQLite's arguments as they came.
    unsafe { unix_read(file, bytes, length, at) }
}

unsafe extern "C" fn size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite asks about files that are open.
    let tail = unsafe { tail(file) };
    if let Some(code) = fault(tail, Call::Size) {
        return code;
    }
    let unix_size = unix(tail).xFileSize.expect("`unix` knows lengths");
    // SAFETY: SQLite's arguments as they came.
    unsafe { unix_size(file, size) }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite locks files that are open.
    let tail = unsafe { tail(file) };
    if let Some(code) = fault(tail, Call::Lock) {
        return code;
    }
    let unix_lock = unix(tail).xLock.expect("`unix` locks");
    // SAFETY: SQLite's arguments as they came.
    unsafe { unix_lock(file, level) }
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    length: c_int,
    extend: c_int,
    place: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite maps the index of a file that is open.
    let tail = unsafe { tail(file) };
    if let Some(code) = fault(tail, Call::ShmMap) {
        return code;
    }
    let unix_map = unix(tail).xShmMap.expect("`unix` maps");
    // SAFETY: SQLite's arguments as they came.
    unsafe { unix_map(file, region, length, extend, place) }
}

unsafe extern "C" fn shm_lock(
    file: *mut sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: SQLite locks in the index of a file that is open.
    let tail = unsafe { tail(file) };
    // Letting go never fails.
    if flags & ffi::SQLITE_SHM_LOCK != 0
        && let Some(code) = fault(tail, Call::ShmLock)
    {
        return code;
    }
    let unix_lock = unix(tail).xShmLock.expect("`unix` locks");
    // SAFETY: SQLite's arguments as they came.
    unsafe { unix_lock(file, offset, count, flags) }
}
