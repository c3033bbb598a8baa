//! The ring: any number of cursors on one order of values, which are read in place.
//!
//! A [`Publisher`], or several [`SharedPublisher`]s, write values into slots, in one order. Everybody who reads has a
//! cursor: there is no queue per reader, nothing is copied, and a reader that is slow falls behind by a number, and is
//! told. Two kinds of readers share one ring:
//!
//! - A *lossy* reader never holds the publisher back. Overtaken, it gets [`Lagged`] with exact numbers once, and goes
//!   on from the oldest value that is kept.
//! - A *gated* reader loses nothing. Once it is a whole capacity behind, the publisher waits or is refused, as the
//!   ring's [`Overflow`] says.
//!
//! ```
//! use eventring::ring::{Builder, Overflow, Start, TryRecvError};
//!
//! let (mut publisher, ring) = Builder::new(100).overflow(Overflow::Reject).build().unwrap();
//! let mut lossy = ring.subscribe(Start::Newest).unwrap();
//! let mut gated = ring.subscribe_gated(Start::Newest).unwrap();
//! publisher.publish("a").unwrap();
//! publisher.publish_batch(["b", "c"]).unwrap();
//! assert_eq!(*lossy.try_recv().unwrap(), "a");
//! gated.drain(usize::MAX, |first, values| assert_eq!((first, values), (0, &["a", "b", "c"][..]))).unwrap();
//! publisher.close();
//! assert_eq!(gated.try_recv().unwrap_err(), TryRecvError::Closed { abandoned: false });
//! ```
//!
//! # Which publisher, which reader
//!
//! | you have | take |
//! | --- | --- |
//! | one thread that publishes | [`Publisher`], from [`channel`] or [`Builder::build`] |
//! | several, and an order for each is enough | [`Lanes`]: a ring each, read together |
//! | several in one order, with something to check or to build in place under a lock anyway | a lock around a [`Publisher`] |
//! | several in one order, and nobody shall wait for somebody else's lock | [`SharedPublisher`] |
//! | a reader that shall see everything, and may hold publishers back | [`Ring::subscribe_gated`] |
//! | a reader that shall hold nobody back, and can be told of a gap | [`Ring::subscribe`] |
//! | a reader without whose consent nobody else shall see a value: a journal, a replica | [`Ring::upstream`], on a [staged](Builder::staged) ring |
//! | many cursors on one thread | [`Ring::group`], [`Ring::group_gated`] |
//! | a thread that waits for several rings | [`Select`]; for sockets as well: [`Ring::waiter`] |
//! | tasks | `recv_async`, `publish_async`, or the subscriber as a `Stream` (feature `async`) |
//!
//! **A publisher that loses its processor** half way delays others, and how depends on the kind. A `Publisher` that is
//! interrupted before head is stored delays what it was about to show, and nothing else: readers read on, and sleep. Of
//! publishers behind a lock, all others wait for the one that was interrupted inside it; readers see everything
//! published so far. A `SharedPublisher` that is interrupted between claim and stamp stops no publisher for up to a
//! lap, but readers see nothing from its sequence on until it goes on. Lanes wait for nobody.
//!
//! # Waiting
//!
//! Each subscriber chooses what its thread does while nothing is there ([`WaitStrategy`]); publishers of a ring that
//! [blocks](Overflow::Block) do what the [`Builder`] was told. Who does not wait in the list costs publishers nothing.
//!
//! | strategy | while it waits | when to take it |
//! | --- | --- | --- |
//! | `BusySpin` | its core is taken | a core to itself, and every 100 ns count |
//! | `Yield` | its core is taken, but for threads that can run | more threads than cores, and short waits |
//! | `Park` | spins 2 us, then sleeps; a wake-up takes as long as the kernel likes, tens of microseconds | everything else: the default |
//!
//! `cargo bench --bench ring -- 'round trip'` measures them on your machine: a value there and one back.
//!
//! # Lag
//!
//! A lossy reader is as far behind as [`Subscriber::lag`] says. That is a measurement, and nothing is wrong with it
//! until the publisher has gone round and written over what was not read. The reader is told then, once, and exactly:
//!
//! ```
//! use eventring::ring::{self, Lagged, Start, TryRecvError};
//!
//! let (mut publisher, ring) = ring::channel(4).unwrap();
//! let mut slow = ring.subscribe(Start::Newest).unwrap();
//! for value in 0..4 {
//!     publisher.publish(value).unwrap();
//! }
//! assert_eq!(slow.lag(), 4, "a whole ring behind, and nothing is lost");
//! publisher.publish(4).unwrap();
//! publisher.publish(5).unwrap();
//! let lagged = Lagged { missed: 2, resume_at: 2 };
//! assert_eq!(slow.try_recv().unwrap_err(), TryRecvError::Lagged(lagged));
//! assert_eq!(*slow.try_recv().unwrap(), 2, "and on from the oldest that is kept");
//! ```
//!
//! A [`Ref`] or a [`Batch`] in a reader's hands is never written over, however far the publisher goes on meanwhile: it
//! leaves the block to its reader and takes another. A gated reader is never told anything of the sort, since the
//! publisher waits for it.
//!
//! # Stages
//!
//! What must happen to a value before anybody sees it (it is written to disk, it is copied to another machine) is a
//! *stage*. A ring that was built [`staged`](Builder::staged) has a **barrier**: [`Upstream`] handles read up to head,
//! and [release](Upstream::release) what they are done with; the barrier stands at the minimum of what all of them have
//! released, and everybody else is *downstream* and reads up to there. Several handles are stages side by side.
//!
//! ```
//! use eventring::ring::{Builder, Overflow, Start, TryRecvError};
//!
//! let builder = Builder::new(100).overflow(Overflow::Reject).staged();
//! let (mut publisher, ring) = builder.build().unwrap();
//! let (mut journal, mut replica) = (ring.upstream().unwrap(), ring.upstream().unwrap());
//! let mut reader = ring.subscribe(Start::Newest).unwrap();
//! publisher.publish_batch(["a", "b"]).unwrap();
//! publisher.close();
//!
//! journal.drain(usize::MAX, |_first, values| println!("written: {values:?}")).unwrap();
//! journal.release(2).unwrap();
//! assert_eq!((ring.head(), ring.visible()), (2, 0), "one of two");
//! replica.drain(1, |_first, values| println!("copied: {values:?}")).unwrap();
//! replica.release(1).unwrap();
//! assert_eq!(*reader.try_recv().unwrap(), "a");
//! assert_eq!(reader.try_recv().unwrap_err(), TryRecvError::Empty, "closed, but not for it");
//!
//! replica.drain(1, |_first, _values| ()).unwrap();
//! replica.release(2).unwrap();
//! assert_eq!(*reader.try_recv().unwrap(), "b");
//! assert_eq!(reader.try_recv().unwrap_err(), TryRecvError::Closed { abandoned: false });
//! ```
//!
//! - Downstream are all readers and whatever is made of them: lossy and gated subscribers, groups, iterators, futures,
//!   [`Select`], [`Ring::waiter`]. Positions follow: [`Start::Newest`] is the barrier, `InFuture` begins behind it,
//!   [`lag`](Subscriber::lag) counts up to it, and so does [`Ring::visible`], while [`Ring::head`] stays head.
//! - [`SharedPublisher`] and [`Lanes`] (a barrier for each lane) have stages as well.
//! - Upstream holds publishers back as a gated reader does, but by what it has released: the ring has to
//!   [block](Overflow::Block) or [reject](Overflow::Reject). Before the first handle is made the barrier stands at 0.
//! - A lossy reader downstream may get values that are older than the capacity, as long as their block is there:
//!   looking at head would cost it the publisher's cache line. When it is told of a lag, the numbers are exact.
//! - The end comes last: `Closed` is what a reader downstream gets when the barrier has reached the end of a closed
//!   ring. A handle that is dropped before, as when its thread panics, *abandons* the ring: publishers find it closed,
//!   and readers downstream get `Closed { abandoned: true }` at the barrier.
//!
//! Rings without stages do not know of all that: their readers look at one flag for "several publishers" and "staged".
//!
//! # Closing
//!
//! Only the publishing side closes: by `close`, or by dropping the publisher (of several, the last one). What is kept
//! stays readable, for those who subscribe afterwards too, and `Closed` comes after the last value:
//!
//! ```
//! use eventring::ring::{self, Start, TryRecvError};
//!
//! let (mut publisher, ring) = ring::channel(4).unwrap();
//! publisher.publish("last").unwrap();
//! drop(publisher);
//! assert!(ring.is_closed());
//! let mut late = ring.subscribe(Start::Oldest).unwrap();
//! assert_eq!(*late.try_recv().unwrap(), "last");
//! assert_eq!(late.try_recv().unwrap_err(), TryRecvError::Closed { abandoned: false });
//! ```
//!
//! # What is kept
//!
//! The last `capacity` values: exactly as many as were asked for, counted from where the publisher writes. A batch
//! evicts while it is written. [`Publisher::trim`] lets go of more, in whole blocks.
//!
//! Slots come in blocks of `K`, allocated when first needed: a ring takes `ceil(capacity / K) + 1` of them at most, and
//! one more for each reader that has one pinned at the moment when the publisher comes round. `K` is 64 in most rings:
//! more where that is a quarter of the ring and 8 KiB at most, and fewer in a smaller ring. A value stays in its slot
//! until it is written over; it is dropped then, after the new head is visible, or with the ring.
//!
//! # Memory
//!
//! With `2^` for "rounded up to a power of two",
//! `K = min(2^capacity, max(64, min(2^(capacity / 4), 2^(8192 / size_of::<T>()))))`
//! slots a block, and `B = ceil(capacity / K) + 1` blocks, a ring takes at most about
//!
//! ```text
//! B * (K * size_of::<T>() + 384)  + 8 * (B rounded up to a power of two)  + 1 KiB
//! B * K * 8                       more with several publishers, for the stamps
//! K * size_of::<T>() + 384        more for each block that readers hold pinned while the publisher goes round
//! ```
//!
//! and what the values own. A subscriber has some hundred bytes, a gated one 128 more for its gate; a cursor in a
//! [`ReaderGroup`] has 12. Blocks come as they are needed and go with the ring.
//!
//! # How it works
//!
//! | where | what |
//! | --- | --- |
//! | `core`, `head`, `locked` | the state that all handles share; its head; what its one lock guards |
//! | `blocks` | slots, stamps, pins, the directory: the raw memory |
//! | `publish`, `multi` | one publisher with its permit; several, with claims and stamps |
//! | `read` | readers with a pin or a gate, and what is made of them: subscribers, groups, batches, futures |
//! | `stage` | the barrier of a staged ring, and the handles upstream of it |
//! | `wait` | spinning, the list of sleepers, the two fences, [`Select`] |
//!
//! `head` is the next sequence. A sequence belongs to a chunk (`sequence / K`), a chunk is written into a block, and
//! the block's `state` says which chunk that is, and how many readers have it pinned. The publisher takes a block for
//! another chunk only from "no readers", by compare-exchange; a block that is pinned is left to its readers, and
//! another one, in the end a new one, takes its place. So a lossy reader never makes the publisher wait. A gated reader
//! pins nothing: the publisher does not take what lies at or above a gate.
//!
//! Within a block the publisher touches no lock: it may write below `permit`, which ends with the block (while a batch
//! is written: with the batch's last block), and never exceeds the slowest gate + capacity. Opening a block, joining,
//! leaving and seeking back go through one lock (`locked`). Gates are looked at when the limit that the last look gave
//! is used up. Joining revokes permit and limit, so that a new gate counts at once.
//!
//! Cache lines are laid out by who writes: a reader that follows closely takes head's line away between any two
//! publishes, so the publisher reads nothing from it. (With the permit on that line a spinning round trip took half as
//! long again.)
//!
//! The invariants; the models in `loom-tests` are named after them:
//!
//! - **I1** A slot at or above head is touched by the publisher alone. A slot below head holds its value.
//! - **I2** A block with a pin on it is not taken. A reader that pinned a block and found its chunk reads that chunk.
//! - **I3** `floor` rises, under the lock, before a block below it is taken; nothing at or above it ever is. It is at
//!   most head, and at most any gate.
//! - **I4** A gate stands at or below what its reader still reads. Placing one takes the lock, and needs a position at
//!   or above `floor`, or at or above another gate of the same owner. So nothing that a gate protects is taken.
//! - **I5** A reader that was overtaken finds `floor`, or head - capacity, above its cursor, and at most head: `Lagged`
//!   counts right.
//! - **I6** Whoever sleeps has seen no reason not to *after* it was counted as asleep, and whoever makes a reason looks
//!   at that count *after*.
//! - **I7** Blocks are freed with the ring only. The first `filled` slots of a block hold values, and no others.
//! - **I8** With several publishers: a sequence is claimed once, written by its owner alone, and then stamped. Head
//!   passes no sequence that is not stamped, and `floor` never passes head: so a block is given to another chunk only
//!   when it is stamped throughout, and no two publishers meet in one slot.
//! - **I9** The barrier only rises, is at most head, and at most what each upstream handle has released when it moves by
//!   a release. It is a gate: `floor` and head - capacity do not pass it. Nobody downstream reads at or above it. It is
//!   closed when it stands at the end of a closed ring, or for good when the ring was abandoned.
//!
//! # Orderings
//!
//! | access | ordering | partner | why |
//! | --- | --- | --- | --- |
//! | `head` store (`store_head`, `store_end`) | Release | `head` load | I1: what is below head was written before |
//! | `head` load | Acquire | `head` store | |
//! | `state` `fetch_add` (`pin`) | Acquire | `state` compare-exchange | I5: who finds another chunk finds the floor raised |
//! | `state` `fetch_sub` (`unpin`) | Release | `state` compare-exchange | I2: our reads happen before the next writes |
//! | `state` compare-exchange (`take`) | AcqRel | both of the above | Acquire for the reads, Release for the floor |
//! | `state` `fetch_sub` after a failed pin | Relaxed | none | nothing was read; as an RMW it stays in the release sequence |
//! | directory store (`install`) | Release | directory load | I7: a block's fields are there before its address |
//! | directory load (`find`) | Acquire | directory store | |
//! | `floor` store | Release | `floor` load in `oldest` | I5: head, loaded after, is not below the floor |
//! | `floor` load in `oldest` | Acquire | `floor` store | |
//! | `floor` load in `has_kept` | Relaxed | none | a floor missed here shows in the block's tag, which is acquired |
//! | gate store (`move_gate`) | Release | gate load | I4: our reads happen before the slot is written over |
//! | gate load (`slowest_gate`) | Acquire | gate store | |
//! | `permit` load and store | Relaxed | none | I2 to I4 were settled under the lock when the block was opened |
//! | `stamp` store | Release | stamp load in `stamped_until` | I8: the value is there before its stamp, and the rest of its batch |
//! | stamp load in `stamped_until` | Acquire | stamp store | |
//! | stamp load in `fill` | Relaxed | none | the stamp of an earlier lap came with the permit |
//! | stamp store in `empty_into` | Release | stamp load in `stamped_until` | who looks too late finds head moved on |
//! | `head` compare-exchange (`advance`) | Release | `head` load | I1, for values acquired by their stamps |
//! | claim: load, compare-exchange, closing | Relaxed | none | it hands over a number; the slots come with the permit |
//! | claims' `permit` store, load | Release, Acquire | each other | I8: a slot's last readers and writer happen before its next writer |
//! | `last` store, load | Release, Acquire | each other | what happened before closing |
//! | barrier compare-exchange (`raise`) | AcqRel | barrier `load`, itself | I9: who releases has acquired the values from head |
//! | barrier load (`head`, `is_abandoned`) | Acquire | barrier compare-exchange | I1, for values downstream |
//! | barrier `fetch_add(0)`, compare-exchange (`settle_end`) | AcqRel | each other, `raise` | the end, below |
//! | barrier compare-exchange (`abandon`) | AcqRel | barrier load | what happened before leaving |
//! | `asleep` load, after a store that somebody waits for | `light` between | `heavy` in `arm` | I6, below |
//! | entry `state` store (`take_due`) | Release | load in `park` | what the waker did happens before we go on |
//!
//! **Why a pin holds (I2).** All changes of one `state` word have one order, and each is an RMW. Take a pin that found
//! its chunk, and a compare-exchange that gives the block to another. If the latter came first in that order, the pin
//! would have read its tag. So the pin came first, and the compare-exchange, which needs a count of zero, comes after
//! the matching unpin. It reads a word in the release sequence of that unpin (only RMWs follow it), with Acquire: the
//! reads between pin and unpin happen before everything the publisher writes afterwards.
//!
//! **Why the count stays a count.** It has 20 bits. A handle has one pin at most, in the handle and not in a guard, so
//! that a forgotten [`Ref`] cannot add up; a failed pin is undone before the next one. Handles are counted under the
//! lock, and the 2^20th is refused. Chunks are compared modulo 2^44: a reader would have to sleep for 2^43 blocks
//! between its look at the floor and its pin to be deceived.
//!
//! **Why a gate holds (I3, I4).** Blocks are taken under the lock, in `grant`, up to a limit that came from loading
//! every gate under the lock, there or in an earlier call: so none is below the floor that it raises. A gate that is
//! placed later is placed under the lock too, finds the raised floor, must stand at or above it, and voids the limit.
//! Between, a gate only moves up. The publisher's writes at and above head go to blocks taken that way; what `permit`
//! allows without the lock lies in the same blocks. A revocation that the publisher sees late lets it write into a
//! block that is its own already: it costs exactness for a value published *beside* the joining, never a value that a
//! gate protects. A batch gets its room, its floor and all its blocks at once, before anything is written, and nothing
//! can fail after that but the caller's code: see "why panics do no harm".
//!
//! **Why nobody sleeps through (I6).** The sleeper stores `asleep`, fences, loads the condition. The waker stores the
//! condition, fences, loads `asleep`. SeqCst fences have one order; whose fence comes second sees the other's store. If
//! it is the sleeper, it does not sleep. If it is the waker, it takes the list's lock, which the sleeper held when it
//! stored, and finds the entry. On Linux the waker's fence is one for the compiler only, and the sleeper's makes every
//! running thread of the process execute one (`membarrier(2)`, private expedited): the waker's store and load lie both
//! before that point, so that the sleeper sees the store, or the load lies after it and sees the sleeper. (A thread
//! that does not run at that moment has passed a barrier when it was switched out.) The process registers when a ring
//! is made, and tries it once; where that fails the ring uses fences. Should it fail later, as under a filter on system
//! calls that was set since, the sleeper looks again every millisecond, and a foreign waker at once. In a forked child
//! it would fail too: a ring does not go on there. Since publishing may be without any fence, no other ordering leans
//! on it; the models that do not sleep run without. The condition of a reader is head; the one of a blocked publisher
//! is the gates, which it loads under the lock, and which a leaving reader changes under the lock before it looks at
//! `asleep`. A waker that has to release a lock of its own first, as a hub has, looks at `asleep` before that, directly
//! behind its store; only that it takes the list's lock comes later, and finds the entry, or that somebody else has
//! woken it.
//!
//! **Why no two publishers meet in one slot (I8).** Sequences are handed out by compare-exchange on one word, so two
//! owners of one slot are a lap or more apart. A claim needs a permit above it, and the permit a block opened for its
//! chunk. Opening raises the floor to `end - capacity`, in `Claims::grant`, only after head has reached it; the chunk
//! whose block is taken lies below, so each of its sequences was stamped. The later owner comes after the earlier one:
//! stamp (Release), whoever moved head over it (Acquire, Release), who opened the block (Acquire; permit Release), the
//! later owner's claim (permit Acquire). The directory entry of a claimed chunk stays until head has passed the claim,
//! for the same reason. Readers load head as ever: they see none of this, but that one who has read up to head looks at
//! the stamps behind it, and moves it. A batch stamps its first slot last, so head goes over all of it at once.
//!
//! **Why nothing is read before the barrier passes it (I9).** The word of the barrier is changed by read-modify-writes
//! only, upwards, and by callers that had loaded a head above where they move it, or are the publisher. So a chain leads
//! from a slot's write over head (Release, Acquire) and the barrier (Release, Acquire) to a read downstream. Of handles
//! that release at once the later one under the lock stores the minimum of both. The barrier is a gate, loaded with the
//! others under the lock, and a head above `barrier + capacity` is stored after that: a lossy reader that finds itself
//! overtaken loads floor and head first and the barrier after, which is not below `oldest` then. Its cursor never stands
//! above the barrier.
//!
//! **Why the end comes last, and comes.** Who ends the ring stores head and then changes the barrier's word (by 0, if
//! nothing is to be changed); who moves the barrier changes the word and then loads head. The word's changes have one
//! order. Is the one of who ends it later, it finds the barrier at the end and closes it. Is it earlier, the other reads
//! from it (AcqRel), and so finds head closed. A plain load in place of the `fetch_add` would let both miss each other.
//!
//! **Why an abandoned ring stands.** The barrier's word is closed first, so no release counts after it. The permit is
//! revoked under the lock, and none is given any more; the barrier stays a gate, so what lies below it stays as well.
//!
//! **Why somebody moves head.** A sleeper's condition looks at the stamps itself. A publisher that finds somebody
//! asleep moves head and wakes by it. Two that stamp at once might each miss the other's stamp, hence one more SeqCst
//! fence on that path: whose comes second sees both.
//!
//! **Why panics do no harm.** `next` is the publisher's own until head is stored. A closure or iterator that panics, or
//! that ends too early, leaves values in slots at or above head: they count as filled (I7), and are reused or dropped
//! like those of an earlier lap. A batch over several blocks is permitted up to the end of the last one, while the
//! publisher's write block is still the first: a guard that lives from before the first value to after the last revokes
//! the permit on every way out but the whole one, so that whoever publishes next asks again, and finds the block of
//! `next` among those that are open. Between the permit and the guard runs no code but the ring's. An old value is
//! moved out, and dropped when the new one is visible; those of a batch that panicked are dropped before the next one
//! is admitted. With several publishers nothing of the caller's runs between a claim and its stamps: the values are
//! there before, and what they replace is dropped after.
//!
//! **Foreign code runs without a lock.** Wakers, [`Notify`]s and values are cloned, called and dropped while no lock of
//! the ring is held, and may use it. Who has a lock of its own around a publisher wakes the readers after it has
//! released that one, as the hub does (`publish_quietly_with`, `has_sleepers`, `wake_readers`). `tests/ring/reentry.rs` walks
//! by all these places.
//!
//! All this is *checked* by loom, at two preemptions and with two or three threads; it is not proved. See
//! `loom-tests/README.md` for what loom does not explore.
#![cfg_attr(
    all(
        feature = "gateway",
        feature = "pipeline",
        feature = "client",
        feature = "async"
    ),
    doc = "\n\nIn the guide: [`which_stream`](crate::guide::program::which_stream) for a ring without a hub; [`coming_from`](crate::guide::coming_from) tokio's broadcast or a disruptor."
)]

