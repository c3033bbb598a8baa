//! Blocks that refer to nothing before them, and the compressor under both kinds.

use flate2::{Compress, Compression, FlushCompress};

/// Compression level. Level 1 takes a tenth of the time and leaves text a quarter longer, for each
/// reader; above 6 little changes.
const LEVEL: u32 = 6;

/// The most bytes that `len` bytes become as one block.
pub fn bound(len: usize) -> usize {
    // Stored blocks cost 5 bytes each 16 KiB at worst, fixed codes 9 bits a byte; then the flush.
    len + len / 8 + 64
}

/// A raw deflate compressor that ends each call at a byte boundary. About 300 KiB.
pub(super) struct Compressor(Compress);

impl Compressor {
    pub(super) fn new() -> Self {
        Self::of_level(LEVEL)
    }

    fn of_level(level: u32) -> Self {
        Self(Compress::new(Compression::new(level), false))
    }

    /// Forgets the window: the next block refers to nothing before it.
    pub(super) fn forget(&mut self) {
        self.0.reset();
    }

    /// Appends `plain` as one block with a sync flush.
    pub(super) fn encode(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        out.reserve(bound(plain.len()));
        let begun = self.0.total_in();
        loop {
            let used = (self.0.total_in() - begun) as usize;
            let done = self
                .0
                .compress_vec(&plain[used..], out, FlushCompress::Sync);
            debug_assert!(done.is_ok(), "raw deflate without a dictionary: {done:?}");
            // A flush is complete once it leaves room.
            if out.len() < out.capacity() {
                return;
            }
            out.reserve(bound(plain.len()));
        }
    }
}

/// Makes blocks that any reader can take at any time. About 300 KiB of memory.
///
/// # Examples
///
/// ```
/// use eventring::wire::deflate::{Independent, TAIL};
///
/// let mut encoder = Independent::default();
/// let (mut first, mut second) = (Vec::new(), Vec::new());
/// encoder.encode(b"the same", &mut first);
/// encoder.encode(b"the same", &mut second);
/// assert_eq!(first, second);
/// assert!(first.ends_with(&TAIL));
/// ```
pub struct Independent(Compressor);

impl Default for Independent {
    fn default() -> Self {
        Self(Compressor::new())
    }
}

impl Independent {
    /// One for many bytes that go to one reader: it takes a fifth of the time and compresses less.
    pub fn fast() -> Self {
        Self(Compressor::of_level(1))
    }

    /// Appends `plain`, at least one byte, as one block.
    pub fn encode(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        self.0.forget();
        self.0.encode(plain, out);
    }

    /// Appends `plain`, at least one byte, as a block that may refer to the last one and those that it
    /// refers to: for a reader that gets them all, with nothing in between.
    pub fn encode_linked(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        self.0.encode(plain, out);
    }
}
