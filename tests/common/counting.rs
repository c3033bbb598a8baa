//! An allocator that counts for its thread: for test binaries that hold what something allocates, or leaves behind.
#![allow(dead_code, reason = "each test uses its part")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: i64) {
    ALLOCATIONS.with(|count| count.set(count.get() + u64::from(bytes > 0)));
    LIVE.with(|live| live.set(live.get() + bytes));
    BYTES.with(|all| all.set(all.get() + bytes.max(0)));
}

// SAFETY: everything is handed on to the system's allocator unchanged; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often this thread has allocated so far; growing a buffer counts too.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// Bytes that this thread has allocated and not given back so far. What another thread gives back counts there.
pub(crate) fn live() -> i64 {
    LIVE.get()
}

/// Bytes that this thread has allocated so far, whether they were given back or not.
pub(crate) fn allocated() -> i64 {
    BYTES.with(Cell::get)
}
