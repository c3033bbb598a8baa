//! The state that the handles of one ring share: head, floor, permit, memory, wait lists, barrier, and the one lock.

use super::blocks::{MAX_READERS, Memory};
use super::builder::{Overflow, Start};
use super::error::{RingError, SubscribeError};
use super::head::Head;
use super::locked::Locked;
use super::multi::Claims;
use super::stage::{Barrier, Side};
use super::wait::{FencePair, WaitList, WaitStrategy};
use crate::sync::{AtomicU64, Mutex, Ordering, fence};
use crossbeam_utils::CachePadded;
use std::sync::Arc;

/// The first sequence that a gated reader still needs; [`u64::MAX`] if none.
pub(super) type Gate = CachePadded<AtomicU64>;

/// The settings of a ring, which do not change while it lives.
pub(super) struct RingConfig {
    /// The number of values that are kept: exactly what the user asked for, whatever blocks round to.
    pub(super) capacity: u64,
    /// The policy of publishers when a gate is in the way.
    pub(super) overflow: Overflow,
    /// The strategy of publishers that wait, and of readers that were not told otherwise.
    pub(super) strategy: WaitStrategy,
    /// True if values stay that every gate has passed.
    pub(super) retain: bool,
    /// True if publishers share the ring: then slots are stamped, and head is moved by who wants to know it.
    pub(super) many: bool,
    /// True if upstream handles release what everybody else may read.
    pub(super) staged: bool,
}

impl RingConfig {
    /// Returns whether somebody may wait for room: publishers that block, or who waits for a staged ring in their place.
    fn room_is_awaited(&self) -> bool {
        self.staged || matches!(self.overflow, Overflow::Block { .. })
    }
}

/// The state of one ring. Each handle (publisher, reader, [`Ring`](super::Ring)) holds it by an `Arc`.
///
/// Each field that is written while others read has a cache line of its own, by who writes it.
pub(super) struct Core<T> {
    pub(super) config: RingConfig,
    /// True if head is what its word says, to everybody: one publisher, and no barrier. What readers ask first, so that
    /// such a ring pays nothing for the others.
    is_plain: bool,
    /// True if moving a gate looks for somebody who waits for room.
    room_is_awaited: bool,
    pub(super) bounds: CachePadded<Bounds>,
    /// The publisher may write below this without the lock: at most to the end of the block that it writes in, and
    /// never above the slowest gate that it had seen + capacity. Raised by the publisher and revoked (0) by who joins,
    /// both under the lock.
    permit: CachePadded<AtomicU64>,
    /// The claims of a ring with several publishers; they have a permit of their own.
    pub(super) claims: CachePadded<Claims>,
    /// Readers that wait for head to move: on a staged ring those upstream.
    pub(super) readers: WaitList,
    /// Publishers that wait for a gate to move.
    pub(super) room: WaitList,
    /// The barrier of a staged ring, and the readers that wait for it to move.
    pub(super) barrier: Option<Box<Barrier>>,
    /// The blocks, and the directory that finds them.
    pub(super) memory: Memory<T>,
    /// Taken to join, to leave, to seek back, to trim, and to open a block: never to publish within one, or to read.
    pub(super) locked: Mutex<Locked<T>>,
}

/// The words that publishers write and readers read. One line, since who reads one of them needs head anyway. Nothing
/// that the publisher reads belongs here: a reader that follows closely takes the line away between any two publishes.
pub(super) struct Bounds {
    /// [`Head::word`], `next << 1 | closed`. Written by the publisher; with several of them, by whoever finds the next
    /// slots stamped. Only rises.
    pub(super) head: AtomicU64,
    /// The end of a ring of several publishers; [`u64::MAX`] while it is open.
    pub(super) last: AtomicU64,
    /// Sequences below it may lie in a block that has been taken, whatever head says. Only rises, by the publisher,
    /// under the lock.
    pub(super) floor: AtomicU64,
}

