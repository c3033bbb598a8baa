//! The check that a ring keeps its promises for any operations in any order: for the property test and the fuzz target.

mod groups;
mod operation;
mod oracle;
mod publishing;
mod reading;
mod value;

use eventring::ring::{
    Builder, CursorId, Overflow, Publisher, ReaderGroup, Ring, SharedPublisher, Subscriber,
};
use operation::{BYTES, Kind, Operation};
use oracle::Oracle;
use value::{Value, arm, caught};

/// Readers at once.
const READERS: usize = 8;
/// Operations of one input; what follows is not looked at.
const OPERATIONS_MAX: usize = 400;
/// Holds within holds.
const DEPTH_MAX: usize = 3;

/// Does what `input` says to a ring, and compares everything that it answers with a vector of all that was published.
/// Values know whether they are alive: they are never read before they were written or after they were dropped, nor
/// dropped twice, and all of them go. Closures, iterators and drops panic where the input says so.
///
/// # Panics
///
/// Where the two differ.
pub(crate) fn ring(input: &[u8]) {
    let Some((plan, operations)) = input.split_first_chunk::<2>() else {
        return;
    };
    value::begin();
    let operations = operations.chunks_exact(BYTES).take(OPERATIONS_MAX);
    let operations: Vec<_> = operations.map(Operation::read).collect();
    let mut check = Check::new(*plan);
    check.run(&mut operations.iter(), usize::MAX, 0);
    check.finish(plan[0]);
}

enum Publishing {
    One(Publisher<Value>),
    Many(Vec<SharedPublisher<Value>>),
}

struct Check {
    publishing: Publishing,
    ring: Ring<Value>,
    retains: bool,
    gates: bool,
    readers: Vec<Option<Subscriber<Value>>>,
    groups: [Option<ReaderGroup<Value>>; 2],
    cursors: [Vec<CursorId>; 2],
    oracle: Oracle,
}

/// The bound up to which the oldest that is kept may rise in an operation of which the oracle cannot say exactly.
type Bound = Option<u64>;

impl Check {
    fn new([plan, size]: [u8; 2]) -> Self {
        let size = usize::from(size);
        let capacity = match plan % 4 {
            0 => 1 + size % 5,
            1 => 60 + size % 10,
            _ => 1 + size,
        };
        let (many, gates) = (plan & 4 != 0, plan & 8 != 0);
        let retains = !gates || plan & 16 != 0;
        let overflow = match gates {
            true => Overflow::Reject,
            false => Overflow::Overwrite,
        };
        let builder = Builder::new(capacity).overflow(overflow).retain(retains);
        let (publishing, ring) = match many {
            true => {
                let (publisher, ring) = builder.build_shared().unwrap();
                (Publishing::Many(vec![publisher]), ring)
            }
            false => {
                let (publisher, ring) = builder.build().unwrap();
                (Publishing::One(publisher), ring)
            }
        };
        let oracle = Oracle {
            capacity: capacity as u64,
            ids: Vec::new(),
            oldest: 0,
            closed: false,
            readers: vec![None; READERS],
            groups: Default::default(),
            group_gate: u64::MAX,
        };
        Self {
            publishing,
            groups: [
                retains.then(|| ring.group().unwrap()),
                gates.then(|| ring.group_gated().unwrap()),
            ],
            ring,
            retains,
            gates,
            readers: (0..READERS).map(|_| None).collect(),
            cursors: Default::default(),
            oracle,
        }
    }

    fn run(&mut self, operations: &mut std::slice::Iter<'_, Operation>, most: usize, depth: usize) {
        for _ in 0..most {
            let Some(operation) = operations.next() else {
                return;
            };
            arm(operation.bomb);
            let bound = match operation.kind {
                Kind::Publish => self.publish(),
                Kind::PublishWith(fill) => self.publish_with(fill),
                Kind::Batch(len, end) => self.batch(len, end),
                Kind::BatchWith(len, end) => self.batch_with(len, end),
                Kind::Trim(ahead, panics) => self.trim(ahead, panics),
                Kind::Subscribe { gated, back } => self.subscribe(gated, back),
                Kind::Unsubscribe(at) => self.unsubscribe(at),
                Kind::Copy(at) => self.copy(at),
                Kind::Receive(at, fate) => self.receive(at, fate),
                Kind::Peek(at) => self.peek(at),
                Kind::Drain(at, max, panics) => self.drain(at, max, panics),
                Kind::ReadWhile(at, max, panics) => self.read_while(at, max, panics),
                Kind::Hold(at, most, fate) if depth < DEPTH_MAX => {
                    self.hold((at, fate), operations, most, depth)
                }
                Kind::Hold(..) => None,
                Kind::Seek(at, back) => self.seek(at, back),
                Kind::GroupAdd { gated, back } => self.group_add(gated, back),
                Kind::GroupRemove { gated, at } => self.group_remove(gated, at),
                Kind::GroupDrain { gated, max } => self.group_drain(gated, max),
                Kind::Publishers => self.publishers(),
                Kind::Close => self.close(),
            };
            arm(0);
            self.compare(bound);
        }
    }

    /// Compares what is there, where the oldest may have risen to `bound`.
    fn compare(&mut self, bound: Bound) {
        let (oracle, ring) = (&mut self.oracle, &self.ring);
        assert_eq!(ring.head(), oracle.head());
        let mut most = bound.unwrap_or(0);
        if !self.retains {
            // Whoever was last to pass whole blocks has dropped what is in them.
            most = most.max(oracle.gate());
        }
        let oldest = ring.oldest();
        assert!(
            (oracle.oldest..=oracle.oldest.max(most.min(oracle.head()))).contains(&oldest),
            "{} -> {oldest}, at most {most}",
            oracle.oldest
        );
        oracle.oldest = oldest;
        assert_eq!(ring.len() as u64, oracle.head() - oldest);
        assert_eq!(ring.is_closed(), oracle.closed);
        let places = oracle.readers.iter().flatten().count();
        let groups = self.groups.iter().flatten().count();
        assert_eq!(ring.subscriber_count(), places + groups);
        for (reader, place) in self.readers.iter().zip(&oracle.readers) {
            if let Some(reader) = reader {
                assert_eq!(reader.position(), place.unwrap().cursor);
            }
        }
        for (group, (ids, cursors)) in
            (self.groups.iter()).zip(self.cursors.iter().zip(&oracle.groups))
        {
            for (id, cursor) in ids.iter().zip(cursors) {
                assert_eq!(group.as_ref().unwrap().position(*id), *cursor);
            }
        }
    }

    fn close(&mut self) -> Bound {
        match &mut self.publishing {
            Publishing::One(publisher) => publisher.close(),
            Publishing::Many(publishers) => publishers[0].close(),
        }
        self.oracle.closed = true;
        None
    }

    fn publishers(&mut self) -> Bound {
        if let Publishing::Many(publishers) = &mut self.publishing {
            match publishers.len() {
                1 | 2 => publishers.push(publishers[0].clone()),
                _ => drop(publishers.remove(0)),
            }
        }
        None
    }

    /// Ends it all, in an order that the plan says; whatever else happens, each value has gone once.
    fn finish(self, plan: u8) {
        let Self {
            publishing,
            ring,
            readers,
            groups,
            ..
        } = self;
        arm(u32::from(plan / 32));
        let _ = match plan / 32 % 2 {
            0 => caught(|| drop((publishing, readers, groups, ring))),
            _ => caught(|| drop((ring, groups, readers, publishing))),
        };
        arm(0);
        assert_eq!(value::alive(), 0, "values that nobody dropped");
    }
}
