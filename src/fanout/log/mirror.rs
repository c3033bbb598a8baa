//! A byte ring in which any range up to its capacity is one slice: the same pages, mapped twice in a row.
//!
//! On Linux a `memfd` is mapped at two adjacent addresses. Where that is refused, or the platform has
//! no `memfd`, the ring keeps two copies of each byte instead: the slices are the same, writing costs
//! a second copy. (Two pieces per send would have been the other way; `writev` costs more per
//! delivery than the copy costs per event.)
//!
//! This is the only file above the ring that holds `unsafe`.

use std::ops::Range;

/// Bytes addressed by a position that only grows; the last `capacity` of them are kept.
pub(in crate::fanout) struct ByteRing {
    pages: Pages,
    /// A power of two and a multiple of the page size.
    capacity: usize,
}

impl ByteRing {
    /// Makes a ring of at least `capacity` bytes, rounded up to a power of two of whole pages.
    pub(in crate::fanout) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(rustix::param::page_size()).next_power_of_two();
        let pages = Pages::map(capacity).unwrap_or_else(|| Pages::copied(capacity));
        Self { pages, capacity }
    }

    /// Returns the number of the newest bytes that are kept.
    pub(in crate::fanout) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Writes `bytes` at position `at`, over what was there one capacity before.
    pub(in crate::fanout) fn write(&mut self, at: u64, bytes: &[u8]) {
        assert!(
            bytes.len() <= self.capacity,
            "the caller bounds a frame to a quarter of its log"
        );
        let start = self.place(at);
        match &mut self.pages {
            #[cfg(target_os = "linux")]
            Pages::Mapped(map) => map.write(start, bytes),
            Pages::Copied(twice) => copy_twice(twice, self.capacity, start, bytes),
        }
    }

    /// The bytes of `range`, which the caller knows to lie within the newest `capacity` bytes.
    pub(in crate::fanout) fn slice(&self, range: Range<u64>) -> &[u8] {
        let start = self.place(range.start);
        let len = (range.end - range.start) as usize;
        assert!(len <= self.capacity, "a range is never longer than its log");
        match &self.pages {
            #[cfg(target_os = "linux")]
            Pages::Mapped(map) => map.slice(start, len),
            Pages::Copied(twice) => &twice[start..start + len],
        }
    }

    fn place(&self, at: u64) -> usize {
        at as usize & (self.capacity - 1)
    }
}

enum Pages {
    #[cfg(target_os = "linux")]
    Mapped(linux::Mapping),
    Copied(Box<[u8]>),
}

impl Pages {
    fn map(capacity: usize) -> Option<Self> {
        #[cfg(target_os = "linux")]
        return linux::Mapping::new(capacity).map(Pages::Mapped);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = capacity;
            None
        }
    }

    fn copied(capacity: usize) -> Self {
        Pages::Copied(vec![0; 2 * capacity].into_boxed_slice())
    }
}

