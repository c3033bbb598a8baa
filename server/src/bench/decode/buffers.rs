//! The buffers that all clients decode with, so that none of them holds much.

use super::gunzip::INFLATED;
use eventring::wire::ws::Scratch;

/// Buffers that one client uses at a time.
pub(crate) struct Buffers {
    pub(crate) inflated: Vec<u8>,
    pub(crate) frames: Scratch,
}

impl Buffers {
    pub(crate) fn new() -> Buffers {
        Buffers {
            inflated: Vec::with_capacity(INFLATED),
            frames: Scratch::new(),
        }
    }
}
