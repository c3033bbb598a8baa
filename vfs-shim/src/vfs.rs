//! The VFS itself: all of the `unsafe`.
//!
//! SQLite hands a VFS memory for each file that it opens. What `unix` needs of it comes first, and a [`Tail`] follows;
//! so `unix` opens its file where SQLite wants it, and all of its methods work on that pointer as they are. The table of
//! methods is replaced by a copy in the tail with three of them exchanged, and finds the tail again.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::{align_of, size_of};
use std::path::Path;
use std::{ptr, slice, thread};

use rusqlite::ffi::{
    self, sqlite3_file, sqlite3_filename, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs,
};

use crate::fault::{Call, Part};
use crate::state::{Entry, State};

const UNIX: &CStr = c"unix";

/// A VFS, and whom it tells. SQLite sees the first field.
#[repr(C)]
struct ShimVfs {
    vfs: sqlite3_vfs,
    unix: *mut sqlite3_vfs,
    /// Where the tail begins in a file's memory.
    tail: usize,
    state: &'static State,
}

/// What follows the file of `unix`. SQLite sees the first field.
#[repr(C)]
struct Tail {
    methods: sqlite3_io_methods,
    unix: *const sqlite3_io_methods,
    state: &'static State,
    /// `None`: a file that nothing is done to (temporary ones).
    name: Option<Box<(String, Part)>>,
}

/// Registers a VFS for good.
pub(crate) fn register(name: &'static CStr, state: &'static State) {
    // SAFETY: SQLite initializes itself where that was not done; the name ends with a zero.
    let unix = unsafe { ffi::sqlite3_vfs_find(UNIX.as_ptr()) };
    assert!(!unix.is_null(), "SQLite has its VFS `unix`");
    // SAFETY: SQLite's own VFS is never freed, and a plain table.
    let mut vfs = unsafe { *unix };
    let size = usize::try_from(vfs.szOsFile).expect("a size");
    let tail = size.next_multiple_of(align_of::<Tail>());
    vfs.szOsFile = c_int::try_from(tail + size_of::<Tail>()).expect("a small size");
    vfs.zName = name.as_ptr();
    vfs.pNext = ptr::null_mut();
    vfs.xOpen = Some(open);
    vfs.xDelete = Some(delete);
    let shim = Box::leak(Box::new(ShimVfs {
        vfs,
        unix,
        tail,
        state,
    }));
    // SAFETY: the table, its name and its state stay for the process; it is not the default.
    let code = unsafe { ffi::sqlite3_vfs_register(&mut shim.vfs, 0) };
    assert_eq!(code, ffi::SQLITE_OK, "SQLite takes the VFS");
}

/// The last part of a path, as text.
fn last(name: *const c_char) -> String {
    // SAFETY: SQLite gives names that end with a zero, and keeps them during the call.
    let path = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    let name = Path::new(&*path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls with the table that was registered, which is the first field of this.
    let shim = unsafe { &*vfs.cast::<ShimVfs>() };
    // SAFETY: as where it was registered.
    let unix_open = unsafe { (*shim.unix).xOpen }.expect("`unix` opens files");
    // SAFETY: SQLite's arguments as they came; the file's memory is larger than `unix` needs.
    let code = unsafe { unix_open(shim.unix, name, file, flags, out_flags) };
    // SAFETY: `unix` has set it, to null where it did not open.
    let methods = unsafe { (*file).pMethods };
    if methods.is_null() {
        return code;
    }
    let part = match flags {
        _ if flags & ffi::SQLITE_OPEN_WAL != 0 => Some(Part::Wal),
        _ if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 => Some(Part::Database),
        _ => None,
    };
    // SAFETY: a table of methods of SQLite's is never freed, and a plain table.
    let mut table = unsafe { *methods };
    table.xClose = Some(close);
    table.xWrite = Some(write);
    table.xTruncate = Some(truncate);
    table.xSync = Some(sync);
    let tail = Tail {
        methods: table,
        unix: methods,
        state: shim.state,
        name: part
            .filter(|_| !name.is_null())
            .map(|part| Box::new((last(name), part))),
    };
    // SAFETY: SQLite gave `szOsFile` bytes aligned to 8: the tail lies within them, behind what `unix` uses.
    let place = unsafe { file.cast::<u8>().add(shim.tail) }.cast::<Tail>();
    // SAFETY: as above; nothing was there before.
    unsafe { place.write(tail) };
    // SAFETY: the tail has just been written, and stays where it is until the file is closed.
    let methods = unsafe { &raw const (*place).methods };
    // SAFETY: `unix` has opened the file, which is ours to change until it is handed to SQLite.
    unsafe { (*file).pMethods = methods };
    code
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: as in `open`.
    let shim = unsafe { &*vfs.cast::<ShimVfs>() };
    // SAFETY: as where it was registered.
    let unix_delete = unsafe { (*shim.unix).xDelete }.expect("`unix` deletes files");
    // SAFETY: SQLite's arguments as they came.
    let code = unsafe { unix_delete(shim.unix, name, sync) };
    if code == ffi::SQLITE_OK {
        shim.state.push(Entry::Delete { file: last(name) });
    }
    code
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

/// What a call is to fail with, after the system was made to say why.
fn fault(tail: &Tail, call: Call) -> Option<c_int> {
    let (_, part) = tail.name.as_deref()?;
    let (code, errno) = tail.state.fault(*part, call)?;
    // SAFETY: it has no precondition.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place of this thread's errno; `unix` returns it where SQLite asks what the system said.
    unsafe { *place = errno };
    Some(code)
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
