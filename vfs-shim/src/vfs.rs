//! The VFS itself: opens and deletes files, and tells the time. With [`file`](crate::file) it has all of the `unsafe`.

use std::ffi::{CStr, c_char, c_int};
use std::mem::{align_of, size_of};
use std::path::Path;
use std::ptr;

use rusqlite::ffi::{self, sqlite3_file, sqlite3_filename, sqlite3_int64, sqlite3_vfs};

use crate::fault::{Call, Part};
use crate::file::{self, Tail};
use crate::state::{Entry, State};

const UNIX: &CStr = c"unix";
const MILLISECONDS_A_DAY: f64 = 86_400_000.0;

/// A VFS, and whom it tells. SQLite sees the first field.
#[repr(C)]
struct ShimVfs {
    vfs: sqlite3_vfs,
    unix: *mut sqlite3_vfs,
    /// Where the tail begins in a file's memory.
    tail: usize,
    state: &'static State,
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
    vfs.xCurrentTime = Some(current_time);
    vfs.xCurrentTimeInt64 = Some(current_time_int64);
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
    let part = match flags {
        _ if flags & ffi::SQLITE_OPEN_WAL != 0 => Some(Part::Wal),
        _ if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 => Some(Part::Database),
        _ if flags & ffi::SQLITE_OPEN_MAIN_JOURNAL != 0 => Some(Part::Journal),
        _ => None,
    };
    if let Some(code) = part.and_then(|part| file::enter(shim.state, part, Call::Open)) {
        // SAFETY: SQLite gave a file, which is not open: so it looks for its table.
        unsafe { (*file).pMethods = ptr::null() };
        return code;
    }
    // SAFETY: as where it was registered.
    let unix_open = unsafe { (*shim.unix).xOpen }.expect("`unix` opens files");
    // SAFETY: SQLite's arguments as they came; the file's memory is larger than `unix` needs.
    let code = unsafe { unix_open(shim.unix, name, file, flags, out_flags) };
    // SAFETY: `unix` has set it, to null where it did not open.
    let methods = unsafe { (*file).pMethods };
    if methods.is_null() {
        return code;
    }
    let name = part
        .filter(|_| !name.is_null())
        .map(|part| (last(name), part));
    // SAFETY: `unix` has just opened a file with this table, and SQLite's tables are never freed.
    let tail = unsafe { Tail::new(methods, shim.state, name) };
    // SAFETY: SQLite gave `szOsFile` bytes aligned to 8: the tail lies within them, behind what `unix` uses.
    let place = unsafe { file.cast::<u8>().add(shim.tail) }.cast::<Tail>();
    // SAFETY: as above; nothing was there before.
    unsafe { place.write(tail) };
    // SAFETY: the tail has just been written, and stays where it is until the file is closed.
    let methods = unsafe { &*place }.methods();
    // SAFETY: `unix` has opened the file, which is ours to change until it is handed to SQLite.
    unsafe { (*file).pMethods = methods };
    code
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: as in `open`.
    let shim = unsafe { &*vfs.cast::<ShimVfs>() };
    let part = match last(name) {
        file if file.ends_with("-wal") => Part::Wal,
        file if file.ends_with("-journal") => Part::Journal,
        _ => Part::Database,
    };
    if let Some(code) = file::enter(shim.state, part, Call::Delete) {
        return code;
    }
    // SAFETY: as where it was registered.
    let unix_delete = unsafe { (*shim.unix).xDelete }.expect("`unix` deletes files");
    // SAFETY: SQLite's arguments as they came.
    let code = unsafe { unix_delete(shim.unix, name, sync) };
    if code == ffi::SQLITE_OK {
        shim.state.push(Entry::Delete { file: last(name) });
    }
    code
}

unsafe extern "C" fn current_time_int64(vfs: *mut sqlite3_vfs, now: *mut sqlite3_int64) -> c_int {
    // SAFETY: as in `open`.
    let shim = unsafe { &*vfs.cast::<ShimVfs>() };
    // SAFETY: as where it was registered.
    let unix_time = unsafe { (*shim.unix).xCurrentTimeInt64 }.expect("`unix` tells the time");
    // SAFETY: SQLite's argument as it came.
    let code = unsafe { unix_time(shim.unix, now) };
    // SAFETY: SQLite gave the place of a number, which `unix` has set.
    unsafe { *now += shim.state.ahead() };
    code
}

unsafe extern "C" fn current_time(vfs: *mut sqlite3_vfs, now: *mut f64) -> c_int {
    let mut milliseconds = 0;
    // SAFETY: SQLite's table as it came, and a number of ours.
    let code = unsafe { current_time_int64(vfs, &raw mut milliseconds) };
    // SAFETY: SQLite gave the place of a number.
    unsafe { *now = milliseconds as f64 / MILLISECONDS_A_DAY };
    code
}
