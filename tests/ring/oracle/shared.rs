//! A dumber ring judges the clever one where several publish into it, and where it does not retain.

use eventring::ring::{
    BatchError, Builder, Overflow, PublishError, Ring, SharedPublisher, Start, Subscriber,
    TryRecvError, WeakPublisher,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone)]
enum Operation {
    Publish(usize),
    Batch(usize, usize),
    Clone(usize),
    Drop(usize),
    Upgrade,
    Subscribe { gated: bool },
    Unsubscribe(usize),
    Receive(usize),
    Drain(usize, usize),
    Close(usize),
}

/// The values that live: each is its sequence, is born once and dies once.
#[derive(Clone, Default)]
struct Alive(Arc<Mutex<BTreeSet<u64>>>);

struct Value(u64, Alive);

impl Alive {
    fn value(&self, n: u64) -> Value {
        assert!(self.0.lock().unwrap().insert(n), "{n} is born once");
        Value(n, self.clone())
    }

    fn oldest(&self) -> Option<u64> {
        self.0.lock().unwrap().first().copied()
    }

    fn count(&self, from: u64, to: u64) -> u64 {
        self.0.lock().unwrap().range(from..to).count() as u64
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        assert!(self.1.0.lock().unwrap().remove(&self.0), "dropped twice");
    }
}

struct Shared {
    publishers: Vec<SharedPublisher<Value>>,
    weak: WeakPublisher<Value>,
    ring: Ring<Value>,
    subscribers: Vec<(bool, Subscriber<Value>)>,
    alive: Alive,
    capacity: u64,
    overflow: Overflow,
    retain: bool,
    head: u64,
    /// What was published below it while nobody held it is dropped when it is written over, not when it is passed.
    ungated: u64,
    closed: bool,
}

impl Shared {
    fn new(capacity: usize, overflow: Overflow, retain: bool) -> Self {
        let builder = Builder::new(capacity).overflow(overflow).retain(retain);
        let (publisher, ring) = builder.build_shared().unwrap();
        Self {
            weak: publisher.downgrade(),
            publishers: vec![publisher],
            ring,
            subscribers: Vec::new(),
            alive: Alive::default(),
            capacity: capacity as u64,
            overflow,
            retain,
            head: 0,
            ungated: 0,
            closed: false,
        }
    }

    fn gate(&self) -> Option<u64> {
        let gates = self.subscribers.iter().filter(|(gated, _)| *gated);
        gates.map(|(_, subscriber)| subscriber.position()).min()
    }

    fn has_room(&self, len: u64) -> bool {
        self.gate()
            .is_none_or(|gate| self.head + len <= gate + self.capacity)
    }