impl<T> Core<T> {
    pub(super) fn new(config: RingConfig, fences: FencePair) -> Result<Self, RingError> {
        let bounds = Bounds {
            head: AtomicU64::new(0),
            last: AtomicU64::new(u64::MAX),
            floor: AtomicU64::new(0),
        };
        Ok(Self {
            memory: Memory::new(config.capacity, config.many)?,
            is_plain: !config.many && !config.staged,
            room_is_awaited: config.room_is_awaited(),
            barrier: config.staged.then(|| Box::new(Barrier::new(fences))),
            config,
            bounds: CachePadded::new(bounds),
            permit: CachePadded::new(AtomicU64::new(0)),
            claims: CachePadded::new(Claims::new()),
            readers: WaitList::new(fences),
            room: WaitList::new(fences),
            locked: Mutex::new(Locked::new()),
        })
    }

    /// Returns head: with several publishers, as far as everything is stamped.
    #[inline(always)]
    pub(super) fn head(&self) -> Head {
        self.head_above(u64::MAX)
    }

    /// Returns head, or an earlier one above `cursor`.
    #[inline(always)]
    pub(super) fn head_above(&self, cursor: u64) -> Head {
        let head = self.load_head();
        // With one publisher head is what it says. With several, who has stamped left it to us to move it.
        if self.config.many && head.next <= cursor {
            return self.advance();
        }
        head
    }

    /// Returns how far a reader on this side of the barrier may read; or less, but above `cursor`, which is enough for
    /// one that cannot be overtaken.
    #[inline(always)]
    pub(super) fn bound_above(&self, side: Side, cursor: u64) -> Head {
        if self.is_plain {
            return self.load_head();
        }
        match &self.barrier {
            None => self.head_above(cursor),
            Some(barrier) => barrier.bound_above(self, side, cursor),
        }
    }

    /// Returns how far a reader on this side of the barrier may read.
    #[inline(always)]
    pub(super) fn bound(&self, side: Side) -> Head {
        self.bound_above(side, u64::MAX)
    }

    #[inline(always)]
    fn load_head(&self) -> Head {
        // Acquire: pairs with the Release in `store_head`, or in `advance`; the values below head are there.
        Head::of_word(self.bounds.head.load(Ordering::Acquire))
    }

    /// Returns whether a reader at `cursor` has a reason not to sleep.
    #[inline(always)]
    pub(super) fn is_ready(&self, side: Side, cursor: u64) -> bool {
        let head = self.bound_above(side, cursor);
        head.next > cursor || head.closed
    }

    /// Returns the list on which a reader sleeps.
    pub(super) fn sleepers(&self, side: Side) -> &WaitList {
        match &self.barrier {
            Some(barrier) if side == Side::Downstream => barrier.sleepers(),
            _ => &self.readers,
        }
    }

    /// Returns whether an upstream handle went before the end.
    pub(super) fn is_abandoned(&self) -> bool {
        let barrier = self.barrier.as_ref();
        barrier.is_some_and(|barrier| barrier.is_abandoned())
    }

    /// Loads the oldest sequence that is kept.
    #[inline(always)]
    pub(super) fn oldest(&self) -> u64 {
        // Acquire: pairs with the Release in `raise_floor`. The floor is never above the head that the publisher had
        // stored before, so head, loaded after, is not below it.
        let floor = self.bounds.floor.load(Ordering::Acquire);
        self.oldest_below(self.head().next).max(floor)
    }

    /// Returns whether a sequence is kept, to a reader that has just loaded head.
    #[inline(always)]
    pub(super) fn has_kept(&self, sequence: u64, head: u64) -> bool {
        // Relaxed: a floor that we miss here, the block's tag tells (see `Block::pin`).
        sequence >= self.oldest_below(head) && sequence >= self.bounds.floor.load(Ordering::Relaxed)
    }

    /// Returns the oldest sequence that the capacity keeps below a head.
    #[inline(always)]
    pub(super) fn oldest_below(&self, head: u64) -> u64 {
        head.saturating_sub(self.config.capacity)
    }

    /// Returns how many values can be read.
    pub(super) fn len(&self) -> u64 {
        let oldest = self.oldest();
        // Head only rises, and a batch that is being written may have raised the floor up to it. So does the barrier,
        // which the floor, and head - capacity, had not passed before.
        (self.bound(Side::Downstream).next - oldest).min(self.config.capacity)
    }

