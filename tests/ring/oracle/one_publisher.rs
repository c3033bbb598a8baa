//! A dumber ring judges the clever one: random operations against a `VecDeque` that keeps the last values.

use eventring::ring::{
    BatchError, Builder, Lagged, Overflow, PublishError, Publisher, Ring, SeekError, Start,
    SubscribeError, Subscriber, TryRecvError,
};
use proptest::prelude::*;
use std::collections::VecDeque;

#[derive(Debug, Clone)]
enum Operation {
    Publish,
    PublishWith,
    Batch(usize),
    Trim(u64),
    Subscribe {
        gated: bool,
        back: Option<u64>,
    },
    Unsubscribe(usize),
    Copy(usize),
    Receive(usize),
    Drain(usize, usize),
    ReadWhile(usize, usize),
    Peek(usize),
    /// Which reader, how many at most, how many it commits; None drops the batch.
    NextBatch(usize, usize, Option<usize>),
    Seek(usize, u64),
    Close,
}

/// The oracle: the promises of a ring in the simplest words.
struct Oracle {
    capacity: usize,
    gates: bool,
    head: u64,
    /// The values from `head - kept.len()` to head.
    kept: VecDeque<u64>,
    readers: Vec<(bool, u64)>,
    closed: bool,
}

impl Oracle {
    fn oldest(&self) -> u64 {
        self.head - self.kept.len() as u64
    }

    fn gate(&self) -> Option<u64> {
        self.readers
            .iter()
            .filter(|(gated, _)| *gated)
            .map(|(_, cursor)| *cursor)
            .min()
    }

    fn has_room(&self, len: usize) -> bool {
        self.gate()
            .is_none_or(|gate| self.head + len as u64 <= gate + self.capacity as u64)
    }

    fn publish(&mut self, len: usize) {
        for _ in 0..len {
            self.kept.push_back(self.head);
            self.head += 1;
        }
        while self.kept.len() > self.capacity {
            self.kept.pop_front();
        }
    }

    /// Returns what the next read of a reader says, if not values.
    fn refusal(&mut self, at: usize) -> Option<TryRecvError> {
        let (oldest, head, closed) = (self.oldest(), self.head, self.closed);
        let (_, cursor) = &mut self.readers[at];
        if *cursor == head {
            return Some(if closed {
                TryRecvError::Closed { abandoned: false }
            } else {
                TryRecvError::Empty
            });
        }
        if *cursor < oldest {
            let lagged = Lagged {
                missed: oldest - *cursor,
                resume_at: oldest,
            };
            *cursor = oldest;
            return Some(TryRecvError::Lagged(lagged));
        }
        None
    }

    fn value(&self, sequence: u64) -> u64 {
        self.kept[(sequence - self.oldest()) as usize]
    }
}

struct Pair {
    publisher: Publisher<u64>,
    ring: Ring<u64>,
    subscribers: Vec<Subscriber<u64>>,
    oracle: Oracle,
}

impl Pair {
    fn new(capacity: usize, gates: bool) -> Self {
        let overflow = if gates {
            Overflow::Reject
        } else {
            Overflow::Overwrite
        };
        let (publisher, ring) = Builder::new(capacity).overflow(overflow).build().unwrap();
        let (kept, readers) = (VecDeque::new(), Vec::new());
        let oracle = Oracle {
            capacity,
            gates,
            head: 0,
            kept,
            readers,
            closed: false,
        };
        Self {
            publisher,
            ring,
            subscribers: Vec::new(),
            oracle,
        }
    }

    fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Publish => self.publish(),
            Operation::PublishWith => self.publish_with(),
            Operation::Batch(len) => self.batch(len),
            Operation::Trim(ahead) => self.trim(ahead),
            Operation::Subscribe { gated, back } => self.subscribe(gated, back),
            Operation::Close => {
                self.publisher.close();
                self.oracle.closed = true;
            }
            _ if self.subscribers.is_empty() => {}
            Operation::Unsubscribe(at) => {
                let at = at % self.subscribers.len();
                self.subscribers.remove(at);
                self.oracle.readers.remove(at);
            }
            Operation::Copy(at) => {
                let at = at % self.subscribers.len();
                self.subscribers
                    .push(self.subscribers[at].try_clone().unwrap());
                self.oracle.readers.push(self.oracle.readers[at]);
            }
            Operation::Receive(at) => self.receive(at % self.subscribers.len()),
            Operation::Drain(at, max) => self.drain(at % self.subscribers.len(), max),
            Operation::ReadWhile(at, max) => self.read_while(at % self.subscribers.len(), max),
            Operation::Peek(at) => self.peek(at % self.subscribers.len()),
            Operation::NextBatch(at, max, commit) => {
                self.next_batch(at % self.subscribers.len(), max, commit);
            }
            Operation::Seek(at, back) => self.seek(at % self.subscribers.len(), back),
        }
        self.compare();
    }

    fn compare(&self) {
        let oracle = &self.oracle;
        assert_eq!(self.ring.head(), oracle.head);
        assert_eq!(self.ring.oldest(), oracle.oldest());
        assert_eq!(self.ring.len(), oracle.kept.len());
        assert_eq!(self.publisher.len(), oracle.kept.len());
        assert_eq!(self.ring.is_closed(), oracle.closed);
        assert_eq!(self.ring.subscriber_count(), oracle.readers.len());
        for (subscriber, (_, cursor)) in self.subscribers.iter().zip(&oracle.readers) {
            assert_eq!(
                (subscriber.position(), subscriber.lag()),
                (*cursor, oracle.head - *cursor)
            );
        }
    }

    fn publish(&mut self) {
        let value = self.oracle.head;
        let expected = if self.oracle.closed {
            Err(PublishError::Closed(value))
        } else if !self.oracle.has_room(1) {
            Err(PublishError::Full(value))
        } else {
            self.oracle.publish(1);
            Ok(value)
        };
        assert_eq!(self.publisher.publish(value), expected);
    }

    fn publish_with(&mut self) {
        let value = self.oracle.head;
        let fits = !self.oracle.closed && self.oracle.has_room(1);
        let done = self.publisher.publish_with(|slot| slot.set(value));
        assert_eq!(done.ok(), fits.then_some(value));
        if fits {
            self.oracle.publish(1);
        }
    }

    fn batch(&mut self, len: usize) {
        let (head, capacity) = (self.oracle.head, self.oracle.capacity);
        let expected = if self.oracle.closed {
            Err(BatchError::Closed)
        } else if len > capacity {
            Err(BatchError::TooLarge { len, capacity })
        } else if len > 0 && !self.oracle.has_room(len) {
            Err(BatchError::Full)
        } else {
            self.oracle.publish(len);
            Ok(head..head + len as u64)
        };
        let values = (0..len).map(|at| head + at as u64);
        assert_eq!(self.publisher.publish_batch(values), expected);
    }

    /// Whole blocks: the oracle believes the new oldest if it is where it may be, and the values that came.
    fn trim(&mut self, ahead: u64) {
        let old = self.oracle.oldest();
        let before = old + ahead;
        let oldest = self.publisher.trim(before, |_| ());
        let bound = before
            .min(self.oracle.head)
            .min(self.oracle.gate().unwrap_or(u64::MAX));
        assert!(
            oldest >= old && oldest <= bound.max(old),
            "{old} -> {oldest}, bound {bound}"
        );
        assert!(
            bound < old + 64 || oldest > bound - 64,
            "no whole block below {bound} stays"
        );
        self.oracle.kept.drain(..(oldest - old) as usize);
    }

    fn subscribe(&mut self, gated: bool, back: Option<u64>) {
        let (head, oldest) = (self.oracle.head, self.oracle.oldest());
        let (start, position) = match back {
            None => (Start::Oldest, oldest),
            Some(0) => (Start::Newest, head),
            // One in a few asks for the future.
            Some(back) if back % 7 == 0 => (Start::At(head + back), head + back),
            Some(back) => (
                Start::At(head.saturating_sub(back)),
                head.saturating_sub(back),
            ),
        };
        let expected = if gated && !self.oracle.gates {
            Some(SubscribeError::GatesNotAllowed)
        } else if position > head {
            Some(SubscribeError::InFuture { head })
        } else if gated && position < oldest {
            Some(SubscribeError::TooOld { oldest })
        } else {
            None
        };
        let done = if gated {
            self.ring.subscribe_gated(start)
        } else {
            self.ring.subscribe(start)
        };
        match done {
            Ok(subscriber) => {
                self.subscribers.push(subscriber);
                self.oracle.readers.push((gated, position));
                assert_eq!(expected, None);
            }
            Err(error) => assert_eq!(Some(error), expected),
        }
    }

    fn receive(&mut self, at: usize) {
        let expected = self.oracle.refusal(at);
        match self.subscribers[at].try_recv() {
            Err(error) => assert_eq!(Some(error), expected),
            Ok(value) => {
                assert_eq!(expected, None);
                let cursor = self.oracle.readers[at].1;
                assert_eq!(
                    (value.sequence(), *value),
                    (cursor, self.oracle.value(cursor))
                );
                self.oracle.readers[at].1 += 1;
            }
        }
    }

    fn peek(&mut self, at: usize) {
        let expected = self.oracle.refusal(at);
        match self.subscribers[at].peek() {
            Err(error) => assert_eq!(Some(error), expected),
            Ok(value) => {
                assert_eq!(expected, None);
                let cursor = self.oracle.readers[at].1;
                assert_eq!(
                    (value.sequence(), *value),
                    (cursor, self.oracle.value(cursor))
                );
            }
        }
    }

    fn next_batch(&mut self, at: usize, max: usize, commit: Option<usize>) {
        let expected = self.oracle.refusal(at);
        match self.subscribers[at].next_batch(max) {
            Err(error) => assert_eq!(Some(error), expected),
            Ok(batch) => {
                assert_eq!(expected, None);
                let cursor = self.oracle.readers[at].1;
                assert_eq!(batch.first(), cursor);
                assert!(!batch.is_empty() && batch.len() <= max.max(1));
                for (at, value) in batch.iter().enumerate() {
                    assert_eq!(*value, self.oracle.value(cursor + at as u64));
                }
                // Else it is dropped. It has no `Drop`: to forget a batch is the same.
                if let Some(n) = commit {
                    self.oracle.readers[at].1 += n.min(batch.len()) as u64;
                    batch.commit(n);
                }
            }
        }
    }

    fn drain(&mut self, at: usize, max: usize) {
        let mut seen = Vec::new();
        let done = self.subscribers[at].drain(max, |first, values| {
            assert_eq!(values[0], first);
            seen.extend_from_slice(values);
        });
        self.check_read(at, max, done, &seen);
    }

    fn read_while(&mut self, at: usize, max: usize) {
        let mut seen = Vec::new();
        let done = self.subscribers[at].read_while(usize::MAX, |sequence, value| {
            assert_eq!(sequence, *value);
            if seen.len() == max {
                return false;
            }
            seen.push(*value);
            true
        });
        if max > 0 || done.is_err() {
            self.check_read(at, max.max(1), done, &seen);
        }
    }

    fn check_read(
        &mut self,
        at: usize,
        max: usize,
        done: Result<usize, TryRecvError>,
        seen: &[u64],
    ) {
        if max == 0 {
            return assert_eq!(done, Ok(0));
        }
        if let Some(refusal) = self.oracle.refusal(at) {
            return assert_eq!(done, Err(refusal));
        }
        let cursor = self.oracle.readers[at].1;
        let stop = self.oracle.head.min(cursor + max as u64);
        let expected: Vec<_> = (cursor..stop)
            .map(|sequence| self.oracle.value(sequence))
            .collect();
        assert_eq!((done, seen), (Ok(expected.len()), expected.as_slice()));
        self.oracle.readers[at].1 = stop;
    }

    fn seek(&mut self, at: usize, back: u64) {
        let (head, oldest) = (self.oracle.head, self.oracle.oldest());
        let target = (head + 3).saturating_sub(back);
        let (gated, cursor) = self.oracle.readers[at];
        let expected = if target > head {
            Err(SeekError::InFuture { head })
        } else if gated && target < oldest {
            Err(SeekError::TooOld { oldest })
        } else {
            Ok(())
        };
        assert_eq!(self.subscribers[at].seek(target), expected);
        self.oracle.readers[at].1 = if expected.is_ok() { target } else { cursor };
    }
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        8 => Just(Operation::Publish),
        2 => Just(Operation::PublishWith),
        4 => (0..200usize).prop_map(Operation::Batch),
        1 => (0..300u64).prop_map(Operation::Trim),
        3 => (any::<bool>(), prop::option::of(0..200u64))
            .prop_map(|(gated, back)| Operation::Subscribe { gated, back }),
        2 => any::<usize>().prop_map(Operation::Unsubscribe),
        1 => any::<usize>().prop_map(Operation::Copy),
        6 => any::<usize>().prop_map(Operation::Receive),
        6 => (any::<usize>(), 0..200usize).prop_map(|(at, max)| Operation::Drain(at, max)),
        3 => (any::<usize>(), 0..100usize).prop_map(|(at, max)| Operation::ReadWhile(at, max)),
        2 => any::<usize>().prop_map(Operation::Peek),
        3 => (any::<usize>(), 0..100usize, prop::option::of(0..100usize))
            .prop_map(|(at, max, commit)| Operation::NextBatch(at, max, commit)),
        2 => (any::<usize>(), 0..200u64).prop_map(|(at, back)| Operation::Seek(at, back)),
    ];
    (
        prop::collection::vec(operation, 1..150),
        prop::option::of(Just(Operation::Close)),
    )
        .prop_map(|(operations, close)| operations.into_iter().chain(close).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_ring_does_what_a_deque_would(
        capacity in prop_oneof![1..6usize, 60..70usize, 1..200usize],
        gates in any::<bool>(),
        operations in operations(),
        more in operations(),
    ) {
        let mut pair = Pair::new(capacity, gates);
        for operation in operations.iter().chain(&more) {
            pair.run(operation);
        }
    }
}
