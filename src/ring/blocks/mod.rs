//! The blocks that hold the values of a ring: the only raw memory, and the contracts under which it may be touched.

mod block;
mod memory;
mod slot;
mod write_block;

pub(in crate::ring) use block::{Block, MAX_READERS, Run};
pub(in crate::ring) use memory::{BlockRef, Memory};
pub use slot::{Filled, Reused, Slot, Vacant};
pub(in crate::ring) use write_block::WriteBlock;