    /// Returns how many subscribers and groups there are.
    pub(super) fn reader_count(&self) -> usize {
        let locked = self.locked.lock();
        // An upstream handle pins, and is no subscription.
        locked.readers as usize - locked.upstream.len()
    }
}

/// The beginning of a ring whose first sequence is not 0. Before anybody else knows it, so that the order of these stores
/// means nothing.
#[cfg(feature = "hub")]
impl<T> Core<T> {
    /// Begins with the block in which a sequence lies; returns its first.
    pub(super) fn begin_before(&self, first: u64) -> u64 {
        let chunk = self.memory.chunk(first);
        let start = self.memory.start(chunk);
        self.store_head(start);
        self.locked.lock().begin_at(self, chunk);
        if let Some(barrier) = &self.barrier {
            barrier.raise(start);
        }
        start
    }
}

/// The publisher's side.
impl<T> Core<T> {
    /// Returns whether the publisher may write up to `end` (exclusive) without asking.
    #[inline(always)]
    pub(super) fn is_permitted(&self, end: u64) -> bool {
        // Relaxed: what memory safety needs was settled under the lock when the block was opened. A revocation that is
        // seen late lets a value through that was published beside the joining, not after it.
        end <= self.permit.load(Ordering::Relaxed)
    }

    /// Makes everything below `next` visible, and wakes who waits for it.
    #[inline(always)]
    pub(super) fn store_head_and_wake(&self, next: u64) {
        self.store_head(next);
        self.readers.wake(next);
    }

    /// Makes everything below `next` visible, and wakes nobody: the caller does, who has to release a lock first.
    #[inline(always)]
    pub(super) fn store_head(&self, next: u64) {
        // Release: pairs with the Acquire in `head`.
        self.bounds
            .head
            .store(Head::open(next).word(), Ordering::Release);
    }

    /// Ends the ring at `next`, and wakes everybody.
    pub(super) fn close(&self, next: u64) {
        self.store_end(next);
        self.readers.wake(u64::MAX);
        if let Some(barrier) = &self.barrier {
            barrier.wake();
        }
    }

    /// As [`close`](Self::close), and wakes nobody: see [`store_head`](Self::store_head).
    pub(super) fn store_end(&self, next: u64) {
        // The hot path looks at the permit only: without one it comes to where `closed` is asked for.
        self.revoke_permit();
        // Release: as in `store_head`.
        self.bounds
            .head
            .store(Head::closed(next).word(), Ordering::Release);
        if let Some(barrier) = &self.barrier {
            barrier.settle_end(self);
        }
    }

    /// Permits the publisher to write `next..end`, unless a gate stands in the way: then nothing has changed.
    ///
    /// Raises the floor to what is kept once `end` is reached, before any block changes its chunk: `end` is where the
    /// capacity is counted from.
    pub(super) fn grant(&self, end: u64) -> bool {
        let mut locked = self.locked.lock();
        if self.is_abandoned() || !locked.is_below_limit(self, end) {
            return false;
        }
        if end > locked.opened_end(self) {
            // Not above head, since no batch is longer than the capacity.
            locked.open_until(self, end, self.oldest_below(end));
        }
        // Not beyond the block of the last: the publisher that comes there has another block to find.
        let block = self.memory.start(self.memory.chunk(end - 1) + 1);
        self.permit
            .store(locked.limit.min(block), Ordering::Relaxed);
        true
    }

    /// Makes the publisher ask again before it writes any more.
    pub(super) fn revoke_permit(&self) {
        // Relaxed: a revocation that is seen late costs exactness, not safety; see `is_permitted`.
        self.permit.store(0, Ordering::Relaxed);
    }

    /// Lets go of the whole blocks below `before`, which is at most head, but for those that a gate needs. Returns how
    /// many blocks there are whose values may be taken out.
    pub(super) fn trim(&self, before: u64) -> usize {
        let mut locked = self.locked.lock();
        // I4: what a gate protects is not let go of.
        let before = before.min(locked.slowest_gate(self));
        let floor = self.memory.start(self.memory.chunk(before));
        locked.raise_floor(self, floor);
        locked.evicted.len()
    }

