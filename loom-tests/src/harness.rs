//! The parts that the models share: how they are checked, the rings that they run on, and the values.
//!
//! Rings here have one or two slots a block, so that every publish or every other one recycles a block. Payloads are
//! their own sequence: who reads a value that is not its sequence has read a torn, recycled or unpublished slot, and
//! loom itself watches every slot for reads and writes that are not ordered.
// The number of executions is half of what a model says: one that has a single one checks nothing.
#![allow(clippy::print_stdout)]

use eventring::ring::{
    Builder, Fencing, Notify, Overflow, Publisher, Ring, SharedPublisher, Subscriber, TryRecvError,
};
pub use loom::future::block_on;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use std::sync::Arc;
use std::task::Wake;

/// A ring on which gated readers lose nothing, and nobody waits for them.
pub const GATED: Overflow = Overflow::Reject;
/// A ring whose publishers wait for gated readers.
pub const BLOCKING: Overflow = Overflow::Block { timeout: None };

/// Checks a model twice: `run` gets which of its two sides is the spawned thread (see [`together`]).
pub fn model(run: impl Fn(bool) + Sync + Send + Clone + 'static) {
    check(None, run);
}

/// Like [`model`], for one that would take too long above so many preemptions, whatever `BOUND` says.
pub fn model_up_to(most: usize, run: impl Fn(bool) + Sync + Send + Clone + 'static) {
    check(Some(most), run);
}

fn check(most: Option<usize>, run: impl Fn(bool) + Sync + Send + Clone + 'static) {
    let bound = std::env::var("BOUND").unwrap_or_else(|_| "2".to_owned());
    let asked: Option<usize> = bound.parse().ok();
    for swap in [false, true] {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = match (asked, most) {
            (Some(asked), Some(most)) => Some(asked.min(most)),
            (asked, most) => asked.or(most),
        };
        builder.max_branches = 100_000;
        let executions = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let start = std::time::Instant::now();
        let (count, run) = (executions.clone(), run.clone());
        let preemptions = builder.preemption_bound;
        builder.check(move || {
            count.fetch_add(1, Ordering::Relaxed);
            run(swap);
        });
        println!(
            "{} executions in {:.1} s, {preemptions:?} preemptions",
            executions.load(Ordering::Relaxed),
            start.elapsed().as_secs_f64()
        );
    }
}

/// Runs two sides at once, one of them on this thread.
///
/// loom remembers the last access of each object only, so that what it explores depends on who goes first: each model
/// is therefore checked both ways round.
pub fn together<A: 'static, B: 'static>(
    swap: bool,
    left: impl FnOnce() -> A + 'static,
    right: impl FnOnce() -> B + 'static,
) -> (A, B) {
    if swap {
        let left = thread::spawn(left);
        let right = right();
        (left.join().unwrap(), right)
    } else {
        let right = thread::spawn(right);
        let left = left();
        (left, right.join().unwrap())
    }
}

/// Like [`together`], for sides that sleep: both are spawned, and this thread only waits for them. A late `unpark` of a
/// thread that is in `join` by then is harmless, but loom takes it for the end of the join.
pub fn apart<A: 'static, B: 'static>(
    swap: bool,
    left: impl FnOnce() -> A + 'static,
    right: impl FnOnce() -> B + 'static,
) -> (A, B) {
    if swap {
        let left = thread::spawn(left);
        let right = thread::spawn(right);
        (left.join().unwrap(), right.join().unwrap())
    } else {
        let right = thread::spawn(right);
        let left = thread::spawn(left);
        (left.join().unwrap(), right.join().unwrap())
    }
}

/// A ring in which nobody sleeps: no fence stands in for an ordering that is missing.
pub fn ring(capacity: usize, overflow: Overflow) -> (Publisher<u64>, Ring<u64>) {
    Builder::new(capacity).overflow(overflow).build().unwrap()
}

/// A staged ring in which nobody sleeps.
pub fn staged(capacity: usize, overflow: Overflow) -> (Publisher<u64>, Ring<u64>) {
    let builder = Builder::new(capacity).overflow(overflow).staged();
    builder.build().unwrap()
}

