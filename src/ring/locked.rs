//! The state that the lock of a ring guards: what joining, leaving and opening a block change.

use super::blocks::BlockRef;
use super::core::{Core, Gate};
use crate::sync::{AtomicU64, Ordering};
use std::collections::VecDeque;
use std::sync::Arc;

/// The state of a ring that only the holder of its lock reads and writes.
pub(super) struct Locked<T> {
    /// The gates of all gated readers; publishers wait for the slowest.
    pub(super) gates: Vec<Arc<Gate>>,
    /// Those of the gates that upstream handles hold: the barrier stands at the slowest of them.
    pub(super) upstream: Vec<Arc<Gate>>,
    /// The number of handles that may pin: subscribers and groups.
    pub(super) readers: u32,
    /// The number of handles that share the publishing; the last one closes the ring.
    pub(super) publishers: usize,
    /// The value of `Bounds::floor`. A copy, so that the word is written and never loaded under the lock.
    floor: u64,
    /// The sequence at which the gates stopped publishers when they were last looked at: not above where they do now. 0
    /// after somebody joined, so that its gate is looked at before anything else is permitted.
    pub(super) limit: u64,
    /// First chunk that has no block yet.
    opened: u64,
    /// The blocks of the chunks below `opened` that are not wholly below the floor, oldest first.
    live: VecDeque<BlockRef<T>>,
    /// Blocks below the floor, oldest first; readers may still have them pinned.
    pub(super) evicted: VecDeque<BlockRef<T>>,
    /// Blocks below the floor whose values have been trimmed: no reader can pin them any more.
    pub(super) trimmed: Vec<BlockRef<T>>,
}

impl<T> Locked<T> {
    /// Makes the state of a ring with one publisher and no reader.
    pub(super) fn new() -> Self {
        Self {
            gates: Vec::new(),
            upstream: Vec::new(),
            readers: 0,
            publishers: 1,
            floor: 0,
            limit: 0,
            opened: 0,
            live: VecDeque::new(),
            evicted: VecDeque::new(),
            trimmed: Vec::new(),
        }
    }

    /// Begins at a chunk. Only before anything was opened.
    #[cfg(feature = "hub")]
    pub(super) fn begin_at(&mut self, core: &Core<T>, chunk: u64) {
        self.opened = chunk;
        self.raise_floor(core, core.memory.start(chunk));
    }

    /// Loads the slowest gate; [`u64::MAX`] without one.
    ///
    /// The barrier of a staged ring is one of them: what nobody downstream may have read yet is not written over, also
    /// while there is no upstream handle yet, or none any more.
    pub(super) fn slowest_gate(&self, core: &Core<T>) -> u64 {
        let barrier = core.barrier.as_ref();
        let barrier = barrier.map_or(u64::MAX, |barrier| barrier.head().next);
        slowest(&self.gates).min(barrier)
    }

    /// Loads the slowest gate of an upstream handle; [`u64::MAX`] without one.
    pub(super) fn slowest_upstream(&self) -> u64 {
        slowest(&self.upstream)
    }

    /// Adds the gate of an upstream handle.
    pub(super) fn add_upstream(&mut self, position: u64) -> Arc<Gate> {
        let gate = Arc::new(Gate::new(AtomicU64::new(position)));
        self.gates.push(gate.clone());
        self.upstream.push(gate.clone());
        gate
    }

    /// Removes the gate of an upstream handle; true if there are others.
    pub(super) fn remove_upstream(&mut self, gate: &Arc<Gate>) -> bool {
        for gates in [&mut self.gates, &mut self.upstream] {
            gates.retain(|other| !Arc::ptr_eq(other, gate));
        }
        !self.upstream.is_empty()
    }

    /// Returns whether no gate keeps publishers from writing up to `end`.
    pub(super) fn is_below_limit(&mut self, core: &Core<T>, end: u64) -> bool {
        // Gates only move up, so an old limit errs on the safe side: the lines of all readers are touched only when it
        // is used up: once a lap where readers keep up, not once a block.
        if end > self.limit {
            self.limit = self.slowest_gate(core).saturating_add(core.config.capacity);
        }
        end <= self.limit
    }

    /// Returns the end of the opened blocks.
    pub(super) fn opened_end(&self, core: &Core<T>) -> u64 {
        core.memory.start(self.opened)
    }

    /// Opens blocks up to `end`, which is at most the limit: so `floor`, which is `end - capacity`, is not above any
    /// gate. It is at most head.
    pub(super) fn open_until(&mut self, core: &Core<T>, end: u64, floor: u64) {
        // First: whoever finds a block taken counts what it missed by the floor.
        self.raise_floor(core, floor);
        while self.opened_end(core) < end {
            self.open(core);
        }
    }

    /// Gives the next chunk a block: one that nobody reads, else a new one.
    fn open(&mut self, core: &Core<T>) {
        let chunk = self.opened;
        // A lossy reader never makes the publisher wait: where all old blocks are pinned, memory grows by one.
        let block = self
            .reuse(core, chunk)
            .unwrap_or_else(|| core.memory.allocate(chunk));
        core.memory.install(chunk, block);
        self.live.push_back(block);
        self.opened += 1;
    }

    /// Takes a block that no reader has pinned.
    fn reuse(&mut self, core: &Core<T>, chunk: u64) -> Option<BlockRef<T>> {
        // SAFETY: the references in `Locked` are of the ring's memory.
        let take = |block_ref: BlockRef<T>| unsafe { core.memory.at(block_ref) }.take(chunk);
        // Trimmed blocks first, which hold nothing that would have to be dropped; then the oldest, whose readers have
        // had most time to leave it.
        if let Some(at) = self.trimmed.iter().rposition(|&block_ref| take(block_ref)) {
            return Some(self.trimmed.swap_remove(at));
        }
        let at = self.evicted.iter().position(|&block_ref| take(block_ref))?;
        self.evicted.remove(at)
    }

    /// Raises the floor, and moves the blocks below it from the live to the evicted ones.
    pub(super) fn raise_floor(&mut self, core: &Core<T>, floor: u64) {
        // After a `trim` it may stand higher already; it never goes back.
        if floor <= self.floor {
            return;
        }
        let first = self.opened - self.live.len() as u64;
        self.floor = floor;
        // Release: pairs with the Acquire in `oldest`. It comes before any block is taken, so that who finds a
        // block taken finds the floor raised.
        core.bounds.floor.store(floor, Ordering::Release);
        let passed = core
            .memory
            .chunk(floor)
            .min(self.opened)
            .saturating_sub(first);
        self.evicted.extend(self.live.drain(..passed as usize));
    }
}

fn slowest(gates: &[Arc<Gate>]) -> u64 {
    // Acquire: pairs with the Release in `move_gate`.
    let gates = gates.iter().map(|gate| gate.load(Ordering::Acquire));
    gates.min().unwrap_or(u64::MAX)
}