    /// Drops what every gate has passed, if one has moved from `passed` to another block, on a ring that does not
    /// retain.
    #[inline(always)]
    pub(super) fn drop_passed_above(&self, passed: u64, cursor: u64) {
        // At block boundaries only: blocks are what can be emptied.
        if !self.config.retain && self.memory.chunk(passed) != self.memory.chunk(cursor) {
            self.drop_passed();
        }
    }

    /// Drops what every gate has passed, in whole blocks: for rings that do not retain.
    ///
    /// Any reader may do it: what lies below all gates is nobody's, neither the publisher's nor a reader's.
    #[cold]
    pub(super) fn drop_passed(&self) {
        let mut values = Vec::new();
        for _ in 0..self.trim(self.head().next) {
            self.empty_one(&mut values);
            // Outside the lock, as all foreign code: a `Drop` may use the ring.
            values.clear();
        }
    }

    /// Moves the values of one block out that is below the floor. A block that readers have pinned becomes the last of
    /// the evicted ones.
    pub(super) fn empty_one(&self, values: &mut Vec<T>) {
        let mut locked = self.locked.lock();
        let Some(block_ref) = locked.evicted.pop_front() else {
            return;
        };
        // SAFETY: the references in `Locked` are of our memory.
        let block = unsafe { self.memory.at(block_ref) };
        if !block.retire() {
            locked.evicted.push_back(block_ref);
            return;
        }
        locked.trimmed.push(block_ref);
        // SAFETY: we have the lock, and the block is retired.
        unsafe { block.empty_into(values) };
    }
}

/// Several publishers: who has stamped moves nothing, who wants to know head moves it over what is stamped.
impl<T> Core<T> {
    /// Moves head over everything that is stamped, and returns it.
    pub(super) fn advance(&self) -> Head {
        let mut head = self.load_head();
        while !head.closed {
            let end = self.memory.stamped_until(head.next);
            // Acquire: pairs with the Release in `close_claims`.
            let last = self.bounds.last.load(Ordering::Acquire);
            let next = Head {
                next: end,
                closed: end == last,
            };
            if next == head {
                // Who came late looks for a stamp in a block that was taken meanwhile. What it found there instead was
                // stored after head had moved on.
                let now = self.load_head();
                if now == head {
                    break;
                }
                head = now;
                continue;
            }
            // Release: as in `store_head`, for values that we acquired by their stamps, or by the head we start from.
            match self.bounds.head.compare_exchange(
                head.word(),
                next.word(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => head = next,
                // Relaxed: what another stored is loaded again, with Acquire.
                Err(_) => head = self.load_head(),
            }
        }
        head
    }

    /// Wakes who waits for what has just been stamped.
    #[inline(always)]
    pub(super) fn wake_for_stamped(&self) {
        if self.readers.has_sleepers() {
            self.advance_and_wake();
        }
    }

    #[cold]
    #[inline(never)]
    fn advance_and_wake(&self) {
        // SeqCst fence: pairs with itself on another publisher. Of two that stamp at once, one sees both stamps;
        // without it neither might, and a sleeper that waits for the later one would not be told.
        fence(Ordering::SeqCst);
        self.readers.wake(self.advance().wakes_below());
    }

    /// Ends the ring: nothing more is claimed, and head is closed once all that was claimed is stamped.
    pub(super) fn close_claims(&self) {
        let Some(last) = self.claims.close() else {
            return;
        };
        // Release: pairs with the Acquire in `advance`; for what happened before closing.
        self.bounds.last.store(last, Ordering::Release);
        // SeqCst fence: pairs with the one in `advance_and_wake`, or whoever stamps last and we might miss each other.
        fence(Ordering::SeqCst);
        self.advance();
        self.readers.wake(u64::MAX);
        if let Some(barrier) = &self.barrier {
            barrier.settle_end(self);
            barrier.wake();
        }
        // Publishers too: who waits for room learns that there is nothing to wait for.
        self.room.wake(u64::MAX);
    }
}

/// The readers' side.
impl<T> Core<T> {
    /// Counts a reader.
    pub(super) fn join(&self) -> Result<(), SubscribeError> {
        let mut locked = self.locked.lock();
        if locked.readers == MAX_READERS {
            return Err(SubscribeError::TooManyReaders);
        }
        locked.readers += 1;
        Ok(())
    }