/// Keeps `twice[i] == twice[i + capacity]` for every byte written.
fn copy_twice(twice: &mut [u8], capacity: usize, start: usize, bytes: &[u8]) {
    let end = start + bytes.len();
    twice[start..end].copy_from_slice(bytes);
    if end <= capacity {
        twice[start + capacity..end + capacity].copy_from_slice(bytes);
    } else {
        let first = capacity - start;
        twice[start + capacity..].copy_from_slice(&bytes[..first]);
        twice[..end - capacity].copy_from_slice(&bytes[first..]);
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::c_void;
    use std::os::fd::OwnedFd;
    use std::ptr::{NonNull, null_mut};

    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};

    /// `2 * capacity` bytes of address space over one `memfd` of `capacity` bytes. A forked child does not have it.
    pub(in crate::fanout) struct Mapping {
        base: NonNull<u8>,
        capacity: usize,
    }

    // SAFETY: the mapping is plain memory owned by this value alone; no other pointer to it exists.
    unsafe impl Send for Mapping {}

    impl Mapping {
        /// `None` where the kernel refuses any step.
        pub(in crate::fanout) fn new(capacity: usize) -> Option<Self> {
            let file = memfd_create("eventring-frames", MemfdFlags::CLOEXEC).ok()?;
            ftruncate(&file, capacity as u64).ok()?;
            // SAFETY: a fresh anonymous reservation at an address of the kernel's choice.
            let base = unsafe {
                mmap_anonymous(
                    null_mut(),
                    2 * capacity,
                    ProtFlags::empty(),
                    MapFlags::PRIVATE,
                )
            };
            let base = NonNull::new(base.ok()?.cast::<u8>())?;
            // From here on dropping `mapping` releases the whole reservation.
            let mapping = Self { base, capacity };
            mapping.place(&file, 0)?;
            mapping.place(&file, capacity)?;
            // The pages are shared: without this the writes of a forked child would be seen here, and ours there.
            // SAFETY: exactly our mapping. It changes what `fork` does, not what lies in it.
            unsafe { madvise(base.as_ptr().cast(), 2 * capacity, Advice::LinuxDontFork) }.ok()?;
            Some(mapping)
        }

        fn place(&self, file: &OwnedFd, at: usize) -> Option<()> {
            let both = ProtFlags::READ | ProtFlags::WRITE;
            let flags = MapFlags::SHARED | MapFlags::FIXED;
            // SAFETY: `at` is 0 or `capacity`, so the address lies inside the reservation.
            let address = unsafe { self.base.as_ptr().add(at) }.cast::<c_void>();
            // SAFETY: FIXED replaces only pages of our own reservation: `at + capacity` is at most
            // its length, and nothing points into it yet.
            unsafe { mmap(address, self.capacity, both, flags, file, 0) }
                .ok()
                .map(drop)
        }

        /// The `len` bytes from `start` on, which lies in the first half.
        ///
        /// Never more than the capacity: within so many bytes no two are the same byte of the file.
        pub(in crate::fanout) fn slice(&self, start: usize, len: usize) -> &[u8] {
            assert!(start < self.capacity && len <= self.capacity);
            // SAFETY: inside the `2 * capacity` bytes of the mapping, says the assertion.
            let first = unsafe { self.base.as_ptr().add(start) };
            // SAFETY: `len` mapped, readable, initialised (zero-filled) bytes that live as long as `self`; the only
            // writer needs `&mut self`, also for the same bytes at their other address.
            unsafe { std::slice::from_raw_parts(first, len) }
        }

        /// Copies `bytes` to `start`, which lies in the first half.
        ///
        /// By a raw copy: no `&mut [u8]` over these pages is made, since a byte that is mapped twice may be reached
        /// at two addresses, and an exclusive borrow of it could not be one.
        pub(in crate::fanout) fn write(&mut self, start: usize, bytes: &[u8]) {
            assert!(start < self.capacity && bytes.len() <= self.capacity);
            // SAFETY: inside the `2 * capacity` bytes of the mapping, says the assertion.
            let first = unsafe { self.base.as_ptr().add(start) };
            // SAFETY: so many mapped, writable bytes from `first` on; `&mut self` keeps every slice of them away, so
            // that `bytes` lies elsewhere.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), first, bytes.len()) };
        }
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: exactly the reservation made in `new`; no slice outlives `self`.
            // An error cannot be acted on here: the address space stays reserved.
            let _ = unsafe { munmap(self.base.as_ptr().cast::<c_void>(), 2 * self.capacity) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rings() -> [ByteRing; 2] {
        let mapped = ByteRing::new(4096);
        let copied = ByteRing {
            pages: Pages::copied(4096),
            capacity: 4096,
        };
        [mapped, copied]
    }

    #[test]
    fn a_range_over_the_edge_is_one_slice() {
        for mut ring in rings() {
            let edge = ring.capacity() as u64;
            ring.write(edge - 3, b"abcdef");
            assert_eq!(ring.slice(edge - 3..edge + 3), b"abcdef");
            ring.write(edge + 3, b"ghi");
            assert_eq!(ring.slice(edge - 3..edge + 6), b"abcdefghi");
        }
    }

    /// Once: a forked child shared the pages.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_forked_child_shares_no_pages() {
        let ring = ByteRing::new(4096);
        if !matches!(ring.pages, Pages::Mapped(_)) {
            // The kernel gives no mapping, and a copy is not shared.
            return;
        }
        let base = format!("{:x}-", ring.slice(0..1).as_ptr().addr());
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mapping = smaps.split_once(&base).expect("it is mapped").1;
        let flags = mapping
            .lines()
            .find_map(|line| line.strip_prefix("VmFlags: "));
        assert!(
            flags.unwrap().split(' ').any(|flag| flag == "dc"),
            "not copied on fork"
        );
    }

    /// A slice over more than the capacity would hold one byte twice.
    #[test]
    #[should_panic(expected = "never longer than its log")]
    fn no_slice_is_longer_than_the_capacity() {
        let ring = ByteRing::new(4096);
        let _ = ring.slice(0..ring.capacity() as u64 + 1);
    }

    #[test]
    fn the_newest_capacity_bytes_stay() {
        for mut ring in rings() {
            let capacity = ring.capacity() as u64;
            let mut at = 0;
            for i in 0..1000u64 {
                let frame = [i as u8; 37];
                ring.write(at, &frame);
                at += 37;
            }
            let all = ring.slice(at - capacity..at);
            assert_eq!(all.len(), capacity as usize);
            assert!(all.ends_with(&[231; 37]));
            for (i, byte) in all.iter().enumerate() {
                assert_eq!(*byte, ((at - capacity + i as u64) / 37) as u8);
            }
        }
    }
}
