//! A dumber ring judges the clever one on lanes: a ring for each publisher, and one group that reads them.

use eventring::ring::{Builder, LaneGroup, Overflow, Publisher, Start};
use proptest::prelude::*;

/// One lane in the simplest words.
#[derive(Default)]
struct Lane {
    head: u64,
    cursor: u64,
    closed: bool,
}

/// An operation on lanes: on which of them, and how much.
#[derive(Debug, Clone)]
enum Operation {
    Publish(usize, usize),
    Close(usize),
    Drain(usize),
}

struct Lanes {
    publishers: Vec<Publisher<u64>>,
    group: LaneGroup<u64>,
    lanes: Vec<Lane>,
    capacity: u64,
    gated: bool,
}

impl Lanes {
    fn new(count: usize, capacity: usize, gated: bool) -> Self {
        let overflow = if gated {
            Overflow::Reject
        } else {
            Overflow::Overwrite
        };
        let builder = Builder::new(capacity).overflow(overflow);
        let (publishers, lanes) = builder.build_lanes(count).unwrap();
        let group = if gated {
            lanes.group_gated(Start::Newest)
        } else {
            lanes.group(Start::Newest)
        };
        Self {
            publishers,
            group: group.unwrap(),
            lanes: (0..count).map(|_| Lane::default()).collect(),
            capacity: capacity as u64,
            gated,
        }
    }

    fn apply(&mut self, operation: Operation) {
        let count = self.lanes.len();
        match operation {
            Operation::Publish(at, values) => {
                let (publisher, lane) = (
                    &mut self.publishers[at % count],
                    &mut self.lanes[at % count],
                );
                for _ in 0..values {
                    let has_room = !self.gated || lane.head < lane.cursor + self.capacity;
                    let published = publisher.publish(lane.head);
                    assert_eq!(published.is_ok(), has_room && !lane.closed);
                    lane.head += u64::from(published.is_ok());
                }
            }
            Operation::Close(at) => {
                self.publishers[at % count].close();
                self.lanes[at % count].closed = true;
            }
            Operation::Drain(max) => self.drain(max),
        }
    }

    fn drain(&mut self, max: usize) {
        let mut next: Vec<_> = self.lanes.iter().map(|lane| lane.cursor).collect();
        let round = self.group.drain(max, |at, first, values| {
            assert_eq!(first, next[at]);
            for value in values {
                assert_eq!(*value, next[at]);
                next[at] += 1;
            }
        });
        let (mut read, mut missed, mut closed) = (0, 0, true);
        for lane in &mut self.lanes {
            closed &= lane.closed && lane.cursor == lane.head;
            let oldest = lane.head.saturating_sub(self.capacity);
            if lane.cursor < oldest {
                missed += oldest - lane.cursor;
                lane.cursor = oldest;
            } else {
                let stop = lane.head.min(lane.cursor + max as u64);
                read += stop - lane.cursor;
                lane.cursor = stop;
            }
        }
        assert_eq!(
            (round.read, round.missed, round.closed),
            (read, missed, closed)
        );
    }
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        6 => (0..3_usize, 1..9_usize).prop_map(|(at, n)| Operation::Publish(at, n)),
        4 => (1..20_usize).prop_map(Operation::Drain),
        1 => (0..3_usize).prop_map(Operation::Close),
    ];
    prop::collection::vec(operation, 1..80)
}

proptest! {
    #[test]
    fn lanes_are_the_oracle(
        operations in operations(),
        count in 1..4_usize,
        capacity in 1..10_usize,
        gated in any::<bool>(),
    ) {
        let mut lanes = Lanes::new(count, capacity, gated);
        operations.into_iter().for_each(|operation| lanes.apply(operation));
    }
}