    /// Counts a publisher, unless there is none left and the caller is none either.
    pub(super) fn join_publisher(&self, is_one: bool) -> bool {
        let mut locked = self.locked.lock();
        let may = is_one || locked.publishers > 0;
        locked.publishers += usize::from(may);
        may
    }

    /// Uncounts a publisher; true if it was the last.
    pub(super) fn leave_publisher(&self) -> bool {
        let mut locked = self.locked.lock();
        locked.publishers -= 1;
        locked.publishers == 0
    }

    /// Uncounts a reader, and lets publishers pass its gate.
    pub(super) fn leave(&self, gate: Option<&Arc<Gate>>) {
        let mut locked = self.locked.lock();
        locked.readers -= 1;
        let Some(gate) = gate else { return };
        locked.gates.retain(|other| !Arc::ptr_eq(other, gate));
        // Without another gate values stay for the reader that comes.
        let others = !locked.gates.is_empty();
        // Before waking: a publisher that wakes up takes the lock first.
        drop(locked);
        self.wake_publishers();
        if others && !self.config.retain {
            self.drop_passed();
        }
    }

    /// Adds a gate that stands nowhere yet.
    pub(super) fn add_gate(&self) -> Result<Arc<Gate>, SubscribeError> {
        if self.config.overflow == Overflow::Overwrite {
            return Err(SubscribeError::GatesNotAllowed);
        }
        // It holds nobody back until a cursor is placed.
        let gate = Arc::new(CachePadded::new(AtomicU64::new(u64::MAX)));
        self.locked.lock().gates.push(gate.clone());
        Ok(gate)
    }

    /// Finds the sequence where a cursor starts; with a gate, holds it there from now on.
    ///
    /// Under the lock: the publisher takes blocks only under it, so either it sees the gate, or we see the floor.
    pub(super) fn place(&self, start: Start, gate: Option<&Gate>) -> Result<u64, SubscribeError> {
        let mut locked = self.locked.lock();
        let oldest = self.oldest();
        let head = self.bound(Side::Downstream).next;
        let position = match start {
            Start::Newest => head,
            Start::Oldest => oldest,
            Start::At(sequence) if sequence > head => {
                return Err(SubscribeError::InFuture { head });
            }
            Start::At(sequence) => sequence,
        };
        let Some(gate) = gate else {
            return Ok(position);
        };
        if position < oldest && position < gate.load(Ordering::Relaxed) {
            return Err(SubscribeError::TooOld { oldest });
        }
        // The gate is written by its owner only, who is here.
        gate.store(
            position.min(gate.load(Ordering::Relaxed)),
            Ordering::Release,
        );
        self.revoke_limit(&mut locked);
        drop(locked);
        Ok(position)
    }

    /// Holds a new gate at a position that another gate does not pass as long as the caller borrows its reader.
    pub(super) fn place_gate(&self, gate: &Gate, position: u64) {
        let mut locked = self.locked.lock();
        gate.store(position, Ordering::Release);
        self.revoke_limit(&mut locked);
    }

    /// Makes publishers look at the gates before they go on.
    pub(super) fn revoke_limit(&self, locked: &mut Locked<T>) {
        locked.limit = 0;
        if self.config.many {
            self.claims.revoke_permit();
        } else {
            self.revoke_permit();
        }
    }

    /// Lets publishers write what lies a lap above `position`.
    #[inline(always)]
    pub(super) fn move_gate(&self, gate: &Gate, position: u64) {
        // Release: pairs with the Acquire in `slowest`; what was read happens before it is written over.
        gate.store(position, Ordering::Release);
        self.wake_publishers();
    }

    #[inline(always)]
    pub(super) fn wake_publishers(&self) {
        // Only a ring that blocks has publishers that sleep.
        if self.room_is_awaited {
            self.room.wake(u64::MAX);
        }
    }
}
