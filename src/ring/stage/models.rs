//! The parts of staged rings that only the hub uses, for the models in `loom-tests`.

use super::upstream::Upstream;
use crate::ring::wait::Notify;
use crate::ring::{Publisher, Ring, Waiter};
use std::ops::Range;
use std::sync::Arc;

/// Moves the barrier as the publisher.
pub fn pass<T>(publisher: &mut Publisher<T>, to: u64) -> Range<u64> {
    publisher.pass(to)
}

/// Moves the barrier as the driver of a journal.
pub fn raise_barrier<T>(ring: &Ring<T>, to: u64) -> Range<u64> {
    ring.raise_barrier(to)
}

/// Moves the gate of an upstream handle apart from the barrier.
pub fn move_gate<T>(upstream: &mut Upstream<T>, to: u64) {
    upstream.move_gate(to);
}

/// Makes a place on the list of those who wait for room.
pub fn room_waiter<T: Send + Sync + 'static>(ring: &Ring<T>, notify: Arc<dyn Notify>) -> Waiter {
    ring.room_waiter(notify)
}