    fn oldest(&self) -> u64 {
        self.head.saturating_sub(self.capacity)
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Publish(at) => self.publish(at),
            Operation::Batch(at, len) => self.batch(at, len),
            Operation::Clone(at) if !self.publishers.is_empty() => {
                let at = at % self.publishers.len();
                self.publishers.push(self.publishers[at].clone());
            }
            Operation::Drop(at) if !self.publishers.is_empty() => {
                let at = at % self.publishers.len();
                self.publishers.swap_remove(at);
                self.closed |= self.publishers.is_empty();
            }
            Operation::Upgrade => {
                let upgraded = self.weak.upgrade();
                assert_eq!(upgraded.is_some(), !self.publishers.is_empty());
                self.publishers.extend(upgraded);
            }
            Operation::Subscribe { gated } => {
                let subscriber = if gated {
                    self.ring.subscribe_gated(Start::Newest)
                } else {
                    self.ring.subscribe(Start::Newest)
                };
                let allowed = if gated {
                    self.overflow != Overflow::Overwrite
                } else {
                    self.retain
                };
                assert_eq!(subscriber.is_ok(), allowed);
                self.subscribers.extend(subscriber.map(|s| (gated, s)));
            }
            Operation::Unsubscribe(at) if !self.subscribers.is_empty() => {
                let at = at % self.subscribers.len();
                self.subscribers.swap_remove(at);
            }
            Operation::Receive(at) => self.read(at, 1, true),
            Operation::Drain(at, max) => self.read(at, max, false),
            Operation::Close(at) if !self.publishers.is_empty() => {
                self.publishers[at % self.publishers.len()].close();
                self.closed = true;
            }
            _ => {}
        }
        if self.gate().is_none() {
            self.ungated = self.head;
        }
        self.check();
    }

    fn publish(&mut self, at: usize) {
        if self.publishers.is_empty() {
            return;
        }
        let publisher = &self.publishers[at % self.publishers.len()];
        let published = publisher.publish(self.alive.value(self.head));
        match published {
            Ok(sequence) => {
                assert!(!self.closed && self.has_room(1));
                assert_eq!(sequence, self.head);
                self.head += 1;
            }
            Err(PublishError::Closed(value)) => assert!(self.closed && value.0 == self.head),
            Err(PublishError::Full(value)) => assert!(!self.has_room(1) && value.0 == self.head),
            Err(PublishError::TimedOut(_)) => panic!("nobody waits"),
        }
    }

    fn batch(&mut self, at: usize, len: usize) {
        if self.publishers.is_empty() {
            return;
        }
        let publisher = &self.publishers[at % self.publishers.len()];
        let sequences = self.head..self.head + len as u64;
        let mut values: Vec<_> = sequences.clone().map(|n| self.alive.value(n)).collect();
        let published = publisher.publish_batch(&mut values);
        match published {
            Ok(range) => {
                assert!(!self.closed && (len == 0 || self.has_room(len as u64)));
                assert_eq!((range, values.len()), (sequences, 0));
                self.head += len as u64;
                return;
            }
            Err(BatchError::TooLarge { .. }) => assert!(len as u64 > self.capacity),
            Err(BatchError::Closed) => assert!(self.closed),
            Err(BatchError::Full) => assert!(!self.has_room(len as u64)),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(values.len(), len, "as it was");
    }

    fn read(&mut self, at: usize, max: usize, one: bool) {
        if self.subscribers.is_empty() {
            return;
        }
        let (oldest, head) = (self.oldest(), self.head);
        let at = at % self.subscribers.len();
        let (gated, subscriber) = &mut self.subscribers[at];
        let (gated, from) = (*gated, subscriber.position());
        assert_eq!(subscriber.lag(), head - from);
        let result = if one {
            subscriber
                .try_recv()
                .map(|value| assert_eq!(value.0, from))
                .map(|()| 1)
        } else {
            subscriber.drain(max, |first, values| {
                for (sequence, value) in (first..).zip(values) {
                    assert_eq!(value.0, sequence);
                }
            })
        };
        let to = subscriber.position();
        match result {
            Ok(read) => {
                assert_eq!(read as u64, to - from);
                assert_eq!(to, head.min(from + max as u64));
                assert!(max == 0 || from >= oldest, "exactly what is kept");
            }
            Err(TryRecvError::Lagged(lagged)) => {
                assert!(!gated, "a gated reader loses nothing");
                assert_eq!((lagged.missed, lagged.resume_at), (oldest - from, oldest));
                assert_eq!(to, oldest);
            }
            Err(TryRecvError::Closed { .. }) => assert!(self.closed && from == head),
            Err(TryRecvError::Empty) => assert!(!self.closed && from == head),
        }
        let block = self.capacity.next_power_of_two().min(64);
        if !self.retain && from / block != to / block {
            let gate = self.gate().expect("who read has one");
            let passed = gate / block * block;
            let left = self.alive.count(self.ungated.min(passed), passed);
            assert_eq!(left, 0, "every gate has passed it");
        }
    }

    fn check(&self) {
        assert_eq!(
            (self.ring.head(), self.ring.is_closed()),
            (self.head, self.closed)
        );
        let kept = match self.gate() {
            // What nobody has passed stays, whatever is retained.
            Some(gate) if !self.retain => gate,
            _ if !self.retain => self.head,
            _ => self.oldest(),
        };
        let count = self.alive.count(kept, self.head);
        assert_eq!(count, self.head - kept, "kept, and dropped");
    }
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let at = 0..4_usize;
    let operation = prop_oneof![
        60 => at.clone().prop_map(Operation::Publish),
        30 => (at.clone(), 0..12_usize).prop_map(|(at, len)| Operation::Batch(at, len)),
        10 => at.clone().prop_map(Operation::Clone),
        8 => at.clone().prop_map(Operation::Drop),
        8 => Just(Operation::Upgrade),
        20 => any::<bool>().prop_map(|gated| Operation::Subscribe { gated }),
        10 => at.clone().prop_map(Operation::Unsubscribe),
        30 => at.clone().prop_map(Operation::Receive),
        40 => (at.clone(), 0..20_usize).prop_map(|(at, max)| Operation::Drain(at, max)),
        1 => at.prop_map(Operation::Close),
    ];
    prop::collection::vec(operation, 1..120)
}

proptest! {
    #[test]
    fn a_shared_ring_is_the_oracle(
        operations in operations(),
        capacity in prop_oneof![1..10_usize, 60..140_usize],
        overwrite in any::<bool>(),
    ) {
        let overflow = if overwrite { Overflow::Overwrite } else { Overflow::Reject };
        let mut shared = Shared::new(capacity, overflow, true);
        let alive = shared.alive.clone();
        operations.into_iter().for_each(|operation| shared.apply(operation));
        drop(shared);
        prop_assert_eq!(alive.oldest(), None, "each is dropped");
    }

    #[test]
    fn a_shared_ring_that_does_not_retain_is_the_oracle(
        operations in operations(),
        capacity in 1..10_usize,
    ) {
        let mut shared = Shared::new(capacity, Overflow::Reject, false);
        let alive = shared.alive.clone();
        operations.into_iter().for_each(|operation| shared.apply(operation));
        drop(shared);
        prop_assert_eq!(alive.oldest(), None, "each is dropped");
    }
}