mod blocks;
mod builder;
mod core;
mod error;
mod head;
mod lanes;
mod locked;
mod multi;
mod publish;
mod read;
// Named after its type, as every file here.
#[allow(clippy::module_inception)]
mod ring;
mod stage;
mod wait;

pub use blocks::{Filled, Reused, Slot, Vacant};
pub use builder::{Builder, Overflow, Start, channel};
pub use error::{
    BatchError, Lagged, PublishError, RecvError, RecvTimeoutError, ReleaseError, RingError,
    SeekError, SubscribeError, TryRecvError, UpstreamError,
};
pub use lanes::{LaneGroup, Lanes};
pub use multi::{SharedPublisher, WeakPublisher};
#[cfg(feature = "async")]
pub use publish::PublishAsync;
pub use publish::Publisher;
#[cfg(feature = "async")]
pub use read::RecvAsync;
pub use read::{Batch, CursorId, Iter, ReaderGroup, Ref, Round, Subscriber, TryIter, Waited};
pub use ring::Ring;
pub use stage::Upstream;
#[cfg(feature = "_loom")]
#[doc(hidden)]
pub use stage::models;
#[cfg(all(feature = "async", feature = "hub"))]
pub(crate) use wait::TaskWaker;
#[cfg(any(feature = "hub", feature = "_loom"))]
#[allow(unused_imports, reason = "for the hub, and its models")]
pub(crate) use wait::notify_and_drop;
pub use wait::{Fencing, Notify, Select, WaitStrategy, Waiter};