/// A ring of several publishers, in which nobody sleeps.
pub fn shared<T: Send + Sync>(
    capacity: usize,
    overflow: Overflow,
) -> (SharedPublisher<T>, Ring<T>) {
    let builder = Builder::new(capacity).overflow(overflow);
    builder.build_shared().unwrap()
}

/// A ring in which somebody sleeps. loom knows no `membarrier`, so it has fences.
pub fn sleepy(capacity: usize, overflow: Overflow) -> (Publisher<u64>, Ring<u64>) {
    fenced(capacity, overflow).build().unwrap()
}

/// A staged ring in which somebody sleeps.
pub fn sleepy_staged(capacity: usize, overflow: Overflow) -> (Publisher<u64>, Ring<u64>) {
    fenced(capacity, overflow).staged().build().unwrap()
}

/// A staged ring of several publishers, in which somebody sleeps.
pub fn sleepy_staged_shared(
    capacity: usize,
    overflow: Overflow,
) -> (SharedPublisher<u64>, Ring<u64>) {
    let builder = fenced(capacity, overflow).staged();
    builder.build_shared().unwrap()
}

/// A ring of several publishers, in which somebody sleeps.
pub fn sleepy_shared(capacity: usize, overflow: Overflow) -> (SharedPublisher<u64>, Ring<u64>) {
    fenced(capacity, overflow).build_shared().unwrap()
}

fn fenced(capacity: usize, overflow: Overflow) -> Builder {
    Builder::new(capacity)
        .overflow(overflow)
        .fencing(Fencing::Fence)
}

/// Publishes `count` values, each its own sequence.
pub fn publish(publisher: &mut Publisher<u64>, count: u64) {
    for _ in 0..count {
        let value = publisher.next();
        assert_eq!(publisher.publish(value), Ok(value));
    }
}

/// Tries to publish `count` values, each its own sequence, on a ring that may be full.
pub fn try_publish(publisher: &mut Publisher<u64>, count: u64) {
    for _ in 0..count {
        let value = publisher.next();
        let _ = publisher.publish(value);
    }
}

/// Drains once. Checks that payloads are sequences, that a lag is not in vain and counts right, and that a lossless
/// reader has none. Returns how many sequences were read or missed.
pub fn drain(subscriber: &mut Subscriber<u64>, lossless: bool) -> u64 {
    let before = subscriber.position();
    let mut expected = before;
    let result = subscriber.drain(usize::MAX, |first, values| {
        assert_eq!(first, expected, "in order, without a hole");
        for value in values {
            assert_eq!(*value, expected, "the payload of this sequence");
            expected += 1;
        }
    });
    match result {
        Ok(read) => assert_eq!(read as u64, expected - before),
        Err(TryRecvError::Lagged(lagged)) => {
            assert!(!lossless, "a gate was lapped");
            assert!(lagged.resume_at > before, "a lag that is none");
            assert_eq!(lagged.missed, lagged.resume_at - before);
            assert_eq!(lagged.resume_at, subscriber.position());
        }
        Err(TryRecvError::Empty | TryRecvError::Closed { .. }) => {}
    }
    subscriber.position() - before
}

/// Drains once, and notes what was at which sequence.
pub fn note(subscriber: &mut Subscriber<u64>, seen: &mut Vec<(u64, u64)>) {
    let _ = subscriber.drain(usize::MAX, |first, values| {
        seen.extend((first..).zip(values.iter().copied()));
    });
}

/// A value that is counted while it lives.
pub struct Counted(pub u64, Arc<AtomicUsize>);

impl Counted {
    /// Makes a value, and counts it.
    pub fn new(value: u64, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(value, alive.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert_ne!(self.1.fetch_sub(1, Ordering::Relaxed), 0, "dropped twice");
    }
}

/// Notes that it was told.
pub struct Flag(AtomicBool);

impl Flag {
    /// Makes a flag that is down.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(false)))
    }

    /// Returns whether it was notified.
    pub fn is_up(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Notify for Flag {
    fn notify(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.notify();
    }
}
